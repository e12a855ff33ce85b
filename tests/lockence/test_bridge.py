"""WSGI behind ASGI, without a server: what the site is told of a request, and how its answers go out."""

import asyncio
import io
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lockence.bridge import AWAITED_MAX_BYTES, Body, Bridge, environ_of
from lockence.event_loop import Lateness, Site
from lockence.fast_lane import FastLane
from tests.api.runtime.adaptors import receiving, sending

SILENCE_SECONDS_MAX = 0.2
PIECE = b"x" * 1_000
Messages = list[dict[str, Any]]


def scope(**facts: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.7", 4_000),
        "server": ("127.0.0.1", "8000"),
        **facts,
    }


def answered(
    application: Callable[..., Any],
    receive: Any = None,
    send: Callable[[Messages], Any] = sending,
    **facts: Any,
) -> Messages:
    """Have a WSGI application answer a request, and return the messages that were sent."""
    sent: Messages = []

    async def answer() -> None:
        bridge = Bridge(application, threads=1, silence_seconds_max=SILENCE_SECONDS_MAX)
        environ = environ_of(scope(**facts))
        come = receive or silent
        try:
            body = Body(environ, come, SILENCE_SECONDS_MAX)
            await bridge.answer(environ, body, send(sent))
        finally:
            bridge.threads.shutdown()

    asyncio.run(answer())
    return sent


async def silent() -> dict[str, Any]:
    """Say nothing, and stay."""
    await asyncio.Event().wait()
    return {}


def body_of(sent: Messages) -> bytes:
    return b"".join(message["body"] for message in sent[1:])


def test_an_address_is_told_as_it_was_sent_and_as_it_is_meant() -> None:
    environ = environ_of(scope(raw_path=b"/a%20b/%C3%A9%FF", query_string=b"x=%20&y"))

    assert environ["PATH_INFO"] == "/a b/Ã©ÿ"
    assert environ["RAW_URI"] == "/a%20b/%C3%A9%FF?x=%20&y"
    assert environ["QUERY_STRING"] == "x=%20&y"
    assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"]) == ("192.0.2.7", "8000")


def test_a_server_that_keeps_no_address_as_sent_tells_its_path() -> None:
    environ = environ_of(scope(raw_path=None, path="/é b"))

    assert (environ["PATH_INFO"], environ["RAW_URI"]) == ("/Ã© b", "/%C3%A9%20b")


def test_a_header_with_an_underscore_stands_for_no_other() -> None:
    headers = [(b"x_forwarded_for", b"203.0.113.9"), (b"content_length", b"5"), (b"x-a", b"1")]

    environ = environ_of(scope(headers=headers))

    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert (environ["CONTENT_LENGTH"], environ["HTTP_X_A"]) == ("", "1")


def test_headers_of_one_name_are_joined() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"10.0.0.1")]

    environ = environ_of(scope(headers=headers))

    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9,10.0.0.1"


def test_an_answer_of_one_piece_is_sent_at_once() -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("201 Created", [("Content-Length", "5"), ("X-Name", "é")])
        return [b"hello"]

    start, piece = answered(application)

    assert start["status"] == 201
    assert start["headers"] == [(b"content-length", b"5"), (b"x-name", b"\xe9")]
    assert piece == {"type": "http.response.body", "body": b"hello", "more_body": False}


def test_answers_may_have_many_pieces_or_none() -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        write(b"0")
        yield from (b"1", b"", b"2")

    def nothing(environ: Any, start_response: Any) -> list[bytes]:
        start_response("304 Not Modified", [])
        return []

    assert body_of(answered(application)) == b"012"
    assert [message["more_body"] for message in answered(nothing)[1:]] == [False]


class Endless:
    """An application whose answer has no end."""

    def __init__(self) -> None:
        self.made = 0
        self.is_closed = False

    def __call__(self, environ: Any, start_response: Any) -> "Endless":
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for self.made in itertools.count(1):
            yield PIECE

    def close(self) -> None:
        self.is_closed = True


def test_nothing_is_made_for_who_has_gone() -> None:
    application = Endless()

    answered(application, receiving())

    assert application.is_closed
    assert application.made < 10


def test_a_reader_who_reads_no_more_is_hung_up_on() -> None:
    application = Endless()

    def send_two(sent: Messages) -> Any:
        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if len(sent) > 2:
                await asyncio.Event().wait()

        return send

    # Which the server does when the application fails.
    with pytest.raises(TimeoutError):
        answered(application, send=send_two)

    assert application.is_closed
    assert application.made == 2


def test_an_answer_that_fails_in_its_middle_is_not_taken_for_whole() -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield PIECE
        raise ConnectionError

    sent: Messages = []
    with pytest.raises(ConnectionError):
        answered(application, send=lambda _: sending(sent))

    assert [message.get("more_body") for message in sent] == [None, True]


def test_an_error_page_takes_the_place_of_what_was_not_sent_yet() -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "1000")])
        try:
            raise ConnectionError
        except ConnectionError:
            start_response("500 Internal Server Error", [], sys.exc_info())
            yield PIECE
            with pytest.raises(ConnectionError):
                start_response("500 Internal Server Error", [], sys.exc_info())

    start, *pieces = answered(application)

    assert (start["status"], [piece["body"] for piece in pieces]) == (500, [PIECE, b""])


