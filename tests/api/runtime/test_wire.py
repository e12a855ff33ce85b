"""What only a socket can send: lengths that lie, chunks, half a request. A real gunicorn answers, and a real Granian; nothing is written."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.api.runtime.test_hostile import (
    BODY_MAX_BYTES,
    CALLS,
    NO_JSON,
    ODD_STRUCTURES,
    refused,
    with_field,
)
from tests.servers import Server, database_url, serve
from tests.wire import answer, answers, chunk, chunked, head

BODY = with_field("extra", b"1")
HOSTILE = NO_JSON | ODD_STRUCTURES
HUNDRED_MEGABYTES = 100 * 1024 * 1024
# What is answered at once takes some milliseconds; what waits for the rest of a body takes for ever.
AT_ONCE_SECONDS = 3

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["server", "granian"])
def either(request: pytest.FixtureRequest) -> Server:
    """Both of them, in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def wire(either: Server) -> Iterator[socket.socket]:
    with either.socket() as connection:
        yield connection


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bodies_are_refused_over_the_wire_as_well(either: Server, body: bytes) -> None:
    for call in CALLS:
        assert refused(either.post(f"/api/v1/{call}", body)) == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(either: Server, method: str) -> None:
    for call in CALLS:
        response = either.request(method, f"/api/v1/{call}", None, {})

        assert refused(response) == "method_not_allowed"
        assert response["Allow"] == "POST"


def test_head_gets_the_head_of_a_refusal(either: Server) -> None:
    response = either.request("HEAD", "/api/v1/validate", None, {})

    assert (response.status_code, response.content) == (405, b"")


@pytest.mark.parametrize("call", CALLS)
def test_a_hundred_megabytes_are_refused_before_they_are_sent(
    wire: socket.socket, call: str
) -> None:
    started = time.monotonic()

    wire.sendall(head(call, f"Content-Length: {HUNDRED_MEGABYTES}"))

    assert refused(answer(wire)) == "body_too_large"
    assert time.monotonic() - started < AT_ONCE_SECONDS


def test_a_hundred_megabytes_that_are_sent_all_the_same_are_refused(wire: socket.socket) -> None:
    wire.sendall(head("validate", f"Content-Length: {HUNDRED_MEGABYTES}"))
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < HUNDRED_MEGABYTES:
            sent += wire.send(b" " * 65_536)

    # The server hung up long before the end, and may have done so before its answer was read.
    assert sent < HUNDRED_MEGABYTES
    with contextlib.suppress(ConnectionError):
        assert refused(answer(wire)) == "body_too_large"


def test_a_body_in_chunks_is_read(wire: socket.socket) -> None:
    wire.sendall(head("validate", "Transfer-Encoding: chunked") + chunked(BODY[:5], BODY[5:]))

    assert refused(answer(wire)) == "invalid_api_key"


def test_a_body_in_chunks_of_one_byte_is_read(wire: socket.socket) -> None:
    pieces = [BODY[at : at + 1] for at in range(len(BODY))]

    wire.sendall(head("validate", "Transfer-Encoding: chunked") + chunked(*pieces))

    assert refused(answer(wire)) == "invalid_api_key"


def test_chunks_over_the_limit_are_refused_before_their_end(wire: socket.socket) -> None:
    wire.sendall(head("validate", "Transfer-Encoding: chunked"))
    wire.sendall(chunk(b" " * BODY_MAX_BYTES) + chunk(b" " * 64))

    assert refused(answer(wire)) == "body_too_large"


def test_chunks_without_end_are_refused(wire: socket.socket) -> None:
    wire.sendall(head("validate", "Transfer-Encoding: chunked"))
    with contextlib.suppress(ConnectionError):
        for _ in range(2_000):
            wire.sendall(chunk(b" " * 65_536))

    with contextlib.suppress(ConnectionError):
        assert refused(answer(wire)) == "body_too_large"


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}",
        b"5\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n",
        b"2;=\r\n{}\r\n0\r\n\r\n",
        b"ffffffffffffffffffff\r\n{}",
        b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
        b"\r\n",
        b"",
    ],
)
def test_broken_chunks_are_refused(wire: socket.socket, chunks: bytes) -> None:
    wire.sendall(head("validate", "Transfer-Encoding: chunked") + chunks)
    # Granian answers nobody who hangs up behind a whole request.
    if not chunks.endswith(b"0\r\n\r\n") and b"Content-Length" not in chunks:
        wire.shutdown(socket.SHUT_WR)

    assert refused(answer(wire)) == "invalid_request"


