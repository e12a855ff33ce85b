"""Refuse to change events, and chain each to the one before it in its team, in the database itself.

The chain is written by a deferred trigger, as the transaction commits: after every other lock of the transaction, so that no
two can wait for each other, and for as short a time as can be, for until then the team's next event waits.
"""

from django.db import migrations

# A netstring says how long it is, so no two lists of texts run together into the same bytes; "-" is NULL.
NETSTRINGS = """
CREATE FUNCTION accounts_netstrings(VARIADIC texts text[]) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT convert_to(
        string_agg(COALESCE(octet_length(item) || ':' || item, '-') || ',', '' ORDER BY place), 'UTF8'
    )
    FROM unnest(texts) WITH ORDINALITY AS list (item, place)
$$
"""

CHAIN_EVENT = """
CREATE FUNCTION accounts_chain_event() RETURNS trigger
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
    INSERT INTO accounts_eventchain AS chain (team_id, length, head)
    VALUES (NEW.team_id, 1, decode(repeat('00', 32), 'hex'))
    ON CONFLICT (team_id) DO UPDATE SET length = chain.length + 1
    RETURNING length, head INTO place, previous;

    link := sha256(accounts_netstrings(
        encode(previous, 'hex'), place::text, NEW.id::text, NEW.team_id::text,
        NEW.application_id::text, NEW.license_id::text, NEW.actor_kind, NEW.actor_id::text,
        NEW.action, NEW.target_type, NEW.target_id::text, NEW.target_label,
        NEW.before::text, NEW.after::text,
        (extract(epoch FROM NEW.created_at) * 1000000)::bigint::text, digests::text
    ));
    INSERT INTO accounts_eventlink (event_id, team_id, number, detail_digests, hash)
    VALUES (NEW.id, NEW.team_id, place, digests, link);
    UPDATE accounts_eventchain SET head = link WHERE team_id = NEW.team_id;
    RETURN NULL;
END
$$
"""

# Only a test database may be emptied: its name says what it is, and the session has to ask.
REFUSE = """
CREATE FUNCTION accounts_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_database() LIKE 'test\\_%'
        AND current_setting('lockence.may_empty_events', true) = 'yes'
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% on %: the audit log only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""

REFUSE_BY_HAND = """
CREATE FUNCTION accounts_refuse_by_hand() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- 1: this very statement; 2: it stands in the trigger that chains events.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% on %: the chain of events is written by the database alone', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$
"""

TRIGGERS = """
CREATE CONSTRAINT TRIGGER chain_event AFTER INSERT ON accounts_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION accounts_chain_event();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_event
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
-- Details may be deleted: that is what they are apart for.
CREATE TRIGGER refuse_change BEFORE UPDATE OR TRUNCATE ON accounts_eventdetail
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_eventlink
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER refuse_by_hand BEFORE INSERT ON accounts_eventlink
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_by_hand();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON accounts_eventchain
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER refuse_by_hand BEFORE INSERT OR UPDATE ON accounts_eventchain
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_by_hand();
-- One row that every event of a team updates: room beside it keeps those updates on its page.
ALTER TABLE accounts_eventchain SET (fillfactor = 50);
"""

# A function that runs with its owner's rights must not find somebody else's table under the name it means.
SEARCH_PATH = """
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION accounts_chain_event() SET search_path = %I, pg_temp', current_schema());
END
$$
"""

REVERSE = """
DROP FUNCTION accounts_chain_event() CASCADE;
DROP FUNCTION accounts_refuse_change() CASCADE;
DROP FUNCTION accounts_refuse_by_hand() CASCADE;
DROP FUNCTION accounts_netstrings(text[]);
ALTER TABLE accounts_eventchain RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_events")]

    operations = [
        migrations.RunSQL(
            [NETSTRINGS, CHAIN_EVENT, REFUSE, REFUSE_BY_HAND, TRIGGERS, SEARCH_PATH], REVERSE
        )
    ]
