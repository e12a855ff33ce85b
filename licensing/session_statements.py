# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of the four client calls: each statement finds, judges and writes at once, by the database's clock.

Names in capitals are whole statements; `sessions.py` says when each is used. `statement_timestamp()` and not `now()`: after a
wait for a lock, a transaction's own start lies in the past.
"""

import functools
import re
from typing import LiteralString

from licensing.access_statements import PROGRAM_IS_DENIED, SESSION_IS_DENIED
from licensing.entitlement_statements import ENTITLEMENTS
from licensing.policy_statements import BORROW_MAX_SECONDS, HWID_MATCHING, SESSIONS_PER, USERS_MAX
from licensing.term_statements import (
    GRACE_UNTIL,
    LICENSE_END,
    LICENSE_IS_EXPIRED,
    LICENSE_IS_USABLE,
    LICENSE_WARNING,
    SETTLED_UNTIL,
    version_is_allowed,
    version_refusal,
)


@functools.cache
def with_one_probe(statement: LiteralString, *names: str) -> LiteralString:
    """Return a statement that does not look again for what `other_<name>` would repeat: half of the probes."""
    for name in names:
        # A probe as `_first_of` writes it.
        probe = rf" UNION ALL \((?:(?! UNION ALL ).)*%\(other_{name}\)s\)"
        statement = re.sub(probe, "", statement)
    return statement


def _first_of(select: str, *conditions: str) -> str:
    """Return SQL for the first row that meets the first condition that any meets.

    Each condition is a probe of a unique index, and those after the first are made only where that finds nothing. With OR, or
    a list of digests, it would be the planner's to choose, and where it knows little of a table it reads whole applications.
    """
    return " UNION ALL ".join(f"({select} {condition})" for condition in conditions) + " LIMIT 1"


# Two digests while the keys of the ring are changed, and else the same one twice.
_API_KEY = _first_of(
    "SELECT application_id, expires_at FROM licensing_apikey WHERE",
    "key_digest = %(api_key_digest)s",
    "key_digest = %(other_api_key_digest)s",
    "second_key_digest = %(api_key_digest)s",
    "second_key_digest = %(other_api_key_digest)s",
)
_LICENSE = _first_of(
    "SELECT * FROM licensing_license WHERE application_id = application.id AND",
    "key_digest = %(license_key_digest)s",
    "key_digest = %(other_license_key_digest)s",
    "second_key_digest = %(license_key_digest)s",
    "second_key_digest = %(other_license_key_digest)s",
)
_DEVICE = "SELECT * FROM licensing_device WHERE license_id = %(license_id)s AND"

USABLE_API_KEY = "(key.expires_at IS NULL OR key.expires_at > statement_timestamp())"

_VERSION_OF_PROGRAM = "%(app_version_key)s::text"
_USABLE_LICENSE = f"""
    {LICENSE_IS_USABLE} AND {version_is_allowed(_VERSION_OF_PROGRAM)} AND NOT {PROGRAM_IS_DENIED}
"""

# Last of all, for it takes the place as well (migration 0035).
_USER_HAS_A_PLACE = f"""
    CASE WHEN {USERS_MAX} IS NULL THEN true
        ELSE licensing_name_user(license.id, %(user_name)s::text, {USERS_MAX})
    END
"""
_DEVICES_MAX = "COALESCE(license.devices_max, policy.devices_max)"
_SESSIONS_MAX = "COALESCE(license.sessions_max, policy.sessions_max)"
# Seats and those of the overdraft together; their sum may be more than an integer holds.
_SEATS = f"""
    {_SESSIONS_MAX}::bigint + COALESCE(license.sessions_overdraft, policy.sessions_overdraft)
"""
# Which sessions share the seats with the one that is being opened.
_SHARES_SEATS = """
    CASE allowed.sessions_per
        WHEN 'user' THEN session.user_name = %(user_name)s
        WHEN 'device' THEN session.device_id = device.id
        ELSE true
    END
