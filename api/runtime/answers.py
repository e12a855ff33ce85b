"""From the facts of a request to its answer: the only implementation of the client API. Views are thin adaptors around it."""

import dataclasses
import datetime as dt
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from api.errors import STATUSES, docs_url, retry_after_seconds
from api.parsers import parse_object
from api.runtime import inputs
from licensing import errors, sessions

logger = logging.getLogger(__name__)

BODY_MAX_BYTES = 16 * 1024

Members = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclasses.dataclass(slots=True)
class _Context:
    """What is known of a request so far, and so can be told whatever comes of it."""

    ip_address: str | None
    nonce: str | None = None


def answer(call: str, environ: Mapping[str, Any]) -> Answer:
    """Answer one request to `init`, `validate`, `heartbeat` or `logout`, told as a WSGI environment (PEP 3333).

    Raises nothing: every failure is an answer as well.
    """
    context = _Context(environ.get("REMOTE_ADDR") or None)
    try:
        body = parse_object(_body_of(environ))
        context.nonce = inputs.nonce(body)
        members, application_id = _CALLS[call](body, context)
    except errors.RefusalError as refusal:
        return _refused(refusal, context)
    except (OperationalError, InterfaceError):
        logger.exception("the database did not answer")
        return _refused(errors.TemporarilyUnavailableError(), context)
    except Exception:
        logger.exception("%s failed", call)
        return _refused(errors.ServerError(), context)
    return _sealed(200, {"success": True, "code": "ok", **members}, context, application_id, {})


def refuse(refusal: errors.RefusalError) -> Answer:
    """Return the answer that a refusal calls for where no call was reached (an unknown path, a wrong host)."""
    return _refused(refusal, _Context(None))


def _init(body: Members, context: _Context) -> tuple[Members, uuid.UUID]:
    given = inputs.init_input(body, context.ip_address)
    session = sessions.open_session(
        api_key=given.api_key, license_key=given.license_key, program=given.program
    )
    return {
        "message": "Authentication successful",
        "session_token": str(session.token),
        **_session_members(session),
    }, session.application_id


def _validate(body: Members, context: _Context) -> tuple[Members, uuid.UUID]:
    given = inputs.session_input(body)
    session = sessions.validate_session(api_key=given.api_key, session_token=given.session_token)
    return {"message": "Session is valid", **_session_members(session)}, session.application_id


def _heartbeat(body: Members, context: _Context) -> tuple[Members, uuid.UUID]:
    given = inputs.session_input(body)
    session = sessions.touch_session(api_key=given.api_key, session_token=given.session_token)
    return {
        "message": "Heartbeat received",
        "expires_at": _time(session.expires_at),
        "heartbeat_interval": session.heartbeat_interval_seconds,
    }, session.application_id


def _logout(body: Members, context: _Context) -> tuple[Members, uuid.UUID]:
    given = inputs.session_input(body)
    application_id = sessions.close_session(
        api_key=given.api_key, session_token=given.session_token
    )
    return {"message": "Logged out"}, application_id


_CALLS: dict[str, Callable[[Members, _Context], tuple[Members, uuid.UUID]]] = {
    "init": _init,
    "validate": _validate,
    "heartbeat": _heartbeat,
    "logout": _logout,
}


def _session_members(session: sessions.SessionFacts) -> Members:
    license = session.license
    return {
        "expires_at": _time(session.expires_at),
        "username": license.username,
        "metadata": license.metadata,
        "license": {
            "id": str(license.id),
            "status": license.status,
            "expires_at": _time(license.expires_at) if license.expires_at else None,
            "policy": license.policy_name,
            "entitlements": {},
        },
        "heartbeat_interval": session.heartbeat_interval_seconds,
    }


def _body_of(environ: Mapping[str, Any]) -> bytes:
    if environ["REQUEST_METHOD"] != "POST":
        raise errors.MethodNotAllowedError
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > BODY_MAX_BYTES:
        raise errors.BodyTooLargeError
    _refuse_other_media_types(environ.get("CONTENT_TYPE") or "")
    return _read(environ, length)


def _read(environ: Mapping[str, Any], length: str) -> bytes:
    """Read the body, of a told length or in chunks (RFC 9112, section 7.1), but never more than is allowed."""
    is_chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    wanted = BODY_MAX_BYTES + 1 if is_chunked else int(length) if length.isdecimal() else 0
    try:
        body: bytes = environ["wsgi.input"].read(wanted)
    except Exception as error:
        # Each server has its own exception for a client that breaks off or sends broken chunks.
        raise errors.InvalidRequestError("The body could not be read to its end") from error
    if is_chunked and len(body) > BODY_MAX_BYTES:
        raise errors.BodyTooLargeError
    if not is_chunked and len(body) < wanted:
        raise errors.InvalidRequestError("The body could not be read to its end")
    return body


def _refuse_other_media_types(content_type: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type != "application/json":
        raise errors.UnsupportedMediaTypeError
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            raise errors.UnsupportedMediaTypeError("The charset must be UTF-8")


def _refused(refusal: errors.RefusalError, context: _Context) -> Answer:
    headers = {}
    if (seconds := retry_after_seconds(refusal)) is not None:
        headers["Retry-After"] = str(seconds)
    if isinstance(refusal, errors.MethodNotAllowedError):
        headers["Allow"] = "POST"
    members = {
        "success": False,
        "code": refusal.code,
        "message": refusal.message,
        "docs": docs_url(refusal.code),
    }
    return _sealed(STATUSES[type(refusal)].value, members, context, refusal.application_id, headers)


def _sealed(
    status: int,
    members: Members,
    context: _Context,
    application_id: uuid.UUID | None,
    headers: dict[str, str],
) -> Answer:
    members["server_time"] = _time(timezone.now())
    if application_id is not None:
        members["application_id"] = str(application_id)
    if context.nonce is not None:
        members["nonce"] = context.nonce
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(
        status,
        body,
        {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            **headers,
        },
    )


def _time(moment: dt.datetime) -> str:
    """Return a moment as RFC 3339 in UTC, cut to whole seconds: what is told never lies after what is kept."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
