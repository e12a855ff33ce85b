# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""The SQL of telling variables to a program."""

from licensing.client_call_statements import LICENSE_FACTS, USABLE_API_KEY, WITHOUT_ENTITLEMENTS
from licensing.entitlement_statements import GRANTED
from licensing.session_statements import SESSION_STATE, SESSION_TABLES

# All in one row, and still encrypted: whether the session is live is judged before anything is opened. Being entitled to *no* is
# no entitlement.
FIND_VARIABLES = f"""
    SELECT {LICENSE_FACTS}, {WITHOUT_ENTITLEMENTS} AS entitlements, {SESSION_STATE}, (
        SELECT jsonb_agg(jsonb_build_array(variable.id, variable.name, variable.value_ciphertext))
        FROM licensing_variable variable
        WHERE variable.application_id = application.id
            AND (
                %(names)s::jsonb IS NULL
                OR variable.name IN (SELECT jsonb_array_elements_text(%(names)s::jsonb))
            )
            AND (
                variable.entitlement_id IS NULL
                OR variable.entitlement_id IN (
                    SELECT granted.id FROM {GRANTED} granted
                    WHERE granted.value IS DISTINCT FROM 'false'::jsonb
                )
            )
    )
    FROM {SESSION_TABLES}
    WHERE {USABLE_API_KEY}
"""
