# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of opening a session: the license is found, locked where that is needed, and the session opened on a bound device.

`opening.py` says when each is used; binding a device that is not yet has a file of its own.
"""

from typing import LiteralString

from licensing.client_call_statements import (
    API_KEY,
    APPLICATION_AND_LICENSE_FACTS,
    CURRENT_SIGNING_KEY,
    DEVICE,
    LEASE_END,
    LICENSE_FILE_END,
    USABLE_API_KEY,
    USABLE_LICENSE,
    VERSION_OF_PROGRAM,
    first_of,
)
from licensing.entitlement_statements import ENTITLEMENTS
from licensing.policy_statements import SESSIONS_PER, USERS_MAX
from licensing.term_statements import GRACE_UNTIL, LICENSE_END, version_refusal

_LICENSE = first_of(
    "SELECT * FROM licensing_license WHERE application_id = application.id AND",
    "key_digest = %(license_key_digest)s",
    "key_digest = %(other_license_key_digest)s",
    "second_key_digest = %(license_key_digest)s",
    "second_key_digest = %(other_license_key_digest)s",
)

# Last of all, for it takes the place as well (migration 0035).
_USER_HAS_A_PLACE = f"""
    CASE WHEN {USERS_MAX} IS NULL THEN true
        ELSE licensing_name_user(license.id, %(user_name)s::text, {USERS_MAX})
    END
"""
_SESSIONS_MAX = "COALESCE(license.sessions_max, policy.sessions_max)"
# What is counted is counted under the license's lock alone; whatever a license may limit by counting belongs here.
_NOTHING_IS_COUNTED = f"{_SESSIONS_MAX} IS NULL AND {USERS_MAX} IS NULL"
_MAY_COUNT = f"(%(is_locked)s::boolean OR ({_NOTHING_IS_COUNTED}))"
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

# A session never outlives its license.
_SESSION_END = f"LEAST({LEASE_END}, {LICENSE_END})"

# The program of a borrowed seat cannot be told that its seat is gone: it is never ended in another's favour.
_IS_BORROWED = "COALESCE(session.borrowed_until > statement_timestamp(), false)"

_FOUND = f"""
    {APPLICATION_AND_LICENSE_FACTS}, {version_refusal(VERSION_OF_PROGRAM)} AS version_refusal,
    {ENTITLEMENTS} AS entitlements, {_SESSIONS_MAX} AS sessions_max, {USERS_MAX} AS users_max,
    application.has_access_rules,
    failures.hits, CEIL(EXTRACT(EPOCH FROM failures.ends_at - statement_timestamp()))::int AS failures_seconds
"""
_FOUND_TABLES = f"""
    ({API_KEY}) key
    JOIN licensing_application application ON application.id = key.application_id
    {CURRENT_SIGNING_KEY}
    LEFT JOIN LATERAL ({_LICENSE}) license ON true
    LEFT JOIN licensing_policy policy ON policy.id = license.policy_id
    LEFT JOIN accounts_limitwindow failures
        ON failures.name = %(limit)s
        AND failures.subject = application.id::text || ' ' || %(network)s
        AND failures.ends_at > statement_timestamp()
"""

FIND_LICENSE = f"SELECT {_FOUND} FROM {_FOUND_TABLES} WHERE {USABLE_API_KEY}"

# Row lock only, so that the statement after it has a snapshot in which every earlier opening shows.
LOCK_LICENSE = """
    SELECT id FROM licensing_license WHERE id = %(license_id)s FOR NO KEY UPDATE
"""

_BOUND_DEVICE = first_of(
    f"{DEVICE} released_at IS NULL AND",
    "hwid_digest = %(hwid_digest)s",
    "hwid_digest = %(other_hwid_digest)s",
)

# A device under the other key moves to the current one, unless it is there already: one that called a process which did not
# know the newer key may be known twice.
_MOVES = """
    NOT EXISTS (
        SELECT FROM licensing_device moved
        WHERE moved.license_id = %(license_id)s AND moved.hwid_digest = %(hwid_digest)s
    )
"""


# A hardware id in one text that is the same as a whole of parts says nothing new of them.
_PARTS = "COALESCE(NULLIF(%(components)s::text[], '{}'), device.components)"


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
            {LICENSE_FILE_END} AS license_file_end,
            {_SESSIONS_MAX} AS sessions_max, {_SEATS} AS seats,
            policy.sessions_overflow, {SESSIONS_PER} AS sessions_per
        FROM licensing_license license
        JOIN licensing_policy policy ON policy.id = license.policy_id
        WHERE license.id = %(license_id)s AND {USABLE_LICENSE} AND {_MAY_COUNT} AND {_USER_HAS_A_PLACE}
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
                WHEN moves OR device.hwid_digest = %(hwid_digest)s THEN {_PARTS}
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


# No row: the device is not bound, the license no longer usable, or limited by now and not locked. A row without a session: the limit is reached.
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

# FIND_LICENSE, and with it the session of a device that is bound, where nothing is counted, as with most licenses. For a ring with
# one key, under which each device is known, and an application whose id its caller has seen before: digests are salted by it.
# As in OPEN_SESSION the guard stands again on the row that is written: a device that was released meanwhile opens nothing.
FIND_LICENSE_AND_OPEN = f"""
    WITH found AS (
        SELECT {_FOUND},
            device.id AS device_id, {_SESSION_END} AS session_end, {LICENSE_FILE_END} AS license_file_end
        FROM {_FOUND_TABLES}
        LEFT JOIN licensing_device device
            ON device.license_id = license.id
            AND device.hwid_digest = %(hwid_digest)s
            AND device.released_at IS NULL
            AND application.id = %(application_id)s AND application.enabled
            AND {USABLE_LICENSE} AND {_NOTHING_IS_COUNTED}
        WHERE {USABLE_API_KEY}
    ), device AS (
        UPDATE licensing_device device
        SET last_seen_at = statement_timestamp(),
            name = COALESCE(NULLIF(%(device_name)s::text, ''), device.name),
            platform = COALESCE(NULLIF(%(platform)s::text, ''), device.platform),
            license_file_ends_at = GREATEST(device.license_file_ends_at, found.license_file_end),
            hwid_key_id = %(hwid_key_id)s,
            components = {_PARTS}
        FROM found
        WHERE device.id = found.device_id AND device.released_at IS NULL
        RETURNING device.id
    ), opened AS (
        INSERT INTO licensing_session (
            id, application_id, license_id, device_id, token_digest, sealed_device_digest,
            user_name, app_version, app_version_key, ip_address, opened_at, last_seen_at, expires_at, is_overdraft, ended_reason
        )
        SELECT %(session_id)s, found.application_id, found.license_id, device.id, %(token_digest)s,
            %(sealed_device_digest)s, %(user_name)s, %(app_version)s, %(app_version_key)s::text, %(ip_address)s::inet,
            statement_timestamp(), statement_timestamp(), found.session_end, false, ''
        FROM found, device
    )
    SELECT found.*, device.id IS NOT NULL FROM found LEFT JOIN device ON true
"""
