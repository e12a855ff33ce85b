"""HTTP as bytes on a socket, for those who write and read it themselves."""

import http.client
import io
import socket

from tests.servers import Response


def head(
    call: str, *headers: str, host: str = "127.0.0.1", path: str = "", method: str = "POST"
) -> bytes:
    lines = [
        f"{method} {path or f'/api/v1/{call}'} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(*pieces: bytes) -> bytes:
    return b"".join(map(chunk, pieces)) + b"0\r\n\r\n"


def answer(wire: socket.socket) -> Response:
    [only] = answers(wire, 1)
    return only


def answers(wire: socket.socket, count: int) -> list[Response]:
    """Read so many answers that follow one another."""
    with wire.makefile("rb") as stream:
        return [_next_answer(stream) for _ in range(count)]


def _next_answer(stream: io.BufferedReader) -> Response:
    status = int(stream.readline().split()[1])
    headers = http.client.parse_headers(stream)
    if status == 100:
        return _next_answer(stream)
    return Response(status, headers, stream.read(int(headers["Content-Length"])))