"""

_LEASE_END = "statement_timestamp() + make_interval(secs => policy.session_lifetime_seconds)"
# A session never outlives its license.
_SESSION_END = f"LEAST({_LEASE_END}, {LICENSE_END})"
# Nor does a borrowed seat, which a heartbeat does not cut short.
_NEXT_SESSION_END = f"LEAST(GREATEST({_LEASE_END}, session.borrowed_until), {LICENSE_END})"

# The program of a borrowed seat cannot be told that its seat is gone: it is never ended in another's favour.
_IS_BORROWED = "COALESCE(session.borrowed_until > statement_timestamp(), false)"

# When a license file that is given now ends; NULL where the policy gives none. It never outlives its license, nor
# what a license loses when it falls back.
_LICENSE_FILE_END = f"""
    CASE WHEN policy.license_file_seconds IS NOT NULL THEN LEAST(
        statement_timestamp() + make_interval(secs => policy.license_file_seconds),
        {SETTLED_UNTIL}
    ) END
"""

_LICENSE_FACTS = f"""
    application.id AS application_id, signing_key.id AS signing_key_id, signing_key.private_ciphertext,
    application.own_words_at, application.enabled,
    license.id AS license_id, license.status AS license_status, license.expires_at AS license_expires_at,
    {LICENSE_IS_EXPIRED} AS license_is_expired,
    policy.name AS policy_name, license.username, license.metadata, policy.heartbeat_interval_seconds,
    {GRACE_UNTIL} AS grace_until, {LICENSE_WARNING} AS license_warning
"""
LICENSE_FACTS = f"{_LICENSE_FACTS}, {version_refusal('session.app_version_key')} AS version_refusal"
# Where nobody is told them.
WITHOUT_ENTITLEMENTS = "NULL::jsonb"

_CURRENT_SIGNING_KEY = """
    JOIN licensing_signingkey signing_key
        ON signing_key.application_id = application.id AND signing_key.state = 'current'
"""

FIND_LICENSE = f"""
    SELECT {_LICENSE_FACTS}, {version_refusal(_VERSION_OF_PROGRAM)} AS version_refusal,
        {ENTITLEMENTS} AS entitlements, {_SESSIONS_MAX}, {USERS_MAX},
        application.has_access_rules,
        failures.hits, CEIL(EXTRACT(EPOCH FROM failures.ends_at - statement_timestamp()))::int
    FROM ({_API_KEY}) key
    JOIN licensing_application application ON application.id = key.application_id
    {_CURRENT_SIGNING_KEY}
    LEFT JOIN LATERAL ({_LICENSE}) license ON true
    LEFT JOIN licensing_policy policy ON policy.id = license.policy_id
    LEFT JOIN accounts_limitwindow failures
        ON failures.name = %(limit)s
        AND failures.subject = application.id::text || ' ' || %(network)s
        AND failures.ends_at > statement_timestamp()
    WHERE {USABLE_API_KEY}
"""

# Row lock only, so that the statement after it has a snapshot in which every earlier opening shows.
LOCK_LICENSE = """
    SELECT id FROM licensing_license WHERE id = %(license_id)s FOR NO KEY UPDATE
"""

_BOUND_DEVICE = _first_of(
    f"{_DEVICE} released_at IS NULL AND",
    "hwid_digest = %(hwid_digest)s",
    "hwid_digest = %(other_hwid_digest)s",
)

_KNOWN_DEVICE = _first_of(
    _DEVICE, "hwid_digest = %(hwid_digest)s", "hwid_digest = %(other_hwid_digest)s"
)

# A device under the other key moves to the current one, unless it is there already: one that called a process which did not
# know the newer key may be known twice.
_MOVES = """
    NOT EXISTS (
        SELECT FROM licensing_device moved
        WHERE moved.license_id = %(license_id)s AND moved.hwid_digest = %(hwid_digest)s
    )