def test_a_body_that_breaks_off_is_refused(wire: socket.socket) -> None:
    wire.sendall(head("validate", f"Content-Length: {len(BODY) + 10}") + BODY)
    wire.shutdown(socket.SHUT_WR)

    assert refused(answer(wire)) == "invalid_request"


def test_a_body_longer_than_it_says_is_cut(wire: socket.socket) -> None:
    wire.sendall(head("validate", f"Content-Length: {len(BODY) - 1}") + BODY)

    assert refused(answer(wire)) == "invalid_request"


def test_without_a_length_there_is_no_body(wire: socket.socket) -> None:
    started = time.monotonic()

    wire.sendall(head("validate") + BODY)

    assert refused(answer(wire)) == "invalid_request"
    assert time.monotonic() - started < AT_ONCE_SECONDS


def test_a_client_that_asks_first_is_told_to_go_on(wire: socket.socket) -> None:
    wire.sendall(head("validate", f"Content-Length: {len(BODY)}", "Expect: 100-continue"))
    assert wire.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"

    wire.sendall(BODY)

    assert refused(answer(wire)) == "invalid_api_key"


def test_a_client_that_asks_first_for_too_much_is_refused_at_once(wire: socket.socket) -> None:
    wire.sendall(head("validate", f"Content-Length: {HUNDRED_MEGABYTES}", "Expect: 100-continue"))

    assert refused(answer(wire)) == "body_too_large"


@pytest.mark.parametrize("headers", [["Host: 127.0.0.1"], []])
def test_http_1_0_is_spoken(wire: socket.socket, headers: list[str]) -> None:
    lines = ["POST /api/v1/validate HTTP/1.0", *headers]
    lines += ["Content-Type: application/json", f"Content-Length: {len(BODY)}"]

    wire.sendall("\r\n".join([*lines, "", ""]).encode() + BODY)

    assert refused(answer(wire)) == "invalid_api_key"
    assert wire.recv(1) == b""


def test_requests_that_come_together_are_answered_one_by_one(wire: socket.socket) -> None:
    request = head("validate", f"Content-Length: {len(BODY)}") + BODY

    wire.sendall(request * 3)

    assert [refused(each) for each in answers(wire, 3)] == ["invalid_api_key"] * 3


def test_a_connection_serves_on_after_a_refusal(wire: socket.socket) -> None:
    wire.sendall(head("validate", "Content-Length: 1") + b"{")
    first = refused(answer(wire))
    wire.sendall(head("validate", f"Content-Length: {len(BODY)}") + BODY)

    assert (first, refused(answer(wire))) == ("invalid_request", "invalid_api_key")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "[::1", "x" * 300])
def test_another_host_is_refused(wire: socket.socket, host: str) -> None:
    wire.sendall(head("validate", f"Content-Length: {len(BODY)}", host=host) + BODY)

    assert refused(answer(wire)) == "invalid_request"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/validate?x=%00&api_key=y",
        "/api/v1/validate/?",
        "http://127.0.0.1/api/v1/validate",
        "/api/v1/%76alidate",
    ],
)
def test_an_address_may_be_written_in_other_ways(wire: socket.socket, path: str) -> None:
    wire.sendall(head("", f"Content-Length: {len(BODY)}", path=path) + BODY)

    assert refused(answer(wire)) == "invalid_api_key"


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v1/Validate", "/api/v1/validate//", "/api/v2/init", "/api/v1/%ff"]
)
def test_an_unknown_address_is_refused_in_json(either: Server, path: str) -> None:
    response = either.post(path, BODY)

    assert (response.status_code, response["Content-Type"]) == (404, "application/json")
    assert response.json()["code"] == "not_found"


def test_those_who_fall_silent_do_not_keep_the_threads(django_db_setup: None) -> None:
    environment = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "2", "WEB_SILENCE_SECONDS": "1"}
    with serve(database_url(), **environment) as server, contextlib.ExitStack() as silent:
        half_bodies = [silent.enter_context(server.socket()) for _ in range(2)]
        for connection in half_bodies:
            connection.sendall(head("validate", f"Content-Length: {len(BODY)}") + BODY[:-1])
        for _ in range(2):
            silent.enter_context(server.socket()).sendall(head("validate")[:-2])

        assert refused(server.post("/api/v1/validate", BODY)) == "invalid_api_key"
        assert refused(answer(half_bodies[0])) == "invalid_request"
