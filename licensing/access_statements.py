# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of access rules: pieces for the statements of the client calls, where `license` and `policy` are rows.

They are judged in functions (migrations 0033 and 0038) behind a CASE, so that they cost an application that has none next to nothing.
"""

from licensing.policy_statements import HWID_MATCHING, USERS_MAX

# Of a program that asks for a session: it is asked anew in each statement, for rules may have come since the license was found.
PROGRAM_IS_DENIED = f"""(CASE
    WHEN (SELECT has_access_rules FROM licensing_application WHERE id = %(application_id)s)
    THEN licensing_access_is_denied(
        license.application_id, license.id, {HWID_MATCHING},
        %(digests)s::text[] || %(other_digests)s::text[],
        %(ip_address)s::inet, %(country)s::text, %(user_name)s::text
    ) ELSE false
END)"""
# Of a session that is there, where `session` and `application` are rows: the function finds the rest, which costs nobody else.
SESSION_IS_DENIED = """(CASE
    WHEN application.has_access_rules
    THEN licensing_session_is_denied(session.id, %(ip_address)s::inet, %(country)s::text)
    ELSE false
END)"""

# What keeps a program out that the license itself does not: the rules, or that all of its users have names, and others.
JUDGE_PROGRAM = f"""
    SELECT {PROGRAM_IS_DENIED},
        CASE WHEN {USERS_MAX} IS NULL THEN false ELSE {USERS_MAX} <= (
            SELECT count(*) FROM licensing_nameduser named WHERE named.license_id = license.id
        ) AND NOT EXISTS (
            SELECT FROM licensing_nameduser named
            WHERE named.license_id = license.id AND named.name = %(user_name)s::text
        ) END
    FROM licensing_license license
    JOIN licensing_policy policy ON policy.id = license.policy_id
    WHERE license.id = %(license_id)s
"""

# A rule that knows a device under the older key of the ring learns the newer one as well when the device itself calls, whether it
# is let in or not. The first digest is that of the whole hardware id.
LEARN_NEWER_DIGESTS = """
    WITH newer AS (
        SELECT rule.id, ARRAY(
            SELECT pair.today
            FROM unnest(%(digests)s::text[], %(other_digests)s::text[]) pair (today, other)
            WHERE pair.other = ANY(rule.digests) AND pair.today <> ALL(rule.digests)
        ) AS digests
        FROM licensing_accessrule rule
        WHERE rule.application_id = %(application_id)s
            AND rule.kind = 'hwid' AND rule.hwid_key_id <> %(hwid_key_id)s
    )
    UPDATE licensing_accessrule rule
    SET digests = rule.digests || newer.digests,
        hwid_key_id = CASE
            WHEN (%(digests)s::text[])[1] = ANY(newer.digests) THEN %(hwid_key_id)s
            ELSE rule.hwid_key_id
        END
    FROM newer
    WHERE rule.id = newer.id AND newer.digests <> '{}'
"""
