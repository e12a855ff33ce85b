# ruff: noqa: S608 (statements are put together from constants of this file alone)
"""The SQL of releases by programs, judged by the database's clock. Both run under the license's lock."""

from licensing.models.policy import RELEASES_MAX

_RELEASES_MAX = "COALESCE(license.releases_max, policy.releases_max)"
_PERIOD = "make_interval(secs => policy.releases_period_seconds)"
_PAUSE = "make_interval(secs => policy.releases_pause_seconds)"
_NEWEST_FIRST = """
    ARRAY(SELECT released_at FROM unnest(license.releases) released_at ORDER BY released_at DESC)
"""
# Any stretch of time counts, and not one that begins anew: nobody gets twice the budget around midnight.
_USED = f"""
    (
        SELECT count(*) FROM unnest(license.releases) released_at
        WHERE released_at > statement_timestamp() - {_PERIOD}
    )
"""
_PAUSED_UNTIL = f"(SELECT max(released_at) FROM unnest(license.releases) released_at) + {_PAUSE}"

SPEND_RELEASE = f"""
    UPDATE licensing_license license
    SET releases = (statement_timestamp() || {_NEWEST_FIRST})[:{RELEASES_MAX}]
    FROM licensing_policy policy
    WHERE license.id = %(license_id)s
        AND policy.id = license.policy_id
        AND ({_RELEASES_MAX} IS NULL OR {_USED} < {_RELEASES_MAX})
        AND COALESCE({_PAUSED_UNTIL} <= statement_timestamp(), true)
    RETURNING statement_timestamp()
"""

# The release that was made so many before the last one has to grow old, and the pause after the last to be over.
READ_RELEASE_BUDGET = f"""
    SELECT CASE WHEN {_RELEASES_MAX} IS NOT NULL THEN
            GREATEST({_RELEASES_MAX} - {_USED}, 0)::int
        END,
        CASE WHEN {_RELEASES_MAX} = 0 THEN NULL ELSE GREATEST(
            CEIL(EXTRACT(EPOCH FROM GREATEST(
                ({_NEWEST_FIRST})[{_RELEASES_MAX}] + {_PERIOD}, {_PAUSED_UNTIL}
            ) - statement_timestamp())), 1
        )::int END
    FROM licensing_license license
    JOIN licensing_policy policy ON policy.id = license.policy_id
    WHERE license.id = %(license_id)s
"""