"""


def _open_session(
    *,
    earlier: str = "",
    unless: str = "",
    on_conflict: str = "",
    told: str = "",
    joined: str = "",
) -> LiteralString:
    return f"""
    WITH allowed AS (
        SELECT license.id, license.application_id, license.expires_at,
            {GRACE_UNTIL} AS grace_until, {_SESSION_END} AS session_end,
            {_LICENSE_FILE_END} AS license_file_end,
            {_SESSIONS_MAX} AS sessions_max, {_SEATS} AS seats,
            policy.sessions_overflow, {SESSIONS_PER} AS sessions_per
        FROM licensing_license license
        JOIN licensing_policy policy ON policy.id = license.policy_id
        WHERE license.id = %(license_id)s AND {_USABLE_LICENSE} AND {_USER_HAS_A_PLACE}
    ), known AS (
        SELECT bound.id, {_MOVES} AS moves FROM ({_BOUND_DEVICE}) bound
    ), device AS (
        UPDATE licensing_device device
        SET last_seen_at = statement_timestamp(),
            name = COALESCE(NULLIF(%(device_name)s::text, ''), device.name),
            platform = COALESCE(NULLIF(%(platform)s::text, ''), device.platform),
            license_file_ends_at = GREATEST(device.license_file_ends_at, allowed.license_file_end),
            hwid_digest = CASE WHEN moves THEN %(hwid_digest)s ELSE device.hwid_digest END,
            hwid_key_id = CASE
                WHEN moves OR device.hwid_digest = %(hwid_digest)s THEN %(hwid_key_id)s
                ELSE device.hwid_key_id
            END,
            components = CASE
                WHEN moves OR device.hwid_digest = %(hwid_digest)s THEN %(components)s::text[]
                ELSE device.components
            END
        FROM allowed, known
        WHERE device.id = known.id AND device.released_at IS NULL
        RETURNING device.id
    ), open AS (
        SELECT session.id, {_IS_BORROWED} AS is_borrowed,
            row_number() OVER (ORDER BY {_IS_BORROWED} DESC, session.id DESC) AS newest
        FROM licensing_session session
        JOIN allowed ON session.license_id = allowed.id AND allowed.sessions_max IS NOT NULL
        JOIN device ON {_SHARES_SEATS}
        WHERE session.ended_at IS NULL AND session.expires_at > statement_timestamp()
    ), taken AS (
        SELECT count(*) AS seats, count(*) FILTER (WHERE is_borrowed) AS borrowed FROM open
    ){earlier}, granted AS (
        SELECT COALESCE(
            LEAST(taken.seats, allowed.seats - 1) >= allowed.sessions_max, false
        ) AS is_overdraft
        FROM allowed, taken
        WHERE (
            allowed.sessions_max IS NULL
            OR taken.seats < allowed.seats
            OR (allowed.sessions_overflow = 'end_oldest' AND taken.borrowed < allowed.seats)
        ){unless}
    ), replaced AS (
        UPDATE licensing_session session
        SET ended_at = statement_timestamp(), ended_reason = 'replaced'
        FROM open, allowed, granted
        WHERE session.id = open.id
            AND open.newest >= allowed.seats
            AND NOT open.is_borrowed
    ), opened AS (
        INSERT INTO licensing_session (
            id, application_id, license_id, device_id, token_digest, sealed_device_digest,
            user_name, app_version, app_version_key, ip_address, opened_at, last_seen_at, expires_at, is_overdraft, ended_reason
        )
        SELECT %(session_id)s, allowed.application_id, allowed.id, device.id, %(token_digest)s,
            %(sealed_device_digest)s, %(user_name)s, %(app_version)s, %(app_version_key)s::text, %(ip_address)s::inet,
            statement_timestamp(), statement_timestamp(), allowed.session_end,
            granted.is_overdraft, ''
        FROM allowed, device, granted{on_conflict}
        RETURNING id, application_id, license_id, expires_at, is_overdraft
    ), told AS (
        INSERT INTO accounts_event (
            id, team_id, application_id, license_id, actor_kind, action, target_type, target_id,
            target_label, before, after, created_at
        )
        SELECT %(overdraft_event_id)s, application.team_id, application.id, opened.license_id,
            'program', 'session.overdrawn', 'session', opened.id, '', '{{}}', '{{}}',
            statement_timestamp()
        FROM opened JOIN licensing_application application ON application.id = opened.application_id
        WHERE opened.is_overdraft
    )
    SELECT opened.expires_at, allowed.expires_at, allowed.grace_until, opened.is_overdraft,
        allowed.license_file_end{told}
    FROM allowed, device LEFT JOIN opened ON true{joined}
