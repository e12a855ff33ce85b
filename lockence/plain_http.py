"""Client calls as programs write them, read from a socket and answered without a server around it.

Only what leaves nothing to be asked is read here: a POST of HTTP/1.1 to one of our addresses, each header once, its length told and
its body there to the last byte (RFC 9112). So nobody can be of another opinion where a request ends; whatever is less plain is
left to the server's own parser.
"""

import functools
import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from io import BytesIO
from typing import Any

CALLS = (
    "init",
    "validate",
    "heartbeat",
    "logout",
    "checkout",
    "offline",
    "consume",
    "variables",
    "borrow",
    "release",
)
_HEAD_MAX_BYTES = 4 * 1024
_START = b"POST /api/v1/"
_FIRST_LINE = re.compile(rf"POST (/api/v1/({'|'.join(CALLS)})/?) HTTP/1\.1").fullmatch
_HEADER = re.compile(r"([A-Za-z0-9-]+): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)").fullmatch
_LENGTH = re.compile("[0-9]{1,6}").fullmatch
# With these, the end of the body, or what comes after it, is another matter.
_NOT_PLAIN = ("TRANSFER_ENCODING", "EXPECT", "UPGRADE", "TRAILER", "TE")


@dataclass(frozen=True, slots=True)
class PlainRequest:
    call: str
    environ: dict[str, Any]


class IncompleteError(Exception):
    """What has arrived so far is the beginning of a plain request."""


def read(arrived: bytes, address: Any, body_max_bytes: int) -> PlainRequest | None:
    """Return the one request that has arrived from an address, or None where it is not plain.

    Raises IncompleteError where it may become so.
    """
    head, end, body = arrived.partition(b"\r\n\r\n")
    if len(head) > _HEAD_MAX_BYTES or not head.startswith(_START[: len(head)]):
        return None
    if not end:
        raise IncompleteError
    first, *lines = head.decode("latin-1").split("\r\n")
    called, headers = _FIRST_LINE(first), _headers(lines)
    if called is None or headers is None or not _LENGTH(headers.get("CONTENT_LENGTH", "")):
        return None
    missing = int(headers["CONTENT_LENGTH"]) - len(body)
    if missing < 0 or int(headers["CONTENT_LENGTH"]) > body_max_bytes:
        return None
    if missing:
        raise IncompleteError
    return PlainRequest(called[2], _environ(called[1], headers, body, address))


def headers_of(request: PlainRequest) -> list[tuple[str, str]]:
    """Return the header fields as they came, but for the case of their names."""
    return [
        (name.removeprefix("HTTP_").replace("_", "-"), value)
        for name, value in request.environ.items()
        if name.startswith("HTTP_")
    ]


def written(status: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """Return an answer after which the connection stays open."""
    lines = [f"HTTP/1.1 {status}"]
    lines.extend([f"{name}: {value}" for name, value in headers])
    lines.append(f"Date: {_date(int(time.time()))}\r\nConnection: keep-alive\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1") + body


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _environ(path: str, headers: dict[str, str], body: bytes, address: Any) -> dict[str, Any]:
    return {
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": headers["CONTENT_LENGTH"],
        "CONTENT_TYPE": headers.get("CONTENT_TYPE", ""),
        "REMOTE_ADDR": address[0] if isinstance(address, tuple) else "",
        "SERVER_NAME": "",
        "SERVER_PORT": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }


def _headers(lines: list[str]) -> dict[str, str] | None:
    headers: dict[str, str] = {}
    for line in lines:
        parsed = _HEADER(line)
        name = parsed[1].upper().replace("-", "_") if parsed else ""
        if parsed is None or name in headers or name in _NOT_PLAIN:
            return None
        headers[name] = parsed[2]
    if "HOST" not in headers or headers.get("CONNECTION", "keep-alive").lower() != "keep-alive":
        return None
    return headers
