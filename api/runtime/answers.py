"""From the facts of a request to its answer: the only implementation of the client API. Views are thin adaptors around it."""

import dataclasses
import datetime as dt
import functools
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection
from django.utils import timezone

from accounts.ciphers import UndecipherableError
from api.errors import STATUSES, docs_url, limit_headers, retry_after_seconds
from api.parsers import parse_object
from api.runtime import inputs, overload, requests
from api.runtime.requests import Environ
from licensing import (
    callers,
    consumption,
    devices,
    errors,
    license_files,
    offline,
    sessions,
    variables,
)
from licensing.callers import Caller, caller_of
from licensing.own_words import own_words, remembering
from licensing.session_facts import FileGrant, OpenedSession, SessionFacts
from licensing.signatures import (
    SignedRequest,
    SigningFacts,
    application_signer,
    instance_signer,
    sign,
)
from licensing.statements import NotInStepsError, Steps, answered

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/json"

# Any page may ask in its visitor's name: no cookie is looked at here, and nothing is answered that the asker did not know how
# to ask for.
_CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Content-Digest, RateLimit, RateLimit-Policy, Retry-After, Signature, Signature-Input, X-Request-ID"
    ),
}
_PREFLIGHT_HEADERS = {
    "Content-Length": "0",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Digest, Content-Type",
    "Access-Control-Max-Age": "86400",
}

Members = dict[str, Any]
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclasses.dataclass(slots=True)
class _Context:
    """What is known of a request so far, and so can be told, and signed, whatever comes of it."""

    request: SignedRequest
    caller: Caller
    nonce: str | None = None
    languages: tuple[str, ...] = ()


def answer(call: str, environ: Environ) -> Answer:
    """Answer one request to one of the client calls (`_CALLS` and `STEPWISE` name them), told as a WSGI environment (PEP 3333).

    Raises nothing: every failure is an answer as well, and every answer is signed.
    """
    return answered(answering(call, environ))