"""


# No row: the device is not bound, or the license no longer usable. A row without a session: the limit is reached.
OPEN_SESSION = _open_session()

# For a program that may ask again because no answer came: it is given the session that it was given before, if that lasts.
# Two such calls at once do not see each other's session, but both have the same token: the later one waits, and opens nothing.
OPEN_SESSION_ONCE = _open_session(
    earlier=f""", earlier AS (
        SELECT LEAST(session.expires_at, {LICENSE_END}) AS expires_at,
            session.is_overdraft, session.borrowed_until,
            session.device_id = device.id
                AND session.ended_at IS NULL AND session.expires_at > statement_timestamp()
                AND session.opened_at > statement_timestamp() - interval '1 hour' AS is_given_again
        FROM device
        JOIN licensing_session session ON session.token_digest = %(token_digest)s
        JOIN licensing_license license ON license.id = session.license_id
        JOIN licensing_policy policy ON policy.id = license.policy_id
    )""",
    unless=" AND NOT EXISTS (SELECT FROM earlier)",
    on_conflict="""
        ON CONFLICT (token_digest) DO NOTHING""",
    told=""",
        earlier.is_given_again, earlier.expires_at, earlier.is_overdraft, earlier.borrowed_until,
        opened.id IS NULL AND EXISTS (SELECT FROM granted)""",
    joined=" LEFT JOIN earlier ON true",
)

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
        AND {_USABLE_LICENSE}
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
    ), recognized AS (
        UPDATE licensing_device device
        SET hwid_digest = %(hwid_digest)s, hwid_key_id = %(hwid_key_id)s,
            components = %(components)s::text[],
            drifted = CASE WHEN drift.names = '{{}}' THEN device.drifted ELSE drift.names END,
            drifted_at = CASE
                WHEN drift.names = '{{}}' THEN device.drifted_at ELSE statement_timestamp()
            END
        FROM best, drift
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

# A heartbeat that was on its way while the license was cut short may have written a later end than the license has.
SESSION_STATE = f"""
    session.id AS session_id, session.is_overdraft, session.borrowed_until,
    LEAST(session.expires_at, {LICENSE_END}) AS session_expires_at,
    session.ended_at IS NOT NULL AS session_is_ended,
    session.expires_at <= statement_timestamp() AS session_is_expired,
    device.released_at IS NOT NULL AS device_is_released,
    {SESSION_IS_DENIED} AS access_is_denied,
    {_NEXT_SESSION_END} AS session_end, {_LEASE_END} AS lease_end
"""
SESSION_TABLES = f"""
    ({_API_KEY}) key
    JOIN licensing_application application ON application.id = key.application_id
    {_CURRENT_SIGNING_KEY}
    LEFT JOIN licensing_session session
        ON session.token_digest = %(token_digest)s AND session.application_id = application.id
    LEFT JOIN licensing_license license ON license.id = session.license_id
    LEFT JOIN licensing_policy policy ON policy.id = license.policy_id
    LEFT JOIN licensing_device device ON device.id = session.device_id
"""


def _find_session(entitlements: LiteralString) -> LiteralString:
    return f"""
        SELECT {LICENSE_FACTS}, {entitlements} AS entitlements, {SESSION_STATE}
        FROM {SESSION_TABLES}
        WHERE {USABLE_API_KEY}
    """


FIND_SESSION = _find_session(ENTITLEMENTS)
_FIND_SESSION = _find_session(WITHOUT_ENTITLEMENTS)

# What the statement found lets its program go on, as far as license and device are concerned.
FOUND_IS_USABLE = """
    found.enabled AND found.license_status = 'active' AND NOT found.license_is_expired
    AND found.version_refusal IS NULL AND NOT found.device_is_released
    AND NOT found.access_is_denied
"""

_IS_STILL_GOOD = f"""
    session.id = found.session_id
    AND session.ended_at IS NULL AND session.expires_at > statement_timestamp()
    AND {FOUND_IS_USABLE}
"""

# The guard stands again on the row that is written: a session that was ended while this statement waited stays ended.
# Its commit does not wait for the disk, which is half of what a heartbeat costs: a crash of PostgreSQL may forget the beats of
# its last half second, and the next ones make up for it. For that the statement must be a transaction of its own.
TOUCH_SESSION = f"""
    WITH found AS ({_FIND_SESSION}), touched AS (
        UPDATE licensing_session session
        SET last_seen_at = statement_timestamp(), expires_at = found.session_end
        FROM found
        WHERE {_IS_STILL_GOOD}
        RETURNING session.expires_at
    )
    SELECT found.*, set_config('synchronous_commit', 'off', true), touched.expires_at
    FROM found LEFT JOIN touched ON true
