"""Client calls as programs write them, read from a socket and answered without a server around it.

Only what leaves nothing to be asked is read here: a POST of HTTP/1.1 to one of our addresses, each header once, its length told and
its body there to the last byte (RFC 9112). So nobody can be of another opinion where a request ends; whatever is less plain is
left to the server's own parser.
"""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from io import BytesIO
from typing import Any

_HEAD_MAX_BYTES = 4 * 1024
_FIRST_LINE = re.compile(r"POST (/api/v1/(\w{1,20})/?) HTTP/1\.1").fullmatch
_HEADER = re.compile(r"([A-Za-z0-9-]+): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)").fullmatch
_LENGTH = re.compile("[0-9]{1,6}").fullmatch
# With these, the end of the body, or what comes after it, is another matter.
_NOT_PLAIN = ("TRANSFER_ENCODING", "CONNECTION", "EXPECT", "UPGRADE", "TRAILER", "TE")

Wsgi = Callable[..., Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request that still lies in the socket, of `size` bytes."""

    call: str
    environ: dict[str, Any]
    socket: socket.socket
    size: int

    def answer(self, application: Wsgi) -> bool:
        """Take the request out, and send what a WSGI application answers; tell whether that was done.

        A client that leaves no room for an answer did not read those before, and is hung up on.
        """
        lines: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            lines.append(f"HTTP/1.1 {status}")
            lines.extend(f"{name}: {value}" for name, value in headers)

        self.socket.recv(self.size)
        body = b"".join(application(self.environ, start_response))
        lines.append(f"Date: {formatdate(usegmt=True)}")
        lines.append("Connection: keep-alive")
        answer = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
        try:
            is_sent = self.socket.send(answer) == len(answer)
        except OSError:
            is_sent = False
        if not is_sent:
            # The server sees that it came to its end, and clears it away.
            self.socket.shutdown(socket.SHUT_RDWR)
        return True


def peek(client: socket.socket, address: Any, body_max_bytes: int) -> PlainRequest | None:
    """Return the request that waits in a socket, and take nothing out of it; None where it is not plain, or not there yet."""
    try:
        arrived = client.recv(
            _HEAD_MAX_BYTES + body_max_bytes, socket.MSG_PEEK | socket.MSG_DONTWAIT
        )
    except OSError:
        return None
    head, end, body = arrived.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    called, headers = _FIRST_LINE(first), _headers(lines)
    if not end or called is None or headers is None or not _is_whole(headers, body):
        return None
    is_inet = isinstance(address, tuple)
    environ = {
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": called[1],
        "RAW_URI": called[1],
        "QUERY_STRING": "",
        "CONTENT_LENGTH": headers["CONTENT_LENGTH"],
        "CONTENT_TYPE": headers.get("CONTENT_TYPE", ""),
        "REMOTE_ADDR": address[0] if is_inet else "",
        "SERVER_NAME": "",
        "SERVER_PORT": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }
    return PlainRequest(called[2], environ, client, len(arrived))


def _headers(lines: list[str]) -> dict[str, str] | None:
    headers: dict[str, str] = {}
    for line in lines:
        parsed = _HEADER(line)
        name = parsed[1].upper().replace("-", "_") if parsed else ""
        if parsed is None or name in headers or name in _NOT_PLAIN:
            return None
        headers[name] = parsed[2]
    return headers


def _is_whole(headers: dict[str, str], body: bytes) -> bool:
    length = headers.get("CONTENT_LENGTH", "")
    return bool(_LENGTH(length)) and int(length) == len(body)
