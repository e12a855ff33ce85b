"""The acts of a program, and the developer's word that ends a session.

Each decides and writes in one guarded statement, judged by the database's clock; `session_statements.py` has the SQL. Locks
are taken in the order license, device, session.
"""

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from django.db import transaction

from accounts.ids import uuid7
from accounts.limits import Outcome, network_of
from licensing import callers, errors, events, failures, tokens
from licensing.access_statements import JUDGE_PROGRAM, LEARN_NEWER_DIGESTS
from licensing.callers import Caller
from licensing.models import License, Session
from licensing.session_statements import (
    ADMIT_DEVICE,
    BIND_DEVICE,
    BORROW_SESSION,
    CHECK_OUT,
    END_SESSION,
    FIND_LICENSE,
    FIND_SESSION,
    LOCK_LICENSE,
    LOCK_LICENSE_OF_SESSION,
    OPEN_SESSION,
    OPEN_SESSION_ONCE,
    TAKE_DEVICE_PLACE,
    TOUCH_SESSION,
    with_one_probe,
)
from licensing.signatures import SigningFacts
from licensing.statements import Row, fetch_row
from licensing.versions import version_key

# What a guesser of license keys sees of a wrong key, of a device that is not the customer's, or of a key that is no use.
_FAILURES = (
    errors.InvalidApiKeyError,
    errors.LicenseNotFoundError,
    errors.LicenseSuspendedError,
    errors.LicenseRevokedError,
    errors.LicenseExpiredError,
    errors.HwidMismatchError,
    errors.TrialUsedError,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What a program says of itself when it opens a session; all but the hardware id may be empty."""

    hwid: str
    # The parts by name, where the hardware id has any; `hwid` is all of them in one text.
    components: Mapping[str, str] = dataclasses.field(default_factory=dict)
    device_name: str = ""
    platform: str = ""
    app_version: str = ""
    user_name: str = ""
    # The same when a program asks again because no answer came: it is given the same session then.
    idempotency_key: str = ""
    ip_address: str | None = None
    # As callers.py says.
    country: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class LicenseFacts:
    """What a program is told of its license."""

    id: uuid.UUID
    status: str
    expires_at: dt.datetime | None
    policy_name: str
    username: str
    metadata: dict[str, Any]
    entitlements: dict[str, Any]
    grace_until: dt.datetime | None
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a program is told of its session."""

    signing: SigningFacts
    license: LicenseFacts
    expires_at: dt.datetime
    heartbeat_interval_seconds: int
    is_overdraft: bool
    borrowed_until: dt.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class FileGrant:
    """The right to run on one device without asking, until it ends; `license_files.py` writes it down."""

    signing: SigningFacts
    license: LicenseFacts
    device_digest: str
    ends_at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class OpenedSession(SessionFacts):
    """A session that was opened just now: the one time that its token is known. No grant: the policy gives none."""

    token: uuid.UUID
    file_grant: FileGrant | None


def open_session(*, api_key: str, license_key: str, program: Program) -> OpenedSession:
    """Check a license, bind the device if a place is free, and open a session.

    Raises the first that applies of InvalidApiKeyError, ApplicationDisabledError, LicenseNotFoundError,
    LicenseSuspendedError, LicenseRevokedError, LicenseExpiredError, VersionNotAllowedError, AccessDeniedError,
    UserLimitReachedError, HwidMismatchError, TrialUsedError and SessionLimitReachedError; or RateLimitedError where a network fails too often. A refused call changes nothing but that count.
    """
    try:
        return _open_session(api_key, license_key, program)
    except _FAILURES as refusal:
        failures.count(refusal, program.ip_address)
        raise


def grant_file(
    *, api_key: str, license_key: str, application_id: uuid.UUID, program: Program
) -> FileGrant:
    """Bind a device that cannot ask for itself and let it run without asking, all or nothing; the seat is free again at once.

    Raises as `open_session` does, OfflineNotAllowedError where the policy gives no license files, and InvalidRequestError where
    the API key is another application's.
    """
    try:
        with transaction.atomic():
            session = _open_session(api_key, license_key, program)
            if session.signing.application_id != application_id:
                raise errors.InvalidRequestError(
                    "request_code is of another application", signing=session.signing
                )
            if session.file_grant is None:
                raise errors.OfflineNotAllowedError(signing=session.signing)
            close_session(api_key=api_key, session_token=session.token)
            return session.file_grant
    except _FAILURES as refusal:
        failures.count(refusal, program.ip_address)
        raise


def validate_session(
    *, api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> SessionFacts:
    """Tell whether a session is good at this moment; reads only.

    Raises the first that applies of InvalidApiKeyError, ApplicationDisabledError, SessionNotFoundError,
    LicenseSuspendedError, LicenseRevokedError, LicenseExpiredError, VersionNotAllowedError, SessionEndedError,
    SessionExpiredError, AccessDeniedError and HwidMismatchError.
    """
    return live_session(fetch(FIND_SESSION, session_parameters(api_key, session_token, caller)))


def touch_session(
    *, api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> SessionFacts:
    """Keep a session alive for another lifetime; raises as `validate_session` does, and never revives an ended one."""
    row = fetch(TOUCH_SESSION, session_parameters(api_key, session_token, caller))
    *found, _commit, touched_until = row or [None, None]
    session = live_session(tuple(found))
    if touched_until is not None:
        return dataclasses.replace(session, expires_at=touched_until)
    # The session was good when the statement began and gone when it reached the row: somebody ended it in between, and
    # asking again tells the reason.
    validate_session(api_key=api_key, session_token=session_token, caller=caller)
    raise errors.SessionEndedError(signing=session.signing)


def borrow_session(
    *,
    api_key: str,
    session_token: uuid.UUID,
    until: dt.datetime,
    caller: Caller = callers.UNKNOWN,
) -> SessionFacts:
    """Keep a session's seat until a moment without any heartbeat, though never longer than the license lasts.

    An earlier moment gives time back, and asking twice for the same one changes nothing. Raises as `validate_session` does,
    InvalidRequestError when the moment has passed, BorrowNotAllowedError when the policy does not lend seats for so long.
    """
    parameters = {**session_parameters(api_key, session_token, caller), "until": until}
    with transaction.atomic():
        fetch_row(LOCK_LICENSE_OF_SESSION, parameters)
        row = fetch_row(BORROW_SESSION, parameters) or (None,) * 4
        *found, max_seconds, is_ahead, expires_at, borrowed_until = row
        session = live_session(tuple(found))
        if borrowed_until is None:
            # Ended while this call waited for its row: asking again tells the reason.
            validate_session(api_key=api_key, session_token=session_token, caller=caller)
            raise _refusal_to_lend(max_seconds, is_ahead=is_ahead, signing=session.signing)
        if borrowed_until != session.borrowed_until:
            _record_borrowing(parameters, borrowed_until, caller.ip_address)
    return dataclasses.replace(session, expires_at=expires_at, borrowed_until=borrowed_until)


def close_session(*, api_key: str, session_token: uuid.UUID) -> SigningFacts:
    """End a session at its program's word and return who answers; ending it twice does no harm.

    Raises InvalidApiKeyError, ApplicationDisabledError, SessionNotFoundError. A license's state is no reason to refuse.
    """
    row = fetch(END_SESSION, session_parameters(api_key, session_token))
    if row is None:
        raise errors.InvalidApiKeyError
    *who, enabled, session_id = row
    signing = SigningFacts(*who)
    if not enabled:
        raise errors.ApplicationDisabledError(signing=signing)
    if session_id is None:
        raise errors.SessionNotFoundError(signing=signing)
    return signing


def check_out(
    *, api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> FileGrant:
    """Let the device of a live session run without asking from now on, for as long as the policy says.

    Raises as `validate_session` does, and OfflineNotAllowedError where the policy gives no license files.
    """
    row = fetch(CHECK_OUT, session_parameters(api_key, session_token, caller))
    *found, sealed, ends_at, is_granted = row or [None, None, None, None]
    session = live_session(tuple(found))
    if ends_at is None:
        raise errors.OfflineNotAllowedError(signing=session.signing)
    if sealed is None:
        raise errors.InvalidRequestError(
            "session_token is of a session from before there were license files: call init again",
            signing=session.signing,
        )
    if not is_granted:
        # As with a heartbeat: good when the statement began, and gone when it reached the row.
        validate_session(api_key=api_key, session_token=session_token, caller=caller)
        raise errors.SessionEndedError(signing=session.signing)
    digest = tokens.opened_device_digest(session_token, sealed)
    return FileGrant(session.signing, session.license, digest, ends_at)


def end_session(*, session: Session, actor: events.Actor, now: dt.datetime) -> bool:
    """End an open session at the developer's word; return False when it was over already."""
    with transaction.atomic():
        ended = (
            Session.objects.filter(pk=session.pk)
            .open(now)
            .update(ended_at=now, ended_reason=Session.EndedReason.DEVELOPER)
        )
        if ended:
            events.record(
                "session.ended",
                target=session,
                actor=actor,
                application=session.application,
                license=session.license,
            )
    return bool(ended)


def _refusal_to_lend(
    max_seconds: int | None, *, is_ahead: bool, signing: SigningFacts
) -> errors.RefusalError:
    if max_seconds is None:
        return errors.BorrowNotAllowedError(signing=signing)
    if not is_ahead:
        return errors.InvalidRequestError("until must be in the future", signing=signing)
    return errors.BorrowNotAllowedError(
        f"Seats are lent for {max_seconds} seconds at most", signing=signing
    )


def _record_borrowing(
    parameters: dict[str, Any], until: dt.datetime, ip_address: str | None
) -> None:
    session = Session.objects.select_related("application", "license").get(
        token_digest=parameters["token_digest"]
    )
    events.record(
        "session.borrowed",
        target=session,
        actor=events.program_actor(ip_address),
        application=session.application,
        license=session.license,
        after={"borrowed_until": until},
    )


def _open_session(api_key: str, license_key: str, program: Program) -> OpenedSession:
    found = _find_license(api_key, license_key, program)
    opening = _Opening(found, program)
    if found.has_access_rules and tokens.hwid_key_id() != tokens.other_hwid_key_id():
        fetch_row(LEARN_NEWER_DIGESTS, opening.parameters)
    if found.limits_users and not program.user_name:
        raise errors.InvalidRequestError(
            "user is required: this license is for named users", signing=found.signing
        )
    if not found.needs_the_lock and (opened := opening.on_a_bound_device()):
        return opened
    with transaction.atomic():
        if opened := opening.under_the_license_lock():
            return opened
        # A license that ended while we waited for its lock gave away a place, but opens no session.
        transaction.set_rollback(True)
    # Nothing was opened: either the license changed since it was found, and finding it again says how, or no place is free.
    # Or something keeps it out that must not be told before all that concerns the license itself.
    found = _find_license(api_key, license_key, program)
    if found.has_access_rules or found.limits_users:
        opening.refuse_others()
    raise errors.HwidMismatchError(signing=found.signing)


@dataclasses.dataclass(frozen=True, slots=True)
class _FoundLicense:
    signing: SigningFacts
    facts: LicenseFacts
    heartbeat_interval_seconds: int
    limits_sessions: bool
    limits_users: bool
    has_access_rules: bool
    too_many_failures: Outcome | None

    @property
    def needs_the_lock(self) -> bool:
        """Tell whether what is counted by rows has to be counted: nobody may add one meanwhile."""
        return self.limits_sessions or self.limits_users


class _Opening:
    """One program's try to open a session on a license that was found to be in order."""

    def __init__(self, found: _FoundLicense, program: Program) -> None:
        self.found = found
        self.is_repeatable = bool(program.idempotency_key)
        hwid_digest, other_hwid_digest = tokens.hwid_digests(
            found.signing.application_id, program.hwid
        )
        self.device_digest = tokens.device_digest(found.signing.application_id, program.hwid)
        self.is_in_parts = bool(program.components)
        components, other_components = tokens.component_digests(
            found.signing.application_id, program.components
        )
        self.parameters: dict[str, Any] = {
            "application_id": found.signing.application_id,
            "license_id": found.facts.id,
            "device_id": uuid7(),
            "session_id": uuid7(),
            "event_id": uuid7(),
            "overdraft_event_id": uuid7(),
            "hwid_digest": hwid_digest,
            "other_hwid_digest": other_hwid_digest,
            "hwid_key_id": tokens.hwid_key_id(),
            "other_hwid_key_id": tokens.other_hwid_key_id(),
            "components": _array(components),
            "other_components": _array(other_components),
            "digests": _array([f":{hwid_digest.hex()}", *components]),
            "other_digests": _array([f":{other_hwid_digest.hex()}", *other_components]),
            "drift_event_id": uuid7(),
            "device_name": program.device_name,
            "platform": program.platform,
            "app_version": program.app_version,
            "app_version_key": version_key(program.app_version),
            "user_name": program.user_name,
            "ip_address": program.ip_address,
            "country": program.country,
        }
        self._use(
            tokens.repeatable_session_token(
                found.facts.id, program.hwid, program.user_name, program.idempotency_key
            )
            if self.is_repeatable
            else uuid.uuid4()
        )

    def _use(self, token: uuid.UUID) -> None:
        self.token = token
        self.parameters["token_digest"] = tokens.session_token_digest(token)
        self.parameters["sealed_device_digest"] = tokens.sealed_device_digest(
            token, self.device_digest
        )

    def refuse_others(self) -> None:
        """Raise AccessDeniedError where the access rules keep the program out, UserLimitReachedError where its user has no place."""
        is_denied, is_one_too_many = fetch_row(JUDGE_PROGRAM, self.parameters) or (False, False)
        if is_denied:
            raise errors.AccessDeniedError(signing=self.found.signing)
        if is_one_too_many:
            raise errors.UserLimitReachedError(signing=self.found.signing)

    def under_the_license_lock(self) -> OpenedSession | None:
        """Open the session where nobody else can take the place or the seat meanwhile; None when there is no place.

        Must run in a transaction. Both the lock and taking a place are statements of their own: the snapshot of the one
        after them shows every session that was opened before.
        """
        if self.found.needs_the_lock or self.is_in_parts:
            fetch_row(LOCK_LICENSE, self.parameters)
        if self.found.needs_the_lock and (opened := self.on_a_bound_device()):
            return opened
        if self.found.too_many_failures is not None:
            # A right guess among many wrong ones gains nothing; a device that was here before has passed already.
            raise errors.RateLimitedError(self.found.too_many_failures, signing=self.found.signing)
        if self._takes_a_place():
            row = fetch(BIND_DEVICE, self.parameters)
            if row and row[0]:
                raise errors.TrialUsedError(signing=self.found.signing)
        return self.on_a_bound_device()

    def _takes_a_place(self) -> bool:
        if not self.is_in_parts:
            return fetch(TAKE_DEVICE_PLACE, self.parameters) is not None
        _is_recognized, takes_a_place = fetch(ADMIT_DEVICE, self.parameters) or (False, False)
        return bool(takes_a_place)

    def on_a_bound_device(self) -> OpenedSession | None:
        """Open the session if the device is bound; raise SessionLimitReachedError when every seat is taken."""
        if self.is_repeatable:
            return self._once_on_a_bound_device()
        row = fetch(OPEN_SESSION, self.parameters)
        return self._opened(row) if row else None

    def _once_on_a_bound_device(self) -> OpenedSession | None:
        row = fetch(OPEN_SESSION_ONCE, self.parameters)
        if row is None:
            return None
        opened, (is_given_again, *earlier, is_beaten) = row[:5], row[5:]
        if is_given_again:
            return self._given_again(opened, *earlier)
        if is_beaten:
            # By the same call at the same moment, whose session shows now.
            return self._once_on_a_bound_device()
        if is_given_again is None:
            return self._opened(opened)
        # What this key opened is over, and is never revived: the program starts anew.
        self.is_repeatable = False
        self._use(uuid.uuid4())
        return self.on_a_bound_device()

    def _given_again(
        self,
        opened: Row,
        expires_at: dt.datetime,
        is_overdraft: bool,
        borrowed_until: dt.datetime | None,
    ) -> OpenedSession:
        _none, license_expires_at, grace_until, _no_overdraft, file_ends_at = opened
        session = self._opened(
            (expires_at, license_expires_at, grace_until, is_overdraft, file_ends_at)
        )
        return dataclasses.replace(session, borrowed_until=borrowed_until)

    def _opened(self, row: Row) -> OpenedSession:
        session_expires_at, license_expires_at, grace_until, is_overdraft, file_ends_at = row
        if session_expires_at is None:
            raise errors.SessionLimitReachedError(signing=self.found.signing)
        license = dataclasses.replace(
            self.found.facts, expires_at=license_expires_at, grace_until=grace_until
        )
        return OpenedSession(
            signing=self.found.signing,
            license=license,
            expires_at=session_expires_at,
            heartbeat_interval_seconds=self.found.heartbeat_interval_seconds,
            is_overdraft=is_overdraft,
            borrowed_until=None,
            token=self.token,
            file_grant=self._file_grant(license, file_ends_at),
        )

    def _file_grant(self, license: LicenseFacts, ends_at: dt.datetime | None) -> FileGrant | None:
        if ends_at is None:
            return None
        return FileGrant(self.found.signing, license, self.device_digest, ends_at)


def _find_license(api_key: str, license_key: str, program: Program) -> _FoundLicense:
    license_key_digest, other_license_key_digest = tokens.license_key_digests(license_key)
    # Every license key is digested and looked up in the same way, well-formed or not, so that the work tells nothing.
    row = fetch(
        FIND_LICENSE,
        {
            **_api_key_parameters(api_key),
            "license_key_digest": license_key_digest,
            "other_license_key_digest": other_license_key_digest,
            "limit": failures.LIMIT_NAME,
            "network": network_of(program.ip_address),
            "app_version_key": version_key(program.app_version),
        },
    )
    if row is None:
        raise errors.InvalidApiKeyError
    *facts, sessions_max, users_max, has_access_rules, failures_hits, failures_seconds = row
    signing, license, heartbeat_interval_seconds = _usable_license(
        tuple(facts), errors.LicenseNotFoundError
    )
    return _FoundLicense(
        signing,
        license,
        heartbeat_interval_seconds,
        limits_sessions=sessions_max is not None,
        limits_users=users_max is not None,
        has_access_rules=has_access_rules,
        too_many_failures=failures.too_many(failures_hits, failures_seconds),
    )


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


def live_session(row: Row | None) -> SessionFacts:
    """Return what FIND_SESSION and its like found; raise the first refusal, in the order of precedence, that it calls for."""
    if not row or row[0] is None:
        raise errors.InvalidApiKeyError
    *facts, _session_id, is_overdraft, borrowed_until = row[:-7]
    expires_at, is_ended, is_expired, device_is_released, is_denied, *_next_ends = row[-7:]
    signing, license, heartbeat_interval_seconds = _usable_license(
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


def _usable_license(
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


def session_parameters(
    api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> dict[str, Any]:
    return {
        **_api_key_parameters(api_key),
        "token_digest": tokens.session_token_digest(session_token),
        "ip_address": caller.ip_address,
        "country": caller.country,
    }


def _api_key_parameters(api_key: str) -> dict[str, bytes]:
    digest, other_digest = tokens.api_key_digests(api_key)
    return {"api_key_digest": digest, "other_api_key_digest": other_digest}


def _array(components: Sequence[str]) -> str:
    """Return PostgreSQL's text of an array; names and digests hold nothing that would need quotes."""
    return f"{{{','.join(components)}}}"
