"""Refusals of the management API as problem details (RFC 9457): one shape for all that can go wrong."""

import dataclasses
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.settings import api_settings

import accounts.errors
from api.errors import STATUSES, docs_url, limit_headers, retry_after_seconds
from licensing import errors

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# Where the request's own id stands among its facts, once the middleware has chosen it.
REQUEST_ID = "lockence.request_id"

# The management API's addresses; public keys lie among them and are for programs.
_ADDRESSES = re.compile(
    r"/api/v1/(applications|tokens|team|members|invitations|events)(?!/[^/]+/keys/?$)(/|$)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one member of the body (a JSON pointer, RFC 6901), one query parameter or one header."""

    place: str
    detail: str
    kind: str = "pointer"

    def members(self) -> dict[str, str]:
        return {self.kind: self.place, "detail": self.detail}


class FaultyParametersError(exceptions.ValidationError):
    """As ValidationError is for the body, for the query string."""

    kind = "parameter"


class FaultyHeadersError(exceptions.ValidationError):
    """And for what stands above the body."""

    kind = "header"


def is_told_in(path: str) -> bool:
    """Tell whether what goes wrong at an address is told as a problem."""
    return _ADDRESSES.match(path) is not None


def problem(
    refusal: errors.RefusalError,
    environ: Mapping[str, Any],
    *,
    faults: Iterable[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return the answer that a refusal calls for."""
    status = STATUSES[type(refusal)]
    members: dict[str, Any] = {
        "type": docs_url(refusal.code),
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": status.value,
        "code": refusal.code,
        "detail": refusal.message,
        "request_id": environ.get(REQUEST_ID, ""),
    }
    if told := [fault.members() for fault in faults]:
        members |= {**told[0], "detail": refusal.message, "errors": told}
    answer = HttpResponse(
        json.dumps(members, ensure_ascii=False),
        status=status.value,
        content_type=MEDIA_TYPE,
        headers={**_headers_of(refusal), **(headers or {})},
    )
    answer["Cache-Control"] = "no-store"
    return answer


def answer_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return what a view answers when it raised: DRF's EXCEPTION_HANDLER of the management views. Nothing gets past it."""
    request: HttpRequest = context["request"]
    if isinstance(error, exceptions.ValidationError):
        kind = getattr(error, "kind", "pointer")
        faults = [Fault(*found, kind) for found in _faults_in(error.detail, kind != "pointer")]
        what = faults[0].place.removeprefix("/") or "body"
        faulty = errors.InvalidRequestError(f"{what}: {faults[0].detail}")
        return problem(faulty, request.META, faults=faults)
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(context["view"].allowed_methods)
        not_allowed = errors.MethodNotAllowedError(f"Use {allowed} at this address")
        return problem(not_allowed, request.META, headers={"Allow": allowed})
    return problem(_refusal_of(error), request.META)


def _refusal_of(error: Exception) -> errors.RefusalError:
    if isinstance(error, errors.RefusalError):
        return error
    if isinstance(error, accounts.errors.TooManyInvitationsError):
        return errors.RateLimitedError(error.outcome, error.message)
    if isinstance(error, accounts.errors.RefusalError):
        return errors.TeamStateError(error.message)
    # Found, and deleted by somebody else before the act.
    if isinstance(error, Http404 | ObjectDoesNotExist):
        return errors.NotFoundError("There is no such object among those that this token opens")
    if isinstance(error, exceptions.NotAcceptable):
        return errors.NotAcceptableError()
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database did not answer", exc_info=error)
        connection.close_if_unusable_or_obsolete()
        return errors.TemporarilyUnavailableError()
    logger.error("A management call failed", exc_info=error)
    return errors.ServerError()


def _headers_of(refusal: errors.RefusalError) -> dict[str, str]:
    headers = limit_headers(refusal)
    if (seconds := retry_after_seconds(refusal)) is not None:
        headers["Retry-After"] = str(seconds)
    # RFC 6750, section 3.
    if isinstance(refusal, errors.InvalidTokenError):
        headers["WWW-Authenticate"] = 'Bearer realm="lockence", error="invalid_token"'
    if isinstance(refusal, errors.InsufficientScopeError):
        headers["WWW-Authenticate"] = (
            f'Bearer realm="lockence", error="insufficient_scope", scope="{refusal.scope}"'
        )
    return headers


def _faults_in(detail: Any, is_name: bool, path: str = "") -> Iterator[tuple[str, str]]:
    """Walk what DRF says is wrong, down to each message."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from _faults_in(inner, is_name, path if here else _below(path, name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _faults_in(inner, is_name, path)
    else:
        yield path.removeprefix("/") if is_name else path, str(detail)


def _below(path: str, name: object) -> str:
    return f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
