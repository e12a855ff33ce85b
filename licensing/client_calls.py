"""How the client calls ask the database, and how they read what it found: as facts, or as the refusal that it calls for."""

import datetime as dt
import functools
import json
import re
import uuid
from typing import Any, LiteralString, NamedTuple

from licensing import callers, errors, own_words, tokens
from licensing.callers import Caller
from licensing.models import License
from licensing.session_facts import LicenseFacts, SessionFacts
from licensing.signatures import SigningFacts
from licensing.statements import Question, Row, Steps, answered

# What is looked for under two keys of a ring, if the ring has two.
_DIGESTS = ("api_key_digest", "license_key_digest", "hwid_digest")


def fetch(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
    """Run one statement of the client calls as `fetch_row` does, without the probes that one key in the ring makes needless."""
    return answered(asking(statement, parameters))


def asking(
    statement: LiteralString, parameters: dict[str, Any], *, is_durable: bool = False
) -> Steps[Row | None]:
    """Do in steps what `fetch` does."""
    repeated = [
        name
        for name in _DIGESTS
        if name in parameters and parameters[name] == parameters[f"other_{name}"]
    ]
    row = yield Question(with_one_probe(statement, *repeated), parameters, is_durable)
    if row is not None and "own_words_known" in parameters and row[_OWN_WORDS] is not None:
        own_words.keep(parameters["api_key_digest"], SigningFacts(*row[:5]))
    return row


@functools.cache
def with_one_probe(statement: LiteralString, *names: str) -> LiteralString:
    """Return a statement that does not look again for what `other_<name>` would repeat: half of the probes."""
    for name in names:
        # A probe as `first_of` writes it.
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


def api_key_parameters(api_key: str) -> dict[str, Any]:
    digest, other_digest = tokens.api_key_digests(api_key)
    return {
        "api_key_digest": digest,
        "other_api_key_digest": other_digest,
        "own_words_known": own_words.known_at(digest),
    }


class LicenseRow(NamedTuple):
    """What the statements tell of application and license: their first columns, by the names that they have there."""

    application_id: uuid.UUID
    signing_key_id: uuid.UUID
    private_ciphertext: str
    own_words_at: dt.datetime | None
    own_words: str | None
    enabled: bool
    license_id: uuid.UUID | None
    license_status: str
    license_expires_at: dt.datetime | None
    license_is_expired: bool
    policy_name: str
    username: str
    metadata: str
    heartbeat_interval_seconds: int
    grace_until: dt.datetime | None
    license_warning: str | None
    version_refusal: str | None
    entitlements: str | None

    @property
    def signing(self) -> SigningFacts:
        return SigningFacts(*self[:5])


class SessionRow(NamedTuple):
    """What FIND_SESSION and its like tell of the session, after the columns of `LicenseRow`."""

    session_id: uuid.UUID
    is_overdraft: bool
    borrowed_until: dt.datetime | None
    session_expires_at: dt.datetime
    session_is_ended: bool
    session_is_expired: bool
    device_is_released: bool
    access_is_denied: bool
    session_end: dt.datetime
    lease_end: dt.datetime


_OWN_WORDS = LicenseRow._fields.index("own_words")
LICENSE_WIDTH = len(LicenseRow._fields)
SESSION_WIDTH = LICENSE_WIDTH + len(SessionRow._fields)


def live_session(row: Row | None) -> SessionFacts:
    """Return what FIND_SESSION and its like found; raise the first refusal, in the order of precedence, that it calls for."""
    if not row or row[0] is None:
        raise errors.InvalidApiKeyError
    found = LicenseRow._make(row[:LICENSE_WIDTH])
    license = usable_license(found, errors.SessionNotFoundError)
    session = SessionRow._make(row[LICENSE_WIDTH:SESSION_WIDTH])
    signing = found.signing
    if session.session_is_ended:
        raise errors.SessionEndedError(signing=signing)
    if session.session_is_expired:
        raise errors.SessionExpiredError(signing=signing)
    if session.access_is_denied:
        raise errors.AccessDeniedError(signing=signing)
    if session.device_is_released:
        raise errors.HwidMismatchError(signing=signing)
    return SessionFacts(
        signing,
        license,
        session.session_expires_at,
        found.heartbeat_interval_seconds,
        session.is_overdraft,
        session.borrowed_until,
    )


def usable_license(found: LicenseRow, unknown: type[errors.RefusalError]) -> LicenseFacts:
    """Raise the first refusal, in the order of precedence, that application and license call for."""
    if not found.enabled:
        raise errors.ApplicationDisabledError(signing=found.signing)
    if found.license_id is None:
        raise unknown(signing=found.signing)
    if found.license_status == License.Status.SUSPENDED:
        raise errors.LicenseSuspendedError(signing=found.signing)
    if found.license_status == License.Status.REVOKED:
        raise errors.LicenseRevokedError(signing=found.signing)
    if found.license_is_expired:
        raise errors.LicenseExpiredError(signing=found.signing)
    if found.version_refusal is not None:
        told = json.loads(found.version_refusal)
        raise errors.VersionNotAllowedError(signing=found.signing, **told)
    return LicenseFacts(
        found.license_id,
        found.license_status,
        found.license_expires_at,
        found.policy_name,
        found.username,
        json.loads(found.metadata),
        json.loads(found.entitlements) if found.entitlements else {},
        found.grace_until,
        (found.license_warning,) if found.license_warning else (),
    )
