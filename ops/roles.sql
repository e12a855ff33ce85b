-- Two roles for production: the owner of the database migrates it, and a second role, which owns nothing, serves.
-- What that role may not do, nobody can who finds a way through the site: change or remove the audit log.
--
--   CREATE ROLE lockence_web LOGIN PASSWORD '…';              -- once, as a superuser
--   psql "$OWNER_DATABASE_URL" -v runtime=lockence_web -f ops/roles.sql   -- after every `manage.py migrate`
--
-- DATABASE_URL of the site then names lockence_web, and `manage.py migrate` runs with the owner's. Running this twice
-- does no harm.

GRANT USAGE ON SCHEMA public TO :"runtime";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"runtime";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"runtime";

-- Events are written and read. Links and chains are written by the owner's trigger alone.
REVOKE UPDATE, DELETE, TRUNCATE ON accounts_event FROM :"runtime";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON accounts_eventlink, accounts_eventchain, accounts_eventanchor
    FROM :"runtime";
-- With EVENTS_KEPT_DAYS it needs this as well, and then can remove, in their order, events of more than 90 days ago:
-- GRANT EXECUTE ON FUNCTION accounts_remove_old_events(uuid, timestamptz, integer) TO :"runtime";
-- What events tell of persons is erased when they ask for it, and never changed.
REVOKE UPDATE, TRUNCATE ON accounts_eventdetail FROM :"runtime";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM :"runtime";