"""

END_SESSION = f"""
    WITH found AS (
        SELECT application.id AS application_id, signing_key.id AS signing_key_id,
            signing_key.private_ciphertext, application.own_words_at, application.enabled,
            session.id AS session_id
        FROM ({_API_KEY}) key
        JOIN licensing_application application ON application.id = key.application_id
        {_CURRENT_SIGNING_KEY}
        LEFT JOIN licensing_session session
            ON session.token_digest = %(token_digest)s AND session.application_id = application.id
        WHERE {USABLE_API_KEY}
    ), ended AS (
        UPDATE licensing_session session
        SET ended_at = statement_timestamp(), ended_reason = 'logout'
        FROM found
        WHERE session.id = found.session_id AND found.enabled AND session.ended_at IS NULL
    )
    SELECT application_id, signing_key_id, private_ciphertext, own_words_at, enabled, session_id
    FROM found
"""

# Row lock only, as LOCK_LICENSE: who opens a session meanwhile waits, and then sees what became of this one.
LOCK_LICENSE_OF_SESSION = """
    SELECT license.id FROM licensing_license license
    JOIN licensing_session session ON session.license_id = license.id
    WHERE session.token_digest = %(token_digest)s
    FOR NO KEY UPDATE OF license
"""

# Under the license's lock: whoever would end the oldest session sees that this one is lent out, or this one sees its end.
BORROW_SESSION = f"""
    WITH found AS ({_FIND_SESSION}), rule AS (
        SELECT {BORROW_MAX_SECONDS} AS borrow_max_seconds, {LICENSE_END} AS license_end
        FROM found
        JOIN licensing_license license ON license.id = found.license_id
        JOIN licensing_policy policy ON policy.id = license.policy_id
    ), borrowed AS (
        UPDATE licensing_session session
        SET last_seen_at = statement_timestamp(),
            borrowed_until = LEAST(%(until)s::timestamptz, rule.license_end),
            expires_at = LEAST(
                GREATEST(found.lease_end, %(until)s::timestamptz), rule.license_end
            )
        FROM found, rule
        WHERE {_IS_STILL_GOOD}
            AND %(until)s::timestamptz > statement_timestamp()
            AND %(until)s::timestamptz
                <= statement_timestamp() + make_interval(secs => rule.borrow_max_seconds)
        RETURNING session.expires_at, session.borrowed_until
    )
    SELECT found.*, rule.borrow_max_seconds, %(until)s::timestamptz > statement_timestamp(),
        borrowed.expires_at, borrowed.borrowed_until
    FROM found LEFT JOIN rule ON true LEFT JOIN borrowed ON true
"""

# As with a heartbeat, the guard stands again on the row that is written: a device that was released meanwhile gets no file.
CHECK_OUT = f"""
    WITH found AS ({FIND_SESSION}), wanted AS (
        SELECT session.device_id, session.sealed_device_digest, {_LICENSE_FILE_END} AS license_file_end
        FROM found
        JOIN licensing_session session ON session.id = found.session_id
        JOIN licensing_license license ON license.id = session.license_id
        JOIN licensing_policy policy ON policy.id = license.policy_id
    ), granted AS (
        UPDATE licensing_device device
        SET last_seen_at = statement_timestamp(),
            license_file_ends_at = GREATEST(device.license_file_ends_at, wanted.license_file_end)
        FROM wanted, found
        WHERE device.id = wanted.device_id AND device.released_at IS NULL
            AND wanted.license_file_end IS NOT NULL AND wanted.sealed_device_digest IS NOT NULL
            AND NOT found.session_is_ended AND NOT found.session_is_expired
            AND {FOUND_IS_USABLE}
        RETURNING device.id
    )
    SELECT found.*, wanted.sealed_device_digest, wanted.license_file_end, granted.id IS NOT NULL
    FROM found LEFT JOIN wanted ON true LEFT JOIN granted ON true
"""
