"""One id for all that a request causes: in every log line, and in the answer's X-Request-ID header."""

import re
import secrets
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
META_KEY = "lockence.request_id"
# A proxy's own id is kept, so that its log and ours agree; anything else could forge a log line.
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}").fullmatch

current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id_of(environ: Mapping[str, Any]) -> str:
    """The id that a proxy gave the request, else a fresh one of 32 hex digits."""
    offered = environ.get("HTTP_X_REQUEST_ID", "")
    return offered if WELL_FORMED(offered) else secrets.token_hex(16)


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request.META)
        # For answers that tell it in their body.
        request.META[META_KEY] = request_id
        token = current_request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            current_request_id.reset(token)
        response[HEADER] = request_id
        return response