def answering(call: str, environ: Environ, *, in_steps: bool = False) -> Steps[Answer]:
    """Do in steps what `answer` does.

    Only with `in_steps`, and for the calls in `STEPWISE` alone, does nothing but these steps ask the database. Raises
    NotInStepsError then, and has changed nothing, where that does not do.
    """
    if requests.is_preflight(environ):
        return Answer(204, b"", dict(_PREFLIGHT_HEADERS))
    context = _context_of(environ)
    try:
        requests.refuse_unknown_hosts(environ)
        body = parse_object(requests.body_of(environ))
        context.nonce = inputs.nonce(body)
        context.languages = inputs.languages(body, environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        if in_steps or call not in _CALLS:
            members, signing = yield from STEPWISE[call](body, context)
        else:
            members, signing = _CALLS[call](body, context)
        return _sealed(200, {"success": True, "code": "ok", **members}, context, signing)
    except errors.RefusalError as refusal:
        if refusal.signing is not None:
            yield from _remembering(refusal.signing)
        return _refused(refusal, context)
    except NotInStepsError:
        raise
    except (OperationalError, InterfaceError, InternalError):
        # The last where PostgreSQL stands by for another, and lets nobody write.
        logger.exception("The database did not answer %s", call)
        connection.close_if_unusable_or_obsolete()
        return _refused(errors.TemporarilyUnavailableError(), context)
    except UndecipherableError:
        logger.exception("%s has no key to sign with", call)
        return _refused(errors.TemporarilyUnavailableError(), context)
    except Exception:
        logger.exception("%s failed", call)
        return _refused(errors.ServerError(), context)


def refuse(refusal: errors.RefusalError, environ: Environ, allow: str = "POST") -> Answer:
    """Return the answer that a refusal calls for where no call was reached: an unknown address, a failure of ours."""
    answer = _refused(refusal, _context_of(environ))
    if "Allow" in answer.headers:
        answer.headers["Allow"] = allow
    return answer


def turn_away(environ: Environ) -> Answer:
    """Return the refusal for a call that nobody has the time to look at: within a second it is the same for all, and signed once."""
    return _turned_away(requests.signed_request(environ), int(time.time()))


@functools.lru_cache(maxsize=64)
def _turned_away(request: SignedRequest, _second: int) -> Answer:
    return _refused(errors.TemporarilyUnavailableError(), _Context(request, callers.UNKNOWN))


def _init(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given = inputs.init_input(body, context.caller)
    session = sessions.open_session(
        api_key=given.api_key, license_key=given.license_key, program=given.program
    )
    return _opened_members(session), session.signing


def _init_in_steps(body: Members, context: _Context) -> Steps[tuple[Members, SigningFacts]]:
    given = inputs.init_input(body, context.caller)
    session = yield from sessions.opening(
        api_key=given.api_key, license_key=given.license_key, program=given.program
    )
    return _opened_members(session), session.signing


def _validate(body: Members, context: _Context) -> Steps[tuple[Members, SigningFacts]]:
    given = inputs.session_input(body)
    session = yield from sessions.validating(
        api_key=given.api_key, session_token=given.session_token, caller=context.caller
    )
    return {"message": "Session is valid", **_session_members(session)}, session.signing


def _heartbeat(body: Members, context: _Context) -> Steps[tuple[Members, SigningFacts]]:
    given = inputs.session_input(body)
    session = yield from sessions.touching(
        api_key=given.api_key, session_token=given.session_token, caller=context.caller
    )
    return {
        "message": "Heartbeat received",
        "expires_at": _time(session.expires_at),
        "heartbeat_interval": _interval(session),
        "warnings": session.license.warnings,
    }, session.signing


def _release(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given = inputs.session_input(body)
    released = devices.release_own_device(
        api_key=given.api_key, session_token=given.session_token, caller=context.caller
    )
    return {
        "message": "Device released",
        "releases_left": released.releases_left,
    }, released.signing


def _borrow(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given, until = inputs.session_input(body), inputs.moment(body, "until")
    session = sessions.borrow_session(
        api_key=given.api_key,
        session_token=given.session_token,
        until=until,
        caller=context.caller,
    )
    return {
        "message": "Seat borrowed",
        "expires_at": _time(session.expires_at),
        "borrowed_until": _time_or_none(session.borrowed_until),
        "heartbeat_interval": _interval(session),
    }, session.signing


def _logout(body: Members, context: _Context) -> Steps[tuple[Members, SigningFacts]]:
    given = inputs.session_input(body)
    signing = yield from sessions.closing(api_key=given.api_key, session_token=given.session_token)
    return {"message": "Logged out"}, signing


def _consume(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given = inputs.consume_input(body)
    consumed = consumption.consume(
        api_key=given.api_key,
        session_token=given.session_token,
        entitlement=given.entitlement,
        amount=given.amount,
        idempotency_key=given.idempotency_key,
        caller=context.caller,
    )
    return {
        "message": "Usage counted",
        "entitlement": given.entitlement,
        "amount": given.amount,
        **consumed.left.members(),
    }, consumed.signing


def _offline(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given = inputs.offline_input(body)
    grant = offline.exchange(
        code=given.code,
        api_key=given.api_key,
        license_key=given.license_key,
        user_name=given.user_name,
        caller=context.caller,
    )
    return _file_members(grant), grant.signing


def _checkout(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given = inputs.session_input(body)
    grant = sessions.check_out(
        api_key=given.api_key, session_token=given.session_token, caller=context.caller
    )
    return _file_members(grant), grant.signing


def _variables(body: Members, context: _Context) -> tuple[Members, SigningFacts]:
    given = inputs.variables_input(body)
    told = variables.tell_variables(
        api_key=given.api_key,
        session_token=given.session_token,
        names=given.names,
        caller=context.caller,
    )
    return {"message": "Variables follow", "variables": told.values}, told.signing


# Those that come to a statement or two.
STEPWISE: dict[str, Callable[[Members, _Context], Steps[tuple[Members, SigningFacts]]]] = {
    "init": _init_in_steps,
    "validate": _validate,
    "heartbeat": _heartbeat,
    "logout": _logout,
}
_CALLS: dict[str, Callable[[Members, _Context], tuple[Members, SigningFacts]]] = {
    "init": _init,
    "consume": _consume,
    "variables": _variables,
    "borrow": _borrow,
    "checkout": _checkout,
    "offline": _offline,
    "release": _release,
}


def _opened_members(session: OpenedSession) -> Members:
    return {
        "message": "Authentication successful",
        "session_token": str(session.token),
        **_session_members(session),
        "license_file": _license_file(session.file_grant) if session.file_grant else None,
    }


def _session_members(session: SessionFacts) -> Members:
    license = session.license
    return {
        "expires_at": _time(session.expires_at),
        "username": license.username,
        "metadata": license.metadata,
        "license": {
            "id": str(license.id),
            "status": license.status,
            "expires_at": _time_or_none(license.expires_at),
            "grace_until": _time_or_none(license.grace_until),
            "policy": license.policy_name,
            "entitlements": license.entitlements,
        },
        "overdraft": session.is_overdraft,
        "borrowed_until": _time_or_none(session.borrowed_until),
        "heartbeat_interval": _interval(session),
        "warnings": license.warnings,
    }


def _file_members(grant: FileGrant) -> Members:
    return {
        "message": "License file issued",
        "license_file": _license_file(grant),
        "license_file_expires_at": _time(grant.ends_at),
    }


def _license_file(grant: FileGrant) -> str:
    return license_files.written(grant, timezone.now())


def _interval(session: SessionFacts) -> int:
    return overload.gates().paced(session.heartbeat_interval_seconds, session.expires_at)


def _context_of(environ: Environ) -> _Context:
    return _Context(requests.signed_request(environ), caller_of(environ))


def _refused(refusal: errors.RefusalError, context: _Context) -> Answer:
    headers = limit_headers(refusal)
    if (seconds := retry_after_seconds(refusal)) is not None:
        headers["Retry-After"] = str(seconds)
    if isinstance(refusal, errors.MethodNotAllowedError):
        headers["Allow"] = "POST"
    members = {
        "success": False,
        "code": refusal.code,
        "message": _worded(refusal, context),
        "docs": docs_url(refusal.code),
        **refusal.members,
    }
    answer = _sealed(STATUSES[type(refusal)].value, members, context, refusal.signing)
    answer.headers.update(headers)
    return answer


def _worded(refusal: errors.RefusalError, context: _Context) -> str:
    """Return a refusal in the developer's own words, in a language that the program asked for, or else in ours."""
    if refusal.signing is None:
        return refusal.message
    return own_words(refusal.signing, refusal.code, context.languages) or refusal.message


def _remembering(signing: SigningFacts) -> Steps[None]:
    try:
        yield from remembering(signing)
    except (DatabaseError, InterfaceError):
        # The refusal stands, whether its wording can be asked for or not.
        logger.exception("The words of application %s cannot be asked for", signing)


def _sealed(
    status: int, members: Members, context: _Context, signing: SigningFacts | None
) -> Answer:
    """Complete the body and sign the whole with the application's key, or the installation's where none is known."""
    try:
        signer = application_signer(signing) if signing else instance_signer()
    except UndecipherableError:
        # Unsigned, a yes would be as good as a forged one.
        logger.exception("The signing key of application %s does not open", signing)
        return _refused(errors.TemporarilyUnavailableError(), context)
    now = timezone.now()
    members["server_time"] = _time(now)
    if signing is not None:
        members["application_id"] = str(signing.application_id)
    if context.nonce is not None:
        members["nonce"] = context.nonce
    body = _written(members).encode()
    signature = sign(
        signer=signer,
        request=context.request,
        status=status,
        content_type=CONTENT_TYPE,
        body=body,
        nonce=context.nonce,
        created=int(now.timestamp()),
    )
    return Answer(
        status,
        body,
        {
            "Content-Type": CONTENT_TYPE,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store, no-transform",
            **_CORS_HEADERS,
            **signature,
        },
    )


def _time(moment: dt.datetime) -> str:
    """Return a moment as RFC 3339 in UTC, cut to whole seconds: what is told never lies after what is kept."""
    return f"{moment.astimezone(dt.UTC).isoformat()[:19]}Z"


def _time_or_none(moment: dt.datetime | None) -> str | None:
    return _time(moment) if moment else None
