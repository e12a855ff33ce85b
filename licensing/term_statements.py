"""The SQL of how long, and for which versions, a license is good: pieces for statements where `license` and `policy` are rows.

Times are judged by the database's clock, to the microsecond. A piece that is NULL for a moment says: for ever.
"""

from typing import LiteralString

_GRACE_SECONDS = "COALESCE(license.grace_seconds, policy.grace_seconds)"
_GRACE_END = f"(license.expires_at + make_interval(secs => {_GRACE_SECONDS}))"
_FALLS_BACK = "COALESCE(NULLIF(license.expiry_strategy, ''), policy.expiry_strategy) = 'fall_back'"

# From this moment on the license is refused: its end and the grace after it. One that falls back is never refused for its age.
LICENSE_END = f"(CASE WHEN NOT {_FALLS_BACK} THEN {_GRACE_END} END)"
LICENSE_IS_EXPIRED = f"(({LICENSE_END} <= statement_timestamp()) IS TRUE)"
LICENSE_IS_USABLE = f"(license.status = 'active' AND NOT {LICENSE_IS_EXPIRED})"
# Past its end and its grace, and still let in: without entitlements.
LICENSE_HAS_FALLEN_BACK = f"({_FALLS_BACK} AND {_GRACE_END} <= statement_timestamp())"
# Until this moment nothing changes by itself: neither a refusal nor a falling back. NULL once it has fallen back.
SETTLED_UNTIL = f"(CASE WHEN {_GRACE_END} > statement_timestamp() THEN {_GRACE_END} END)"

# What programs are told. No answer has room for a year of five digits.
GRACE_UNTIL = f"""(CASE WHEN license.expires_at IS NOT NULL AND {_GRACE_SECONDS} > 0
    THEN LEAST({_GRACE_END}, '9999-12-31 23:59:59+00'::timestamptz) END)"""
LICENSE_WARNING = f"""(CASE
    WHEN license.expires_at IS NULL OR license.expires_at > statement_timestamp() THEN NULL
    WHEN {_GRACE_END} > statement_timestamp() THEN 'license_in_grace'
    WHEN {_FALLS_BACK} THEN 'license_fallen_back'
END)"""

_VERSION_MIN_KEY = "COALESCE(NULLIF(license.app_version_min_key, ''), policy.app_version_min_key)"
_VERSION_MAX_KEY = "COALESCE(NULLIF(license.app_version_max_key, ''), policy.app_version_max_key)"


def version_is_allowed(key: LiteralString) -> LiteralString:
    """Return SQL that judges a program's version by its key (licensing/versions.py); NULL for one nobody asked for.

    A program that tells no version, or none that is one, passes no gate.
    """
    return f"""((
        ({key})::text COLLATE "C" >= {_VERSION_MIN_KEY}
        AND ({_VERSION_MAX_KEY} = '' OR ({key}) <> '' AND ({key})::text COLLATE "C" <= {_VERSION_MAX_KEY})
    ) IS NOT FALSE)"""


def version_refusal(key: LiteralString) -> LiteralString:
    """Return SQL for what a program is told that may not run in its version; NULL for one that may."""
    return f"""(CASE WHEN NOT {version_is_allowed(key)} THEN jsonb_build_object(
        'app_version_min', COALESCE(NULLIF(license.app_version_min, ''), policy.app_version_min),
        'app_version_max', COALESCE(NULLIF(license.app_version_max, ''), policy.app_version_max),
        'download_url', policy.download_url
    ) END)"""
