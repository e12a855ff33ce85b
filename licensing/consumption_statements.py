# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of using something up."""

from licensing.client_call_statements import LICENSE_FACTS, USABLE_API_KEY, WITHOUT_ENTITLEMENTS
from licensing.entitlement_statements import GRANTED
from licensing.models.entitlement import NUMBER_MAX
from licensing.session_statements import (
    FOUND_IS_USABLE,
    SESSION_STATE,
    SESSION_TABLES,
)

# Two guards make this exact. The one on `used` stands on the row that is written, which is locked and read again first: so many
# programs at once never pass the limit together. And whoever repeats a call while the first is on its way waits for that row
# as well, and then breaks `consumption_is_counted_once`, which undoes the whole statement.
CONSUME = f"""
    WITH found AS (
        SELECT {LICENSE_FACTS}, {WITHOUT_ENTITLEMENTS} AS entitlements, {SESSION_STATE},
            granted.id AS entitlement_id, granted.kind,
            granted.period_starts_at, granted.period_ends_at,
            CASE granted.kind WHEN 'metered' THEN granted.value::bigint END AS told_limit,
            COALESCE(usage.used, 0) AS used_before,
            earlier.entitlement_name AS earlier_entitlement, earlier.amount AS earlier_amount,
            earlier.used AS earlier_used, earlier.limit AS earlier_limit,
            earlier.ends_at AS earlier_ends_at
        FROM {SESSION_TABLES}
        LEFT JOIN LATERAL (
            SELECT * FROM {GRANTED} every WHERE every.name = %(entitlement)s
        ) granted ON true
        LEFT JOIN licensing_usage usage
            ON usage.license_id = license.id
            AND usage.entitlement_id = granted.id
            AND usage.starts_at = granted.period_starts_at
        LEFT JOIN LATERAL (
            SELECT entitlement.name AS entitlement_name, consumption.amount, consumption.used,
                consumption.limit, counted.ends_at
            FROM licensing_consumption consumption
            JOIN licensing_usage counted ON counted.id = consumption.usage_id
            JOIN licensing_entitlement entitlement ON entitlement.id = counted.entitlement_id
            WHERE consumption.license_id = license.id
                AND consumption.key_digest = %(idempotency_key_digest)s
        ) earlier ON true
        WHERE {USABLE_API_KEY}
    ), counted AS (
        INSERT INTO licensing_usage AS usage (
            id, application_id, license_id, entitlement_id, starts_at, ends_at, used, changed_at
        )
        SELECT %(usage_id)s, found.application_id, found.license_id, found.entitlement_id,
            found.period_starts_at, found.period_ends_at, %(amount)s::bigint, statement_timestamp()
        FROM found
        WHERE {FOUND_IS_USABLE}
            AND NOT found.session_is_ended AND NOT found.session_is_expired
            AND found.kind = 'metered'
            AND found.earlier_amount IS NULL
            AND %(amount)s::bigint <= COALESCE(found.told_limit, {NUMBER_MAX})
        ON CONFLICT (license_id, entitlement_id, starts_at) DO UPDATE
        SET used = usage.used + EXCLUDED.used, changed_at = EXCLUDED.changed_at
        WHERE usage.used + EXCLUDED.used
            <= (SELECT COALESCE(found.told_limit, {NUMBER_MAX}) FROM found)
        RETURNING usage.id, usage.used
    ), kept AS (
        INSERT INTO licensing_consumption (
            id, application_id, license_id, usage_id, key_digest, amount, used, "limit"
        )
        SELECT %(consumption_id)s, found.application_id, found.license_id, counted.id,
            %(idempotency_key_digest)s, %(amount)s::bigint, counted.used, found.told_limit
        FROM found, counted
    )
    SELECT found.*, counted.used FROM found LEFT JOIN counted ON true
"""

# Whoever is in use is left for the next time: who waits for nobody is part of no deadlock.
FORGET_CONSUMPTIONS = """
    WITH old AS (
        SELECT id FROM licensing_consumption
        WHERE id < %(before)s ORDER BY id LIMIT %(size)s::int FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM licensing_consumption USING old WHERE licensing_consumption.id = old.id
        RETURNING 1
    )
    SELECT count(*) FROM gone
"""
FORGET_USAGE = """
    WITH old AS (
        SELECT id FROM licensing_usage
        WHERE ends_at < statement_timestamp() - make_interval(days => %(days)s::int)
            AND NOT EXISTS (SELECT FROM licensing_consumption WHERE usage_id = licensing_usage.id)
        ORDER BY ends_at LIMIT %(size)s::int FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM licensing_usage USING old WHERE licensing_usage.id = old.id
        RETURNING 1
    )
    SELECT count(*) FROM gone
"""
