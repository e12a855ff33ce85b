# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of binding a device that is not bound yet: a place is taken for it, unless it is known again by its parts."""

from licensing.client_call_statements import DEVICE, USABLE_LICENSE, first_of
from licensing.policy_statements import HWID_MATCHING

_KNOWN_DEVICE = first_of(
    DEVICE, "hwid_digest = %(hwid_digest)s", "hwid_digest = %(other_hwid_digest)s"
)

_DEVICES_MAX = "COALESCE(license.devices_max, policy.devices_max)"

# How many places are held for devices that may still run under their license files; a device is not in its own way.
_PLACES_HELD = f"""
    (
        SELECT count(*) FROM jsonb_each_text(license.places_held) held
        WHERE held.value::timestamptz > statement_timestamp()
            AND held.key NOT IN (SELECT known.id::text FROM ({_KNOWN_DEVICE}) known)
    )
"""

# The guard on devices_used is what makes the last place go to exactly one: the row is locked, and read again, first.
_TAKE_PLACE = f"""
    UPDATE licensing_license license
    SET devices_used = license.devices_used + 1,
        places_held = license.places_held
            - ARRAY(SELECT known.id::text FROM ({_KNOWN_DEVICE}) known),
        first_used_at = COALESCE(license.first_used_at, statement_timestamp()),
        expires_at = CASE
            WHEN license.first_used_at IS NULL AND license.expires_at IS NULL
                AND policy.clock_start = 'first_use'
            THEN statement_timestamp() + make_interval(secs => policy.duration_seconds)
            ELSE license.expires_at
        END
    FROM licensing_policy policy
    WHERE license.id = %(license_id)s
        AND policy.id = license.policy_id
        AND {USABLE_LICENSE}
        AND (
            {_DEVICES_MAX} IS NULL OR license.devices_used + {_PLACES_HELD} < {_DEVICES_MAX}
        )
"""
TAKE_DEVICE_PLACE = f"{_TAKE_PLACE} RETURNING license.id"

# How many parts have to be the same for a device to be the one that is known.
_PARTS_NEEDED = f"""
    CASE {HWID_MATCHING}
        WHEN 'any' THEN 1
        WHEN 'two' THEN LEAST(2, cardinality(device.components))
        WHEN 'all' THEN cardinality(device.components)
        ELSE cardinality(device.components) / 2 + 1
    END
"""

# Under the license's lock, for a hardware id in parts that is not bound as it is: the device that has most of them is
# known again and keeps its place with the parts of today; where there is none, a place is taken for a new one.
ADMIT_DEVICE = f"""
    WITH best AS (
        SELECT device.id, device.components
        FROM licensing_device device
        JOIN licensing_license license ON license.id = device.license_id
        JOIN licensing_policy policy ON policy.id = license.policy_id
        CROSS JOIN LATERAL (
            SELECT GREATEST(
                count(*) FILTER (WHERE part = ANY(%(components)s::text[])),
                count(*) FILTER (WHERE part = ANY(%(other_components)s::text[]))
            ) AS count
            FROM unnest(device.components) part
        ) same
        WHERE device.license_id = %(license_id)s
            AND device.released_at IS NULL
            AND device.components && (%(components)s::text[] || %(other_components)s::text[])
            AND same.count >= {_PARTS_NEEDED}
        ORDER BY same.count DESC, device.last_seen_at DESC
        LIMIT 1
    ), drift AS (
        SELECT ARRAY(
            SELECT split_part(part.today, ':', 1)
            FROM unnest(%(components)s::text[], %(other_components)s::text[]) part (today, other)
            WHERE part.today <> ALL(best.components) AND part.other <> ALL(best.components)
        ) AS names
        FROM best
    ), overtaken AS (
        -- A device that was released under just these parts is known by them no longer: no machine is two devices.
        UPDATE licensing_device device
        SET hwid_digest = sha256(device.hwid_digest || uuid_send(device.id)), components = '{{}}'
        FROM best
        WHERE device.license_id = %(license_id)s AND device.hwid_digest = %(hwid_digest)s
            AND device.id <> best.id
        RETURNING device.id
    ), recognized AS (
        UPDATE licensing_device device
        SET hwid_digest = %(hwid_digest)s, hwid_key_id = %(hwid_key_id)s,
            components = %(components)s::text[],
            drifted = CASE WHEN drift.names = '{{}}' THEN device.drifted ELSE drift.names END,
            drifted_at = CASE
                WHEN drift.names = '{{}}' THEN device.drifted_at ELSE statement_timestamp()
            END
        -- The count is there to have the other one give way first.
        FROM best, drift, (SELECT count(*) FROM overtaken) first
        WHERE device.id = best.id
        RETURNING device.id, drift.names
    ), told AS (
        INSERT INTO accounts_event (
            id, team_id, application_id, license_id, actor_kind, action, target_type, target_id,
            target_label, before, after, created_at
        )
        SELECT %(drift_event_id)s, application.team_id, application.id, %(license_id)s, 'program',
            'device.drifted', 'device', recognized.id,
            'device ' || left(encode(%(hwid_digest)s::bytea, 'hex'), 8),
            '{{}}', jsonb_build_object('parts', array_to_string(recognized.names, ', ')),
            statement_timestamp()
        FROM recognized
        JOIN licensing_application application ON application.id = %(application_id)s
        WHERE recognized.names <> '{{}}'
    ), taken AS (
        {_TAKE_PLACE} AND NOT EXISTS (SELECT FROM recognized)
        RETURNING license.id
    )
    SELECT recognized.id IS NOT NULL, taken.id IS NOT NULL
    FROM (SELECT) nothing LEFT JOIN recognized ON true LEFT JOIN taken ON true
"""

