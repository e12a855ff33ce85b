"""One HTTP request and its answer, as it came: no redirect is followed, no size is trusted, no time is endless."""

from __future__ import annotations

import http.client
import queue
import threading
import urllib.error
import urllib.request
from typing import Any, Dict, Union

from lockence_client.verification import Request, Response

# Far more than any answer of the server, and little enough for any machine.
_BODY_MAX_BYTES = 256 * 1024
# So that the socket may tell what is wrong, where it finds out by itself.
_GRACE_SECONDS = 0.2


class NotReached(Exception):
    """No HTTP answer came; the text says why."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def send(request: Request, headers: Dict[str, str], timeout_seconds: float) -> Response:
    """Send a request, through the system's proxy if one is set; raises NotReached when no whole answer comes in that time.

    A socket's own time-out counts from each byte to the next: whoever sends one now and then would be waited for without end.
    So the call has a thread of its own, which is left behind when its time is over.
    """
    came: "queue.Queue[Union[Response, NotReached]]" = queue.Queue()

    def ask() -> None:
        try:
            came.put(_send(request, headers, timeout_seconds))
        except NotReached as error:
            came.put(error)

    threading.Thread(target=ask, name="lockence-call", daemon=True).start()
    try:
        response = came.get(timeout=timeout_seconds + _GRACE_SECONDS)
    except queue.Empty:
        raise NotReached("the answer took too long") from None
    if isinstance(response, NotReached):
        raise response
    return response


def _send(request: Request, headers: Dict[str, str], timeout_seconds: float) -> Response:
    outgoing = urllib.request.Request(  # noqa: S310
        request.url, data=request.body, headers=headers, method=request.method
    )
    try:
        with _OPENER.open(outgoing, timeout=timeout_seconds) as answer:
            return _response(answer.status, answer)
    except urllib.error.HTTPError as error:
        with error:
            return _response(error.code, error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotReached(f"{type(error).__name__}: {error}") from error


def _response(status: int, answer: Any) -> Response:
    try:
        body = answer.read(_BODY_MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise NotReached(f"{type(error).__name__}: {error}") from error
    if len(body) > _BODY_MAX_BYTES:
        raise NotReached("the answer is too long to be the server's")
    return Response(status, list(answer.headers.items()), body)
