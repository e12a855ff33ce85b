"""The SQL of entitlements: pieces for statements where `application`, `license` and `policy` are rows.

The rule itself, who has how much of what, is the database's: the functions of migration 0037.
"""

from licensing.term_statements import LICENSE_HAS_FALLEN_BACK

# What the license of a statement has at this moment: a row for each entitlement.
GRANTED = f"licensing_granted(license.id, license.policy_id, {LICENSE_HAS_FALLEN_BACK})"

# The same as programs are told it, an object of objects by name; NULL for none. Most applications have no entitlements at all,
# and do not get to the function.
ENTITLEMENTS = f"""(
    CASE WHEN EXISTS (SELECT FROM licensing_entitlement WHERE application_id = application.id)
        THEN licensing_entitlements(license.id, license.policy_id, {LICENSE_HAS_FALLEN_BACK})
    END
)"""

# Locks the count of the period that runs, one that was not there before included, and tells what it is.
LOCK_USAGE = """
    INSERT INTO licensing_usage AS usage (
        id, application_id, license_id, entitlement_id, starts_at, ends_at, used, changed_at
    )
    SELECT %(usage_id)s, entitlement.application_id, %(license_id)s, entitlement.id,
        licensing_period_starts_at(entitlement.period), licensing_period_ends_at(entitlement.period), 0, statement_timestamp()
    FROM licensing_entitlement entitlement
    WHERE entitlement.id = %(entitlement_id)s
    ON CONFLICT (license_id, entitlement_id, starts_at) DO UPDATE SET used = usage.used
    RETURNING usage.id, usage.used
"""
