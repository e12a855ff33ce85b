"""How the client calls ask the database, and how they read what it found: as facts, or as the refusal that it calls for."""

import functools
import json
import re
import uuid
from typing import Any, LiteralString

from licensing import callers, errors, tokens
from licensing.callers import Caller
from licensing.models import License
from licensing.session_facts import LicenseFacts, SessionFacts
from licensing.signatures import SigningFacts
from licensing.statements import Row, fetch_row

# What is looked for under two keys of a ring, if the ring has two.
_DIGESTS = ("api_key_digest", "license_key_digest", "hwid_digest")


def fetch(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
    """Run one statement of the client calls as `fetch_row` does, without the probes that one key in the ring makes needless."""
    repeated = [
        name
        for name in _DIGESTS
        if name in parameters and parameters[name] == parameters[f"other_{name}"]
    ]
    return fetch_row(with_one_probe(statement, *repeated), parameters)


@functools.cache
def with_one_probe(statement: LiteralString, *names: str) -> LiteralString:
    """Return a statement that does not look again for what `other_<name>` would repeat: half of the probes."""
    for name in names:
        # A probe as `_first_of` writes it.
        probe = rf" UNION ALL \((?:(?! UNION ALL ).)*%\(other_{name}\)s\)"
        statement = re.sub(probe, "", statement)
    return statement


def session_parameters(
    api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> dict[str, Any]:
    return {
        **api_key_parameters(api_key),
        "token_digest": tokens.session_token_digest(session_token),
        "ip_address": caller.ip_address,
        "country": caller.country,
    }


def api_key_parameters(api_key: str) -> dict[str, bytes]:
    digest, other_digest = tokens.api_key_digests(api_key)
    return {"api_key_digest": digest, "other_api_key_digest": other_digest}


def live_session(row: Row | None) -> SessionFacts:
    """Return what FIND_SESSION and its like found; raise the first refusal, in the order of precedence, that it calls for."""
    if not row or row[0] is None:
        raise errors.InvalidApiKeyError
    *facts, _session_id, is_overdraft, borrowed_until = row[:-7]
    expires_at, is_ended, is_expired, device_is_released, is_denied, *_next_ends = row[-7:]
    signing, license, heartbeat_interval_seconds = usable_license(
        tuple(facts), errors.SessionNotFoundError
    )
    if is_ended:
        raise errors.SessionEndedError(signing=signing)
    if is_expired:
        raise errors.SessionExpiredError(signing=signing)
    if is_denied:
        raise errors.AccessDeniedError(signing=signing)
    if device_is_released:
        raise errors.HwidMismatchError(signing=signing)
    return SessionFacts(
        signing, license, expires_at, heartbeat_interval_seconds, is_overdraft, borrowed_until
    )


def usable_license(
    facts: Row, unknown: type[errors.RefusalError]
) -> tuple[SigningFacts, LicenseFacts, int]:
    """Raise the first refusal, in the order of precedence, that application and license call for."""
    *who, enabled, license_id, status, expires_at, is_expired = facts[:9]
    signing = SigningFacts(*who)
    policy_name, username, metadata, heartbeat_interval_seconds = facts[9:13]
    grace_until, warning, version_refusal, entitlements = facts[13:]
    if not enabled:
        raise errors.ApplicationDisabledError(signing=signing)
    if license_id is None:
        raise unknown(signing=signing)
    if status == License.Status.SUSPENDED:
        raise errors.LicenseSuspendedError(signing=signing)
    if status == License.Status.REVOKED:
        raise errors.LicenseRevokedError(signing=signing)
    if is_expired:
        raise errors.LicenseExpiredError(signing=signing)
    if version_refusal is not None:
        raise errors.VersionNotAllowedError(signing=signing, **json.loads(version_refusal))
    license = LicenseFacts(
        license_id,
        status,
        expires_at,
        policy_name,
        username,
        json.loads(metadata),
        json.loads(entitlements) if entitlements else {},
        grace_until,
        (warning,) if warning else (),
    )
    return signing, license, heartbeat_interval_seconds