# What a device is known by among trials: its hardware id, and each part of one that has parts, under both keys of the ring, so
# that the trial is known whichever remains. `kind` tells apart what is counted apart.
_TRIAL_DIGESTS = """
    SELECT DISTINCT ON (hwid_digest) * FROM (
        SELECT 'whole', %(hwid_digest)s::bytea, %(hwid_key_id)s::text
        UNION ALL
        SELECT 'whole', %(other_hwid_digest)s::bytea, %(other_hwid_key_id)s::text
        UNION ALL
        SELECT 'part', convert_to(part, 'UTF8'), %(hwid_key_id)s::text
        FROM unnest(%(components)s::text[]) part
        UNION ALL
        SELECT 'other part', convert_to(part, 'UTF8'), %(other_hwid_key_id)s::text
        FROM unnest(%(other_components)s::text[]) part
    ) digest (kind, hwid_digest, hwid_key_id)
    ORDER BY hwid_digest, kind DESC
"""

# A trial is used up by whoever writes its digests first: another license that comes at the same moment waits for those rows, in
# the order of the digests so that nobody waits for each other, and then sees whose they are.
_TRIAL = """
    INSERT INTO licensing_trialuse AS used (
        id, application_id, hwid_digest, hwid_key_id, license_id, used_at
    )
    SELECT gen_random_uuid(), license.application_id, digest.hwid_digest, digest.hwid_key_id,
        license.id, statement_timestamp()
    FROM licensing_license license
    JOIN licensing_policy policy ON policy.id = license.policy_id AND policy.is_trial
    CROSS JOIN trial_digest digest
    WHERE license.id = %(license_id)s
    ORDER BY digest.hwid_digest
    ON CONFLICT (application_id, hwid_digest) DO UPDATE SET license_id = used.license_id
    RETURNING hwid_digest, license_id <> %(license_id)s AS is_anothers
"""

# As many parts of another's trial as would make it the same device, by the policy's rule.
_TRIAL_IS_USED_UP = f"""
    SELECT
        COALESCE(bool_or(trial.is_anothers) FILTER (WHERE digest.kind = 'whole'), false)
        OR GREATEST(
            count(*) FILTER (WHERE trial.is_anothers AND digest.kind = 'part'),
            count(*) FILTER (WHERE trial.is_anothers AND digest.kind = 'other part')
        ) >= GREATEST(1, (
            SELECT {_PARTS_NEEDED}
            FROM licensing_license license
            JOIN licensing_policy policy ON policy.id = license.policy_id
            CROSS JOIN (SELECT %(components)s::text[] AS components) device
            WHERE license.id = %(license_id)s
        )) AS is_used_up
    FROM trial JOIN trial_digest digest USING (hwid_digest)
"""

# Only under the license's lock, which taking a place has got: nobody else binds a device of it meanwhile.
# A device that another call of the same program bound a moment ago needs no second place, so the one taken is given back.
BIND_DEVICE = f"""
    WITH known AS (
        {_KNOWN_DEVICE}
    ), trial_digest AS (
        {_TRIAL_DIGESTS}
    ), trial AS (
        {_TRIAL}
    ), verdict AS (
        {_TRIAL_IS_USED_UP}
    ), back_again AS (
        UPDATE licensing_device device SET released_at = NULL
        FROM known WHERE device.id = known.id AND device.released_at IS NOT NULL
            AND NOT (SELECT is_used_up FROM verdict)
        RETURNING device.id
    ), new AS (
        INSERT INTO licensing_device (
            id, application_id, license_id, hwid_digest, hwid_key_id, components, name, platform,
            first_seen_at, last_seen_at
        )
        SELECT %(device_id)s, %(application_id)s, %(license_id)s, %(hwid_digest)s, %(hwid_key_id)s,
            %(components)s::text[], %(device_name)s, %(platform)s, statement_timestamp(), statement_timestamp()
        WHERE NOT EXISTS (SELECT FROM known) AND NOT (SELECT is_used_up FROM verdict)
        RETURNING id
    ), device AS (
        SELECT id FROM back_again UNION ALL SELECT id FROM new
    ), given_back AS (
        UPDATE licensing_license SET devices_used = devices_used - 1
        WHERE id = %(license_id)s AND NOT EXISTS (SELECT FROM device)
    ), connected AS (
        UPDATE licensing_application SET first_init_at = statement_timestamp()
        WHERE id = %(application_id)s AND first_init_at IS NULL
    ), told AS (
        INSERT INTO accounts_event (
            id, team_id, application_id, license_id, actor_kind, action, target_type, target_id,
            target_label, before, after, created_at
        )
        SELECT %(event_id)s, application.team_id, application.id, %(license_id)s, 'program',
            'device.bound', 'device', device.id,
            'device ' || left(encode(%(hwid_digest)s::bytea, 'hex'), 8),
            '{{}}', '{{}}', statement_timestamp()
        FROM device JOIN licensing_application application ON application.id = %(application_id)s
    ), told_from_where AS (
        INSERT INTO accounts_eventdetail (event_id, about, facts)
        SELECT %(event_id)s, 'actor', jsonb_build_object('ip_address', %(ip_address)s::text)
        FROM device WHERE %(ip_address)s::text IS NOT NULL
    )
    SELECT is_used_up FROM verdict
"""
