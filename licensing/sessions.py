"""The acts of a program, and the developer's word that ends a session.

Each decides and writes in one guarded statement, judged by the database's clock; `session_statements.py` has the SQL, and
`opening.py` how a session begins. Locks are taken in the order license, device, session.
"""

import dataclasses
import datetime as dt
import uuid
from typing import Any

from django.db import transaction

from licensing import callers, errors, events, failures, tokens
from licensing.callers import Caller
from licensing.client_calls import asking, fetch, live_session, session_parameters
from licensing.models import Session
from licensing.opening import open_on_device, opening_on_bound_device
from licensing.session_facts import FileGrant, OpenedSession, Program, SessionFacts
from licensing.session_statements import (
    BORROW_SESSION,
    CHECK_OUT,
    END_SESSION,
    FIND_SESSION,
    LOCK_LICENSE_OF_SESSION,
    TOUCH_SESSION,
)
from licensing.signatures import SigningFacts
from licensing.statements import NotInStepsError, Steps, answered, fetch_row

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


def open_session(*, api_key: str, license_key: str, program: Program) -> OpenedSession:
    """Check a license, bind the device if a place is free, and open a session.

    Raises the first that applies of InvalidApiKeyError, ApplicationDisabledError, LicenseNotFoundError,
    LicenseSuspendedError, LicenseRevokedError, LicenseExpiredError, VersionNotAllowedError, AccessDeniedError,
    UserLimitReachedError, HwidMismatchError, TrialUsedError and SessionLimitReachedError; or RateLimitedError where a network fails too often. A refused call changes nothing but that count.
    """
    try:
        return open_on_device(api_key, license_key, program)
    except _FAILURES as refusal:
        failures.count(refusal, program.ip_address)
        raise


def opening(*, api_key: str, license_key: str, program: Program) -> Steps[OpenedSession]:
    """Do in steps what `open_session` does for a device that is bound, where the license limits nothing but devices.

    Raises NotInStepsError, and has changed nothing, where that is not so, and where `open_session` would refuse: refusals are
    counted.
    """
    try:
        opened = yield from opening_on_bound_device(api_key, license_key, program)
    except errors.RefusalError as refusal:
        raise NotInStepsError from refusal
    if opened is None:
        raise NotInStepsError
    return opened


def grant_file(
    *, api_key: str, license_key: str, application_id: uuid.UUID, program: Program
) -> FileGrant:
    """Bind a device that cannot ask for itself and let it run without asking, all or nothing; the seat is free again at once.

    Raises as `open_session` does, OfflineNotAllowedError where the policy gives no license files, and InvalidRequestError where
    the API key is another application's.
    """
    try:
        with transaction.atomic():
            session = open_on_device(api_key, license_key, program)
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
    return answered(
        validating(api_key=api_key, session_token=session_token, caller=caller),
    )


def validating(*, api_key: str, session_token: uuid.UUID, caller: Caller) -> Steps[SessionFacts]:
    """Do in steps what `validate_session` does."""
    row = yield from asking(FIND_SESSION, session_parameters(api_key, session_token, caller))
    return live_session(row)


def touch_session(
    *, api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> SessionFacts:
    """Keep a session alive for another lifetime; raises as `validate_session` does, and never revives an ended one."""
    return answered(touching(api_key=api_key, session_token=session_token, caller=caller))


def touching(*, api_key: str, session_token: uuid.UUID, caller: Caller) -> Steps[SessionFacts]:
    """Do in steps what `touch_session` does."""
    row = yield from asking(TOUCH_SESSION, session_parameters(api_key, session_token, caller))
    *found, _commit, touched_until = row or [None, None]
    session = live_session(tuple(found))
    if touched_until is not None:
        return dataclasses.replace(session, expires_at=touched_until)
    # The session was good when the statement began and gone when it reached the row: somebody ended it in between, and
    # asking again tells the reason.
    yield from validating(api_key=api_key, session_token=session_token, caller=caller)
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
    return answered(closing(api_key=api_key, session_token=session_token))


def closing(*, api_key: str, session_token: uuid.UUID) -> Steps[SigningFacts]:
    """Do in steps what `close_session` does."""
    row = yield from asking(
        END_SESSION, session_parameters(api_key, session_token), is_durable=True
    )
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
