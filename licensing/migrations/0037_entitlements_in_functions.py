"""Tell what a license is entitled to in functions of the database, so that the statements of the client calls name them only.

PostgreSQL sets up for each call all that a statement may come to need, and nothing of a plpgsql function that it does not reach:
applications without entitlements do not pay for those of others. The other functions are plain SQL, which PostgreSQL puts into
the statement that names them.
"""

from django.db import migrations

# What never starts anew has begun with 1970 and has no end. A period ends where a clock in UTC shows its length to be over:
# months differ.
PERIODS = """
CREATE FUNCTION licensing_period_starts_at(period text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE period
        WHEN 'never' THEN 'epoch'::timestamptz
        ELSE date_trunc(period, statement_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    END
$$;
CREATE FUNCTION licensing_period_ends_at(period text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN period <> 'never' THEN (
        date_trunc(period, statement_timestamp() AT TIME ZONE 'UTC') + ('1 ' || period)::interval
    ) AT TIME ZONE 'UTC' END
$$;
"""

# One row for each entitlement that a license has at this moment: the license's own word, and without one its policy's. A word
# that has expired is as if it had never been said, and a license that has fallen back has none at all.
GRANTED = """
CREATE FUNCTION licensing_granted(of_license uuid, of_policy uuid, has_fallen_back boolean)
RETURNS TABLE (
    id uuid, name varchar, kind varchar, value jsonb, expires_at timestamptz,
    period_starts_at timestamptz, period_ends_at timestamptz
)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (entitlement.id)
        entitlement.id, entitlement.name, entitlement.kind, word.value, word.expires_at,
        licensing_period_starts_at(entitlement.period), licensing_period_ends_at(entitlement.period)
    FROM (
        SELECT entitlement_id, said.value, said.expires_at, 1 AS rank
        FROM licensing_licenseentitlement said WHERE said.license_id = of_license
        UNION ALL
        SELECT entitlement_id, said.value, said.expires_at, 2
        FROM licensing_policyentitlement said WHERE said.policy_id = of_policy
    ) word
    JOIN licensing_entitlement entitlement ON entitlement.id = word.entitlement_id
    WHERE (word.expires_at IS NULL OR word.expires_at > statement_timestamp())
        AND has_fallen_back IS NOT TRUE
    ORDER BY entitlement.id, word.rank
$$;
"""

# An object of objects by name, as programs are told it; NULL for none.
ENTITLEMENTS = """
CREATE FUNCTION licensing_moment(moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;
CREATE FUNCTION licensing_entitlements(of_license uuid, of_policy uuid, has_fallen_back boolean)
RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_object_agg(granted.name, CASE granted.kind
            WHEN 'metered' THEN jsonb_build_object(
                'kind', granted.kind,
                'limit', granted.value,
                'used', COALESCE(usage.used, 0),
                'remaining', CASE WHEN granted.value IS NOT NULL
                    THEN GREATEST(granted.value::bigint - COALESCE(usage.used, 0), 0) END,
                'resets_at', licensing_moment(granted.period_ends_at),
                'expires_at', licensing_moment(granted.expires_at)
            )
            ELSE jsonb_build_object(
                'kind', granted.kind,
                'value', granted.value,
                'expires_at', licensing_moment(granted.expires_at)
            )
        END)
        FROM licensing_granted(of_license, of_policy, has_fallen_back) granted
        LEFT JOIN licensing_usage usage
            ON usage.license_id = of_license
            AND usage.entitlement_id = granted.id
            AND usage.starts_at = granted.period_starts_at
    );
END
$$;
"""

REVERSE = """
DROP FUNCTION licensing_entitlements(uuid, uuid, boolean);
DROP FUNCTION licensing_moment(timestamptz);
DROP FUNCTION licensing_granted(uuid, uuid, boolean);
DROP FUNCTION licensing_period_ends_at(text);
DROP FUNCTION licensing_period_starts_at(text);
"""


class Migration(migrations.Migration):
    dependencies = [("licensing", "0036_bulk_rows_are_kept")]

    operations = [migrations.RunSQL([PERIODS, GRANTED, ENTITLEMENTS], REVERSE)]