def echo(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def test_bodies_of_any_size_are_read() -> None:
    for size in (0, 5, AWAITED_MAX_BYTES, AWAITED_MAX_BYTES + 1, 3_000_000):
        pieces = [b"y" * size] if size < 10 else [b"y" * (size // 2), b"y" * (size - size // 2)]
        headers = [(b"content-length", str(size).encode())]

        assert body_of(answered(echo, receiving(*pieces), headers=headers)) == b"y" * size


def test_a_body_in_chunks_is_read_as_it_comes() -> None:
    headers = [(b"transfer-encoding", b"chunked")]

    assert body_of(answered(echo, receiving(b"a", b"b"), headers=headers)) == b"ab"


def test_a_large_body_is_asked_for_only_as_far_as_it_is_read() -> None:
    received: list[int] = []

    async def receive() -> dict[str, Any]:
        received.append(1)
        return {"type": "http.request", "body": PIECE, "more_body": True}

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("413 Content Too Large", [])
        return [environ["wsgi.input"].read(10)]

    answered(application, receive, headers=[(b"content-length", b"100000000")])

    assert len(received) < 20


@pytest.mark.parametrize("size", [10, AWAITED_MAX_BYTES + 1])
def test_who_breaks_off_or_falls_silent_is_an_error_to_who_reads(size: int) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("400 Bad Request", [])
        with pytest.raises(ConnectionResetError):
            environ["wsgi.input"].read()
        return [b"broken off"]

    for receive in (silent, gone):
        sent = answered(application, receive, headers=[(b"content-length", str(size).encode())])
        assert body_of(sent) == b"broken off"


def test_files_go_out_in_large_pieces() -> None:
    content = b"z" * 200_000

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(content), 4_096)

    sent = answered(application)

    assert body_of(sent) == content
    assert len(sent) < 10


def site() -> Site:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        return []

    site = Site(FastLane(application), Bridge(application, threads=1, silence_seconds_max=1))
    # All are made, or nobody may make them.
    for line in site.express.lines:
        line.wants_to_connect()
    return site


def test_a_websocket_is_refused() -> None:
    sent: Messages = []

    async def ask() -> None:
        await site()({"type": "websocket"}, receiving(), sending(sent))

    asyncio.run(ask())
    assert sent == [{"type": "websocket.close"}]


def test_nothing_else_is_spoken() -> None:
    async def ask() -> None:
        await site()({"type": "smtp"}, receiving(), sending([]))

    with pytest.raises(ValueError, match="smtp"):
        asyncio.run(ask())


def test_it_says_that_it_has_started_and_stopped() -> None:
    sent: Messages = []
    events = ["lifespan.startup", "lifespan.shutdown"]

    async def receive() -> dict[str, Any]:
        return {"type": events.pop(0)}

    async def live() -> None:
        await site()({"type": "lifespan"}, receive, sending(sent))

    asyncio.run(live())
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_how_late_the_loop_is_shows_while_it_is_so_and_not_for_longer() -> None:
    clock = Clock()
    lateness = Lateness(clock)

    async def watch() -> list[float]:
        told = [lateness.seconds()]
        clock.now += 0.25
        told.append(lateness.seconds())
        await asyncio.sleep(0)
        clock.now += 0.05
        told.append(lateness.seconds())
        await asyncio.sleep(0)
        clock.now += 60
        told.append(lateness.seconds())
        return told

    assert asyncio.run(watch()) == [0, 0.25, 0.25, 0]


def test_a_call_has_waited_for_the_loop_three_times_when_it_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served, seen = site(), []
    monkeypatch.setattr(served.lateness, "seconds", lambda: 0.5)

    def refused_share(call: str, *, until_read: float, **others: Any) -> float:
        seen.append(until_read)
        return 0

    monkeypatch.setattr(served.express, "refused_share", refused_share)
    asked = scope(method="POST", path="/api/v1/validate", headers=[(b"content-length", b"2")])

    async def ask() -> None:
        await served({**asked, "raw_path": b"/api/v1/validate"}, receiving(b"{}"), sending([]))

    asyncio.run(ask())
    assert seen == [1.5]


def test_who_is_gone_before_a_thread_was_free_is_not_waited_for() -> None:
    is_free = threading.Event()

    def application(environ: Any, start_response: Any) -> list[bytes]:
        is_free.wait(20)
        start_response("200 OK", [])
        return []

    async def ask_and_leave() -> list[float]:
        bridge = Bridge(application, threads=1, silence_seconds_max=SILENCE_SECONDS_MAX)

        def asking() -> "asyncio.Task[None]":
            environ = environ_of(scope())
            body = Body(environ, silent, SILENCE_SECONDS_MAX)
            return asyncio.create_task(bridge.answer(environ, body, sending([])))

        first, second = asking(), asking()
        while len(bridge.waiting) != 1:
            await asyncio.sleep(0.001)
        second.cancel()
        await asyncio.wait([second])
        is_free.set()
        await first
        bridge.threads.shutdown()
        return [*bridge.waiting]

    assert asyncio.run(ask_and_leave()) == []
