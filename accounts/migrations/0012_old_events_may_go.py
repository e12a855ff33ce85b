"""Let old events go, oldest first, and keep the hash at which each chain begins from then on.

What may go is decided by triggers, so it holds for whoever deletes: events that an anchor covers, and an anchor covers only what is in
its place, whole, and older than 90 days.
"""

from django.db import migrations, models

GUARD_ANCHOR = """
CREATE FUNCTION accounts_guard_anchor() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    whole boolean;
BEGIN
    SELECT COALESCE(max(number), 0) INTO last FROM accounts_eventanchor WHERE team_id = NEW.team_id;
    SELECT count(*) = NEW.number - last
        AND bool_and(event.id IS NOT NULL AND event.created_at < now() - interval '90 days')
        AND bool_or(link.number = NEW.number AND link.hash = NEW.hash)
    INTO whole
    FROM accounts_eventlink link LEFT JOIN accounts_event event ON event.id = link.event_id
    WHERE link.team_id = NEW.team_id AND link.number > last AND link.number <= NEW.number;
    IF whole IS NOT TRUE THEN
        RAISE EXCEPTION 'the audit log keeps every event for 90 days, and goes in its order'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.removed_at := now();
    RETURN NEW;
END
$$
"""

REFUSE_REMOVAL = """
CREATE FUNCTION accounts_refuse_removal() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
BEGIN
    IF TG_TABLE_NAME = 'accounts_eventlink' THEN
        place := OLD.number;
    ELSE
        SELECT number INTO place FROM accounts_eventlink WHERE event_id = OLD.id;
    END IF;
    PERFORM FROM accounts_eventanchor WHERE team_id = OLD.team_id AND number >= place;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'DELETE on %: the audit log only grows', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$
"""

REMOVE = """
CREATE FUNCTION accounts_remove_old_events(of_team uuid, older_than timestamptz, rows_max integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    start bigint;
    last bigint;
    ids uuid[];
BEGIN
    IF older_than > now() - interval '90 days' THEN
        RAISE EXCEPTION 'the audit log keeps every event for 90 days'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- One at a time for each team. New events take no notice: they need the other end of the chain.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('old events of ' || of_team::text, 0)) THEN
        RETURN 0;
    END IF;
    SELECT COALESCE(max(number), 0) INTO start FROM accounts_eventanchor WHERE team_id = of_team;
    -- Up to the first that is too young, or that is not where it should be.
    SELECT array_agg(event_id), max(number) INTO ids, last
    FROM (
        SELECT link.event_id, link.number, start + row_number() OVER in_order AS expected,
            bool_and(event.id IS NOT NULL AND event.created_at < older_than) OVER in_order AS is_old
        FROM (
            SELECT event_id, number FROM accounts_eventlink
            WHERE team_id = of_team AND number > start ORDER BY number LIMIT LEAST(rows_max, 1000)
        ) link
        LEFT JOIN accounts_event event ON event.id = link.event_id
        WINDOW in_order AS (ORDER BY link.number)
    ) oldest
    WHERE is_old AND number = expected;
    IF last IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO accounts_eventanchor (team_id, number, hash, removed_at)
    SELECT of_team, number, hash, now() FROM accounts_eventlink WHERE team_id = of_team AND number = last;
    DELETE FROM accounts_eventdetail WHERE event_id = ANY(ids);
    DELETE FROM accounts_event WHERE id = ANY(ids);
    DELETE FROM accounts_eventlink WHERE event_id = ANY(ids);
    RETURN cardinality(ids);
END
$$;
-- The owner may, and who is told so (ops/roles.sql).
REVOKE EXECUTE ON FUNCTION accounts_remove_old_events(uuid, timestamptz, integer) FROM PUBLIC;
"""

TRIGGERS = """
CREATE TRIGGER guard_anchor BEFORE INSERT ON accounts_eventanchor
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_anchor();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_eventanchor
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
DROP TRIGGER refuse_change ON accounts_event;
CREATE TRIGGER refuse_change BEFORE UPDATE OR TRUNCATE ON accounts_event
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER refuse_removal BEFORE DELETE ON accounts_event
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_removal();
DROP TRIGGER refuse_change ON accounts_eventlink;
CREATE TRIGGER refuse_change BEFORE UPDATE OR TRUNCATE ON accounts_eventlink
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER refuse_removal BEFORE DELETE ON accounts_eventlink
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_removal();
"""

# A function that runs with its owner's rights must not find somebody else's table under the name it means.
SEARCH_PATH = """
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION accounts_remove_old_events(uuid, timestamptz, integer) SET search_path = %I, pg_temp',
        current_schema()
    );
END
$$
"""

REVERSE = """
DROP FUNCTION accounts_remove_old_events(uuid, timestamptz, integer);
DROP FUNCTION accounts_guard_anchor() CASCADE;
DROP FUNCTION accounts_refuse_removal() CASCADE;
DROP TRIGGER refuse_change ON accounts_event;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_event
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
DROP TRIGGER refuse_change ON accounts_eventlink;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_eventlink
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_audit_checks")]

    operations = [
        migrations.CreateModel(
            name="EventAnchor",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("team_id", models.UUIDField()),
                ("number", models.BigIntegerField(help_text="The last event that went.")),
                ("hash", models.BinaryField(max_length=32)),
                ("removed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team_id", "number"), name="one_anchor_per_place"
                    )
                ],
            },
        ),
        migrations.RunSQL([GUARD_ANCHOR, REFUSE_REMOVAL, REMOVE, TRIGGERS, SEARCH_PATH], REVERSE),
    ]
