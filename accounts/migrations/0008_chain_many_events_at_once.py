"""Write the end of a chain once in a transaction, and not with each of its events.

A row that one transaction updates again and again leaves a version each time, and each of them is walked past by the next
update: 20,000 events recorded at once took 2.1 ms each, and take 0.3 ms now.
"""

import importlib

from django.db import migrations

_before = importlib.import_module("accounts.migrations.0005_events_are_append_only")

# What it hashes is what migration 0005 says.
CHAIN_EVENT = """
CREATE OR REPLACE FUNCTION accounts_chain_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    digests jsonb;
    place bigint;
    previous bytea;
    link bytea;
BEGIN
    SELECT COALESCE(jsonb_object_agg(
        about, encode(sha256(uuid_send(salt) || convert_to(facts::text, 'UTF8')), 'hex')
    ), '{}')
    INTO digests FROM accounts_eventdetail WHERE event_id = NEW.id;

    -- The row of the team's chain is the lock.
    PERFORM FROM accounts_eventchain WHERE team_id = NEW.team_id FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO accounts_eventchain (team_id, length, head)
        VALUES (NEW.team_id, 0, decode(repeat('00', 32), 'hex'))
        ON CONFLICT (team_id) DO NOTHING;
        PERFORM FROM accounts_eventchain WHERE team_id = NEW.team_id FOR UPDATE;
    END IF;

    -- Links past the recorded end are of this transaction. A chain whose tail was cut off goes on behind the gap, which shows.
    SELECT number, hash INTO place, previous
    FROM (
        (
            SELECT number, hash FROM accounts_eventlink
            WHERE team_id = NEW.team_id ORDER BY number DESC LIMIT 1
        )
        UNION ALL
        SELECT length, head FROM accounts_eventchain WHERE team_id = NEW.team_id
    ) AS ends
    ORDER BY number DESC LIMIT 1;

    place := place + 1;
    link := sha256(accounts_netstrings(
        encode(previous, 'hex'), place::text, NEW.id::text, NEW.team_id::text,
        NEW.application_id::text, NEW.license_id::text, NEW.actor_kind, NEW.actor_id::text,
        NEW.action, NEW.target_type, NEW.target_id::text, NEW.target_label,
        NEW.before::text, NEW.after::text,
        (extract(epoch FROM NEW.created_at) * 1000000)::bigint::text, digests::text
    ));
    INSERT INTO accounts_eventlink (event_id, team_id, number, detail_digests, hash)
    VALUES (NEW.id, NEW.team_id, place, digests, link);
    RETURN NULL;
END
$$
"""

# Deferred as well, so it comes after all events of the transaction have their links; only the last of these is the end.
END_CHAIN = """
CREATE FUNCTION accounts_end_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM accounts_eventlink WHERE team_id = NEW.team_id AND number > NEW.number LIMIT 1;
    IF NOT FOUND THEN
        UPDATE accounts_eventchain SET length = NEW.number, head = NEW.hash
        WHERE team_id = NEW.team_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER end_chain AFTER INSERT ON accounts_eventlink
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION accounts_end_chain();
"""

# A function that runs with its owner's rights must not find somebody else's table under the name it means.
SEARCH_PATH = """
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION accounts_chain_event() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION accounts_end_chain() SET search_path = %I, pg_temp', current_schema());
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_browsers_and_deletion")]

    operations = [
        migrations.RunSQL(
            [CHAIN_EVENT, END_CHAIN, SEARCH_PATH],
            [
                "DROP FUNCTION accounts_end_chain() CASCADE",
                _before.CHAIN_EVENT.replace("CREATE", "CREATE OR REPLACE"),
                _before.SEARCH_PATH,
            ],
        )
    ]
