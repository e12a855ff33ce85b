"""The client calls, answered before Django's request handler: what programs do all day costs next to nothing.

The answers are those of `api.runtime.answers`, as they are when the DRF views serve them; this adaptor adds what the
middleware adds there: the client's address behind a proxy, the request id and the metrics.
"""

import functools
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from prometheus_client import Histogram

from api.runtime import answers
from licensing.statements import Steps, answered
from lockence.metrics import REQUEST_SECONDS
from lockence.plain_http import CALLS
from lockence.proxies import name_the_client, trusted_networks
from lockence.request_id import HEADER, current_request_id, request_id_of
from lockence.turned_away import is_turned_away

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
# The status line, the header fields and the body.
Response = tuple[str, list[tuple[str, str]], bytes]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_CALLS = {f"/api/v1/{call}{slash}": call for call in CALLS for slash in ("", "/")}
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class FastLane:
    """A WSGI application (PEP 3333) that answers the client calls and leaves all else to the one behind it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.trusted = trusted_networks()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = call_of(environ)
        if call is None:
            return self.application(environ, start_response)
        request_id = request_id_of(environ)
        token = current_request_id.set(request_id)
        try:
            status, headers, body = answered(self.answering(call, environ, request_id))
        finally:
            current_request_id.reset(token)
        start_response(status, headers)
        return [body]

    def answering(
        self, call: str, environ: Environ, request_id: str, *, in_steps: bool = False
    ) -> Steps[Response]:
        """Do for an answer what `api.runtime.answers.answering` does."""
        started = time.perf_counter()
        name_the_client(environ, self.trusted)
        if is_turned_away():
            answer = answers.turn_away(environ)
        else:
            answer = yield from answers.answering(call, environ, in_steps=in_steps)
        _observe(environ, call, answer.status, time.perf_counter() - started)
        return (
            _STATUS_LINES[answer.status],
            [*answer.headers.items(), (HEADER, request_id)],
            answer.body,
        )


def call_of(environ: Environ) -> str | None:
    return _CALLS.get(environ.get("PATH_INFO", ""))


def _observe(environ: Environ, call: str, status: int, seconds: float) -> None:
    method = "POST" if environ["REQUEST_METHOD"] == "POST" else "other"
    _series(method, call, status).observe(seconds)


@functools.cache
def _series(method: str, call: str, status: int) -> Histogram:
    """One of few: methods, calls and statuses are all ours. Finding it anew takes as long as counting in it."""
    return REQUEST_SECONDS.labels(method, f"api/v1/{call}", status)
