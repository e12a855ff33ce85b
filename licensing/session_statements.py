# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of what programs do with an open session; `sessions.py` says when each statement is used."""

from typing import LiteralString

from licensing.access_statements import SESSION_IS_DENIED
from licensing.client_call_statements import (
    API_KEY,
    CURRENT_SIGNING_KEY,
    LEASE_END,
    LICENSE_FACTS,
    LICENSE_FILE_END,
    SIGNING_FACTS,
    USABLE_API_KEY,
    WITHOUT_ENTITLEMENTS,
)
from licensing.entitlement_statements import ENTITLEMENTS
from licensing.policy_statements import BORROW_MAX_SECONDS
from licensing.term_statements import LICENSE_END

# A session never outlives its license, nor does a borrowed seat, which a heartbeat does not cut short.
_NEXT_SESSION_END = f"LEAST(GREATEST({LEASE_END}, session.borrowed_until), {LICENSE_END})"

# A heartbeat that was on its way while the license was cut short may have written a later end than the license has.
SESSION_STATE = f"""
    session.id AS session_id, session.is_overdraft, session.borrowed_until,
    LEAST(session.expires_at, {LICENSE_END}) AS session_expires_at,
    session.ended_at IS NOT NULL AS session_is_ended,
    session.expires_at <= statement_timestamp() AS session_is_expired,
    device.released_at IS NOT NULL AS device_is_released,
    {SESSION_IS_DENIED} AS access_is_denied,
    {_NEXT_SESSION_END} AS session_end, {LEASE_END} AS lease_end
"""
SESSION_TABLES = f"""
    ({API_KEY}) key
    JOIN licensing_application application ON application.id = key.application_id
    {CURRENT_SIGNING_KEY}
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
        SELECT {SIGNING_FACTS}, application.enabled, session.id AS session_id
        FROM ({API_KEY}) key
        JOIN licensing_application application ON application.id = key.application_id
        {CURRENT_SIGNING_KEY}
        LEFT JOIN licensing_session session
            ON session.token_digest = %(token_digest)s AND session.application_id = application.id
        WHERE {USABLE_API_KEY}
    ), ended AS (
        UPDATE licensing_session session
        SET ended_at = statement_timestamp(), ended_reason = 'logout'
        FROM found
        WHERE session.id = found.session_id AND found.enabled AND session.ended_at IS NULL
    )
    SELECT application_id, signing_key_id, private_ciphertext, own_words_at, own_words, enabled, session_id
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
        SELECT session.device_id, session.sealed_device_digest, {LICENSE_FILE_END} AS license_file_end
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
