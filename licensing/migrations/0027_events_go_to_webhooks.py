"""Queue a delivery for every event in the statement that writes the event, whoever wrote it and however.

Without an endpoint that costs one look at an index. The job that looks after a queue is put in as the transaction commits, behind
the lock on the team's chain of events (accounts, migration 0005): two transactions that wait for each other there never hold
anything that the other needs.
"""

from django.db import migrations

# RFC 9562, section 5.7: 48 bits of time in milliseconds, then random bits. PostgreSQL has its own from 18 on.
UUID7 = """
CREATE FUNCTION licensing_uuid7() RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    SELECT encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6
                ), 52, 1
            ), 53, 1
        ), 'hex'
    )::uuid
$$
"""

QUEUE = """
CREATE FUNCTION licensing_queue_webhooks() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO licensing_webhookdelivery (
        id, application_id, endpoint_id, event_id, action, status, failures, next_attempt_at, created_at
    )
    SELECT licensing_uuid7(), endpoint.application_id, endpoint.id, event.id, event.action, 'pending', 0,
        statement_timestamp(), statement_timestamp()
    FROM events event
    JOIN licensing_webhookendpoint endpoint ON endpoint.application_id = event.application_id
    WHERE endpoint.state <> 'disabled'
        AND endpoint.events && ARRAY['*', event.action, split_part(event.action, '.', 1) || '.*']::varchar[]
    ORDER BY event.id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER queue_webhooks AFTER INSERT ON accounts_event
    REFERENCING NEW TABLE AS events FOR EACH STATEMENT EXECUTE FUNCTION licensing_queue_webhooks();
"""

WAKE = """
CREATE FUNCTION licensing_wake_webhooks() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    VALUES (
        'default', 'deliver_webhooks', 'webhooks ' || NEW.endpoint_id,
        jsonb_build_object('endpoint_id', NEW.endpoint_id)
    )
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER wake_webhooks AFTER INSERT ON licensing_webhookdelivery
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION licensing_wake_webhooks();
"""

# What an event told of a person lies in the attempts to tell it as well, and an answer may repeat it.
FORGET = """
CREATE FUNCTION licensing_forget_in_webhooks() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE licensing_webhookattempt attempt
    SET request_body = '', response_body = '', response_headers = '{}'
    FROM licensing_webhookdelivery delivery
    WHERE attempt.delivery_id = delivery.id AND delivery.event_id IN (SELECT event_id FROM details);
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_in_webhooks AFTER DELETE ON accounts_eventdetail
    REFERENCING OLD TABLE AS details FOR EACH STATEMENT EXECUTE FUNCTION licensing_forget_in_webhooks();
"""

REVERSE = """
DROP FUNCTION licensing_forget_in_webhooks() CASCADE;
DROP FUNCTION licensing_wake_webhooks() CASCADE;
DROP FUNCTION licensing_queue_webhooks() CASCADE;
DROP FUNCTION licensing_uuid7();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0026_webhooks"),
        ("accounts", "0008_chain_many_events_at_once"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [migrations.RunSQL([UUID7, QUEUE, WAKE, FORGET], REVERSE)]
