"""The SQL that several client calls share: pieces for statements where `application`, `license` and `policy` are rows."""

from licensing.access_statements import PROGRAM_IS_DENIED
from licensing.term_statements import (
    GRACE_UNTIL,
    LICENSE_IS_EXPIRED,
    LICENSE_IS_USABLE,
    LICENSE_WARNING,
    SETTLED_UNTIL,
    version_is_allowed,
    version_refusal,
)


def first_of(select: str, *conditions: str) -> str:
    """Return SQL for the first row that meets the first condition that any meets.

    Each condition is a probe of a unique index, and those after the first are made only where that finds nothing. With OR, or
    a list of digests, it would be the planner's to choose, and where it knows little of a table it reads whole applications.
    """
    return " UNION ALL ".join(f"({select} {condition})" for condition in conditions) + " LIMIT 1"


# Two digests while the keys of the ring are changed, and else the same one twice.
API_KEY = first_of(
    "SELECT application_id, expires_at FROM licensing_apikey WHERE",
    "key_digest = %(api_key_digest)s",
    "key_digest = %(other_api_key_digest)s",
    "second_key_digest = %(api_key_digest)s",
    "second_key_digest = %(other_api_key_digest)s",
)

DEVICE = "SELECT * FROM licensing_device WHERE license_id = %(license_id)s AND"


USABLE_API_KEY = "(key.expires_at IS NULL OR key.expires_at > statement_timestamp())"

VERSION_OF_PROGRAM = "%(app_version_key)s::text"
USABLE_LICENSE = f"""
    {LICENSE_IS_USABLE} AND {version_is_allowed(VERSION_OF_PROGRAM)} AND NOT {PROGRAM_IS_DENIED}
"""


LEASE_END = "statement_timestamp() + make_interval(secs => policy.session_lifetime_seconds)"

# When a license file that is given now ends; NULL where the policy gives none. It never outlives its license, nor
# what a license loses when it falls back.
LICENSE_FILE_END = f"""
    CASE WHEN policy.license_file_seconds IS NOT NULL THEN LEAST(
        statement_timestamp() + make_interval(secs => policy.license_file_seconds),
        {SETTLED_UNTIL}
    ) END
"""

# In the order of SigningFacts. The developer's own words come along for a process that has not read them since they changed.
SIGNING_FACTS = """
    application.id AS application_id, signing_key.id AS signing_key_id, signing_key.private_ciphertext,
    application.own_words_at,
    CASE
        WHEN application.own_words_at IS DISTINCT FROM %(own_words_known)s::timestamptz
        THEN application.own_words
    END AS own_words
"""
APPLICATION_AND_LICENSE_FACTS = f"""
    {SIGNING_FACTS}, application.enabled,
    license.id AS license_id, license.status AS license_status, license.expires_at AS license_expires_at,
    {LICENSE_IS_EXPIRED} AS license_is_expired,
    policy.name AS policy_name, license.username, license.metadata, policy.heartbeat_interval_seconds,
    {GRACE_UNTIL} AS grace_until, {LICENSE_WARNING} AS license_warning
"""
LICENSE_FACTS = f"{APPLICATION_AND_LICENSE_FACTS}, {version_refusal('session.app_version_key')} AS version_refusal"
# Where nobody is told them.
WITHOUT_ENTITLEMENTS = "NULL::jsonb"

CURRENT_SIGNING_KEY = """
    JOIN licensing_signingkey signing_key
        ON signing_key.application_id = application.id AND signing_key.state = 'current'
"""
