# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of entitlements: pieces that stand inside the statements of the client calls, where `license` is a row."""

from licensing.term_statements import LICENSE_HAS_FALLEN_BACK

# The moment at which a period began. What never starts anew has begun with 1970.
_PERIOD_STARTS_AT = """
    CASE entitlement.period
        WHEN 'never' THEN 'epoch'::timestamptz
        ELSE date_trunc(entitlement.period, statement_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    END
"""
# Counted from the period's begin as a clock in UTC shows it: months differ in length.
_PERIOD_ENDS_AT = """
    CASE WHEN entitlement.period <> 'never' THEN (
        date_trunc(entitlement.period, statement_timestamp() AT TIME ZONE 'UTC')
        + ('1 ' || entitlement.period)::interval
    ) AT TIME ZONE 'UTC' END
"""

_HAS_NOT_FALLEN_BACK = f"""(
    license.expires_at IS NULL
    OR license.expires_at > statement_timestamp()
    OR NOT EXISTS (
        SELECT FROM licensing_policy policy
        WHERE policy.id = license.policy_id AND {LICENSE_HAS_FALLEN_BACK}
    )
)"""

# One row for each entitlement that the license has at this moment: the license's own word, and without one its policy's. A
# word that has expired is as if it had never been said, and a license that has fallen back has none at all.
GRANTED = f"""
    SELECT DISTINCT ON (entitlement.id)
        entitlement.id, entitlement.name, entitlement.kind, word.value, word.expires_at,
        {_PERIOD_STARTS_AT} AS period_starts_at, {_PERIOD_ENDS_AT} AS period_ends_at
    FROM (
        SELECT entitlement_id, value, expires_at, 1 AS rank
        FROM licensing_licenseentitlement WHERE license_id = license.id
        UNION ALL
        SELECT entitlement_id, value, expires_at, 2
        FROM licensing_policyentitlement WHERE policy_id = license.policy_id
    ) word
    JOIN licensing_entitlement entitlement ON entitlement.id = word.entitlement_id
    WHERE (word.expires_at IS NULL OR word.expires_at > statement_timestamp())
        AND {_HAS_NOT_FALLEN_BACK}
    ORDER BY entitlement.id, word.rank
"""


def _time(moment: str) -> str:
    return f"""to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


# An object of objects by name, as programs are told it; NULL for none.
ENTITLEMENTS = f"""(
    SELECT jsonb_object_agg(granted.name, CASE granted.kind
        WHEN 'metered' THEN jsonb_build_object(
            'kind', granted.kind,
            'limit', granted.value,
            'used', COALESCE(usage.used, 0),
            'remaining', CASE WHEN granted.value IS NOT NULL
                THEN GREATEST(granted.value::bigint - COALESCE(usage.used, 0), 0) END,
            'resets_at', {_time("granted.period_ends_at")},
            'expires_at', {_time("granted.expires_at")}
        )
        ELSE jsonb_build_object(
            'kind', granted.kind,
            'value', granted.value,
            'expires_at', {_time("granted.expires_at")}
        )
    END)
    FROM ({GRANTED}) granted
    LEFT JOIN licensing_usage usage
        ON usage.license_id = license.id
        AND usage.entitlement_id = granted.id
        AND usage.starts_at = granted.period_starts_at
)"""

# Locks the count of the period that runs, one that was not there before included, and tells what it is.
LOCK_USAGE = f"""
    INSERT INTO licensing_usage AS usage (
        id, application_id, license_id, entitlement_id, starts_at, ends_at, used, changed_at
    )
    SELECT %(usage_id)s, entitlement.application_id, %(license_id)s, entitlement.id,
        {_PERIOD_STARTS_AT}, {_PERIOD_ENDS_AT}, 0, statement_timestamp()
    FROM licensing_entitlement entitlement
    WHERE entitlement.id = %(entitlement_id)s
    ON CONFLICT (license_id, entitlement_id, starts_at) DO UPDATE SET used = usage.used
    RETURNING usage.id, usage.used
"""
