"""Calls of the management API: one answer or one failure each, tried again where that does no harm."""

import dataclasses
import http.client
import json
import random
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import Any
from urllib.parse import urlencode, urlsplit

from lockence_client.command_line import output
from lockence_client.command_line.failures import CouldNotAsk, NotAllowed, Refused
from lockence_client.command_line.login_file import Login

Row = dict[str, Any]
LIMIT_MAX = 100
_TIMEOUT_SECONDS = 60
# A thousand licenses with eight kilobytes of metadata each.
_ANSWER_MAX_BYTES = 64 * 1024 * 1024
_TRIES = 4
_BUSY = frozenset({429, 502, 503, 504})
# Longer than a minute, the span of the API's own limit, nobody waits in front of a terminal.
_PAUSE_MAX_SECONDS = 65


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back, whoever sent it."""

    status: int
    headers: Message
    body: bytes

    @property
    def document(self) -> Row | None:
        """The JSON object that the answer holds, None where it holds none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


class Api:
    """The management API of one server, with one token."""

    def __init__(self, login: Login) -> None:
        self.login = login

    def get(self, path: str, **query: object) -> Row:
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return self._ask("GET", f"{path}?{asked}" if asked else path)

    def post(self, path: str, body: Row | None = None, *, idempotency_key: str = "") -> Row:
        """Do something; a repetition with the same key, of ours or of the caller, is answered and not done again."""
        headers = {"Idempotency-Key": idempotency_key or secrets.token_urlsafe(24)}
        return self._ask("POST", path, body or {}, headers)

    def patch(self, path: str, body: Row) -> Row:
        return self._ask("PATCH", path, body)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def rows(self, path: str, *, count_max: int | None = None, **query: object) -> Iterator[Row]:
        """Yield the rows of a list, newest first, a page at a time; `count_max` ends it early."""
        left = count_max if count_max is not None else float("inf")
        cursor: object = None
        while left > 0:
            page = self.get(path, limit=int(min(left, LIMIT_MAX)), cursor=cursor, **query)
            found = page.get("data")
            if not isinstance(found, list):
                raise CouldNotAsk(f"{self.login.url} answers, but not like a Lockence server")
            yield from found
            left -= len(found)
            cursor = page.get("next_cursor")
            if not cursor or not found:
                return

    def _ask(
        self, method: str, path: str, body: Row | None = None, headers: Row | None = None
    ) -> Row:
        request = self._request(method, path, body, headers or {})
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = send(request)
            except CouldNotAsk:
                if not tries_left:
                    raise
                time.sleep(_pause(_TRIES - tries_left))
                continue
            if not tries_left or not _may_pass(answer):
                return self._understood(answer)
            time.sleep(_wait(answer, _TRIES - tries_left))
        raise AssertionError

    def _request(
        self, method: str, path: str, body: Row | None, headers: Row
    ) -> urllib.request.Request:
        token = self.login.token
        if not token.isascii() or not token.isprintable():
            raise NotAllowed("the token holds letters that no token has: run `lockence login`")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", **headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.login.url}/api/v1/{path}"
        return urllib.request.Request(url, data=data, headers=headers, method=method)

    def _understood(self, answer: Answer) -> Row:
        document = answer.document
        if 200 <= answer.status < 300 and (document is not None or not answer.body):
            return document or {}
        code = document.get("code") if document else None
        if 300 <= answer.status < 400 or document is None or not isinstance(code, str):
            raise CouldNotAsk(_not_lockence(self.login.url, answer))
        told = f"{document.get('detail') or document.get('title') or code} ({code})"
        if request_id := document.get("request_id"):
            told += f", request {request_id}"
        if answer.status in (401, 403) and code in ("invalid_token", "insufficient_scope"):
            raise NotAllowed(told)
        if answer.status >= 500 or answer.status == 429:
            raise CouldNotAsk(told)
        raise Refused(told, code)


def send(request: urllib.request.Request, timeout_seconds: float = _TIMEOUT_SECONDS) -> Answer:
    """Send a request and return whatever answers; raises CouldNotAsk when nothing does. No redirect is followed."""
    try:
        with _OPENER.open(request, timeout=timeout_seconds) as found:
            return _answer(found.status, found)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        host = urlsplit(request.full_url).netloc
        raise CouldNotAsk(f"could not reach {host}: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """Return what went wrong, without the names of Python's exceptions where there are words."""
    inner = getattr(error, "reason", error)
    text = getattr(inner, "strerror", None) or str(inner)
    return text or type(inner).__name__


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token belongs to one server, and goes nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _answer(status: int, found: Any) -> Answer:
    try:
        body = found.read(_ANSWER_MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise CouldNotAsk(f"the answer broke off: {reason_of(error)}") from error
    if len(body) > _ANSWER_MAX_BYTES:
        raise CouldNotAsk("the answer is too long to be the server's")
    return Answer(status, found.headers, body)


def _may_pass(answer: Answer) -> bool:
    """Tell whether asking once more may help: somebody is busy, or still at work on our first try."""
    code = (answer.document or {}).get("code")
    return answer.status in _BUSY or (answer.status == 409 and code == "idempotency_key_in_use")


def _wait(answer: Answer, failures: int) -> float:
    told = answer.headers.get("Retry-After", "")
    if not told.isdecimal() or len(told) > 9:
        return _pause(failures)
    if int(told) > _PAUSE_MAX_SECONDS:
        raise CouldNotAsk(f"the server asks to come back in {int(told)} seconds")
    if int(told) > 2:
        output.note(f"The server is busy, going on in {int(told)} seconds.")
    return int(told) + random.uniform(0, 0.2)


def _pause(failures: int) -> float:
    return random.uniform(0.2, 0.4) * 2**failures


def _not_lockence(url: str, answer: Answer) -> str:
    kind = answer.headers.get_content_type()
    where = answer.headers.get("Location", "")
    if 300 <= answer.status < 400:
        return f"{url} sends on to {where or 'another address'}, which is not followed: log in with the right one"
    return (
        f"something that is not Lockence answered for {url}: HTTP {answer.status}, {kind}"
        " (a proxy, a log-in page of the network, or another site)"
    )
