"""A team's log holds the acts of its people as well, so events lie in accounts; those that are there move."""

from django.db import migrations

MOVE = """
INSERT INTO accounts_event (
    id, team_id, application_id, license_id, actor_kind, actor_id, action, target_type, target_id,
    target_label, before, after, created_at
)
SELECT event.id, application.team_id, event.application_id, event.license_id, actor_kind, actor_id,
    action, target_type, target_id, '',
    before - ARRAY['username', 'email', 'note', 'metadata'],
    after - ARRAY['username', 'email', 'note', 'metadata'], event.created_at
FROM licensing_event event
JOIN licensing_application application ON application.id = event.application_id
ORDER BY event.id;

INSERT INTO accounts_eventdetail (event_id, about, person_id, facts)
SELECT event.id, 'actor', actor.id,
    jsonb_strip_nulls(jsonb_build_object('email', actor.email, 'ip_address', host(ip_address)))
FROM licensing_event event
LEFT JOIN accounts_user actor ON actor.id = event.actor_id
WHERE actor.id IS NOT NULL OR ip_address IS NOT NULL;

INSERT INTO accounts_eventdetail (event_id, about, facts)
SELECT event.id, 'target', jsonb_build_object('before', told.before, 'after', told.after)
FROM licensing_event event
CROSS JOIN LATERAL (
    SELECT
        COALESCE(jsonb_object_agg(name, event.before -> name) FILTER (WHERE event.before ? name), '{}'),
        COALESCE(jsonb_object_agg(name, event.after -> name) FILTER (WHERE event.after ? name), '{}')
    FROM unnest(ARRAY['username', 'email', 'note', 'metadata']) name
) AS told (before, after)
WHERE told.before <> '{}' OR told.after <> '{}';

SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_events_are_append_only"),
        ("licensing", "0002_signing_keys"),
    ]

    operations = [
        # Backwards the table comes back empty: what is in accounts stays there, for it only grows.
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.DeleteModel(name="Event"),
    ]
