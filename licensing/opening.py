"""Opening a session: find the license, bind the device if a place is free, and take a seat if there is one."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.ids import uuid7
from accounts.limits import Outcome, network_of
from licensing import errors, failures, tokens
from licensing.access_statements import JUDGE_PROGRAM, LEARN_NEWER_DIGESTS
from licensing.binding_statements import ADMIT_DEVICE, BIND_DEVICE, TAKE_DEVICE_PLACE
from licensing.client_calls import (
    LICENSE_WIDTH,
    LicenseRow,
    api_key_parameters,
    asking,
    fetch,
    usable_license,
)
from licensing.opening_statements import (
    FIND_LICENSE,
    FIND_LICENSE_AND_OPEN,
    LOCK_LICENSE,
    OPEN_SESSION,
    OPEN_SESSION_ONCE,
)
from licensing.session_facts import FileGrant, LicenseFacts, OpenedSession, Program
from licensing.signatures import SigningFacts
from licensing.statements import Question, Row, Steps, answered, fetch_row
from licensing.versions import version_key


def open_on_device(api_key: str, license_key: str, program: Program) -> OpenedSession:
    """Do what `sessions.open_session` says, and count no failure."""
    opening = answered(_Opening.beginning(api_key, license_key, program))
    if opened := answered(opening.without_the_lock()):
        return opened
    with transaction.atomic():
        if opened := opening.under_the_license_lock():
            return opened
        # A license that ended while we waited for its lock gave away a place, but opens no session.
        transaction.set_rollback(True)
    # Nothing was opened: either the license changed since it was found, and finding it again says how, or no place is free.
    # Or something keeps it out that must not be told before all that concerns the license itself.
    found = _found(fetch(FIND_LICENSE, _finding(api_key, license_key, program)))
    if found.has_access_rules or found.limits_users:
        opening.refuse_others()
    raise errors.HwidMismatchError(signing=found.signing)


def opening_on_bound_device(
    api_key: str, license_key: str, program: Program
) -> Steps[OpenedSession | None]:
    """Do in steps what `open_on_device` does where that takes no lock; None where it does, or nothing can be opened."""
    if _would_take_a_thread(api_key, license_key):
        return None
    opening = yield from _Opening.beginning(api_key, license_key, program)
    return (yield from opening.without_the_lock())


# The columns of FIND_LICENSE: those of a `LicenseRow`, and five more.
_FOUND_WIDTH = LICENSE_WIDTH + 5


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

    found: _FoundLicense

    def __init__(self, application_id: uuid.UUID, program: Program) -> None:
        self.program = program
        self.is_repeatable = bool(program.idempotency_key)
        self.is_in_parts = bool(program.components)
        # What came of opening the session together with finding its license.
        self.was_tried = False
        self.opened: OpenedSession | None = None
        hwid_digest, other_hwid_digest = tokens.hwid_digests(application_id, program.hwid)
        self.device_digest = tokens.device_digest(application_id, program.hwid)
        components, other_components = tokens.component_digests(application_id, program.components)
        self.parameters: dict[str, Any] = {
            "application_id": application_id,
            "session_id": uuid7(),
            "is_locked": False,
            "hwid_digest": hwid_digest,
            "other_hwid_digest": other_hwid_digest,
            "hwid_key_id": tokens.hwid_key_id(),
            "other_hwid_key_id": tokens.other_hwid_key_id(),
            "components": _array(components),
            "other_components": _array(other_components),
            "digests": _array([f":{hwid_digest.hex()}", *components]),
            "other_digests": _array([f":{other_hwid_digest.hex()}", *other_components]),
            "device_name": program.device_name,
            "platform": program.platform,
            "app_version": program.app_version,
            "app_version_key": version_key(program.app_version),
            "user_name": program.user_name,
            "ip_address": program.ip_address,
            "country": program.country,
        }
        self._use(uuid.uuid4())

    @classmethod
    def beginning(cls, api_key: str, license_key: str, program: Program) -> Steps["_Opening"]:
        """Find the license, and with the same statement open the session where its application is known and nothing is in the way."""
        parameters = _finding(api_key, license_key, program)
        application_id = _applications.get(parameters["api_key_digest"])
        opening = cls(application_id, program) if application_id else None
        if opening and not opening.is_repeatable and not opening.has_two_digests():
            yield from opening._try_at_once(parameters)
            return opening
        found = _found((yield from asking(FIND_LICENSE, parameters)))
        application_id = found.signing.application_id
        _remember_application(parameters["api_key_digest"], application_id)
        _remember_way(parameters["license_key_digest"], found)
        opening = opening or cls(application_id, program)
        opening._use_license(found)
        return opening

    def _try_at_once(self, parameters: dict[str, Any]) -> Steps[None]:
        row = yield from asking(
            FIND_LICENSE_AND_OPEN, parameters | self.parameters, is_durable=True
        )
        found = _found(row)
        assert row is not None
        _remember_way(parameters["license_key_digest"], found)
        self.was_tried = True
        _device_id, session_end, file_ends_at, is_open = row[_FOUND_WIDTH:]
        if is_open:
            self.found = found
            self.opened = self._opened(
                (session_end, found.facts.expires_at, found.facts.grace_until, False, file_ends_at)
            )
        else:
            self._use_license(found)

    def has_two_digests(self) -> bool:
        """Tell whether the device may be known under another key of the ring."""
        return bool(self.parameters["hwid_digest"] != self.parameters["other_hwid_digest"])

    def _use_license(self, found: _FoundLicense) -> None:
        self.found = found
        self.parameters |= {
            "license_id": found.facts.id,
            "device_id": uuid7(),
            "event_id": uuid7(),
            "overdraft_event_id": uuid7(),
            "drift_event_id": uuid7(),
        }
        if self.is_repeatable:
            self._use(
                tokens.repeatable_session_token(
                    found.facts.id,
                    self.program.hwid,
                    self.program.user_name,
                    self.program.idempotency_key,
                )
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
        fetch_row(LOCK_LICENSE, self.parameters)
        self.parameters["is_locked"] = True
        if self.found.needs_the_lock and (opened := answered(self.on_a_bound_device())):
            return opened
        if self.found.too_many_failures is not None:
            # A right guess among many wrong ones gains nothing; a device that was here before has passed already.
            raise errors.RateLimitedError(self.found.too_many_failures, signing=self.found.signing)
        if self._takes_a_place():
            row = fetch(BIND_DEVICE, self.parameters)
            if row and row[0]:
                raise errors.TrialUsedError(signing=self.found.signing)
        return answered(self.on_a_bound_device())

    def _takes_a_place(self) -> bool:
        if not self.is_in_parts:
            return fetch(TAKE_DEVICE_PLACE, self.parameters) is not None
        _is_recognized, takes_a_place = fetch(ADMIT_DEVICE, self.parameters) or (False, False)
        return bool(takes_a_place)

    def without_the_lock(self) -> Steps[OpenedSession | None]:
        """Open the session if the device is bound and its license limits neither sessions nor users, as it was found."""
        if self.opened is not None:
            return self.opened
        if self.found.has_access_rules and tokens.hwid_key_id() != tokens.other_hwid_key_id():
            yield Question(LEARN_NEWER_DIGESTS, self.parameters, is_durable=True)
        if self.found.limits_users and not self.parameters["user_name"]:
            raise errors.InvalidRequestError(
                "user is required: this license is for named users", signing=self.found.signing
            )
        if self.found.needs_the_lock or self.was_tried:
            return None
        return (yield from self.on_a_bound_device())

    def on_a_bound_device(self) -> Steps[OpenedSession | None]:
        """Open the session if the device is bound; raise SessionLimitReachedError when every seat is taken."""
        if self.is_repeatable:
            return (yield from self._once_on_a_bound_device())
        row = yield from asking(OPEN_SESSION, self.parameters, is_durable=True)
        return self._opened(row) if row else None

    def _once_on_a_bound_device(self) -> Steps[OpenedSession | None]:
        row = yield from asking(OPEN_SESSION_ONCE, self.parameters, is_durable=True)
        if row is None:
            return None
        opened, (is_given_again, *earlier, is_beaten) = row[:5], row[5:]
        if is_given_again:
            return self._given_again(opened, *earlier)
        if is_beaten:
            # By the same call at the same moment, whose session shows now.
            return (yield from self._once_on_a_bound_device())
        if is_given_again is None:
            return self._opened(opened)
        # What this key opened is over, and is never revived: the program starts anew.
        self.is_repeatable = False
        self._use(uuid.uuid4())
        return (yield from self.on_a_bound_device())

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


def _finding(api_key: str, license_key: str, program: Program) -> dict[str, Any]:
    """Return the parameters of FIND_LICENSE.

    Every license key is digested and looked up in the same way, well-formed or not, so that the work tells nothing.
    """
    license_key_digest, other_license_key_digest = tokens.license_key_digests(license_key)
    return {
        **api_key_parameters(api_key),
        "license_key_digest": license_key_digest,
        "other_license_key_digest": other_license_key_digest,
        "limit": failures.LIMIT_NAME,
        "network": network_of(program.ip_address),
        "app_version_key": version_key(program.app_version),
    }


def _found(row: Row | None) -> _FoundLicense:
    """Return what FIND_LICENSE found; raise the first refusal that it calls for."""
    if row is None:
        raise errors.InvalidApiKeyError
    found = LicenseRow._make(row[:LICENSE_WIDTH])
    sessions_max, users_max, has_access_rules, failures_hits, failures_seconds = row[
        LICENSE_WIDTH:_FOUND_WIDTH
    ]
    return _FoundLicense(
        found.signing,
        usable_license(found, errors.LicenseNotFoundError),
        found.heartbeat_interval_seconds,
        limits_sessions=sessions_max is not None,
        limits_users=users_max is not None,
        has_access_rules=has_access_rules,
        too_many_failures=failures.too_many(failures_hits, failures_seconds),
    )


# The application of each API key that this process has seen: it never changes, and whether the key is still good is asked anew.
_APPLICATIONS_MAX = 10_000
_applications: dict[bytes, uuid.UUID] = {}


def _remember_application(api_key_digest: bytes, application_id: uuid.UUID) -> None:
    if len(_applications) >= _APPLICATIONS_MAX:
        _applications.clear()
    _applications[api_key_digest] = application_id


# Licenses of which something was counted when they were last found: what is asked for them in vain need not be asked. It decides
# nothing but who asks.
_COUNTED_MAX = 10_000
_counted: set[bytes] = set()


def _remember_way(license_key_digest: bytes, found: _FoundLicense) -> None:
    if len(_counted) >= _COUNTED_MAX:
        _counted.clear()
    if found.needs_the_lock:
        _counted.add(license_key_digest)
    else:
        _counted.discard(license_key_digest)


def _would_take_a_thread(api_key: str, license_key: str) -> bool:
    """Tell whether a call would, by all that is known, not come to its end in steps."""
    return (
        tokens.api_key_digests(api_key)[0] not in _applications
        or tokens.license_key_digests(license_key)[0] in _counted
    )


def _array(components: Sequence[str]) -> str:
    """Return PostgreSQL's text of an array; names and digests hold nothing that would need quotes."""
    return f"{{{','.join(components)}}}"
