"""Clients that speak to the client API by each way that it is served, all of them in the test's own transaction."""

import asyncio
import contextlib
import json
import select
from collections.abc import Iterator
from concurrent.futures import Future
from selectors import DefaultSelector
from typing import Any
from urllib.parse import quote

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.http import HttpResponse
from django.test import Client
from django.test.client import FakePayload

from api.runtime import answers
from api.runtime.requests import BODY_MAX_BYTES
from licensing.pipeline import Pipeline
from lockence import plain_http
from lockence.bridge import Bridge
from lockence.event_loop import Site
from lockence.express import Express
from lockence.fast_lane import Environ, FastLane, Response, call_of

SECONDS_MAX = 20


class FastLaneClient(Client):
    """Speaks to the WSGI adaptor in front of Django's handler, as gunicorn does, and not to the DRF views."""

    lane = FastLane(lambda environ, start_response: [])

    def request(self, **request: Any) -> HttpResponse:
        environ = self._base_environ(**request)
        if call_of(environ) is None:
            return super().request(**request)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        body = b"".join(self.lane(environ, lambda *start: started.append(start)))
        return _http_response(*started[0], body)


class ExpressClient(FastLaneClient):
    """Speaks to what gunicorn's accepting thread does itself, as far as it takes the call."""

    def request(self, **request: Any) -> HttpResponse:
        environ = self._base_environ(**request)
        body = environ["wsgi.input"].read()
        plain = _read(environ, body)
        answered: list[Response] = []
        if plain is not None and plain.call in answers.STEPWISE:
            with shared_pipeline() as pipeline:
                express = Express(self.lane, _Unwatched())
                _put_on_all_lines(pipeline, express)
                express.begin(plain, answered.append, lambda: None)
                while len(pipeline):
                    select.select([pipeline], [], [], SECONDS_MAX)
                    express.lines[0].read(None)
        if answered:
            return _http_response(*answered[0])
        return super().request(**request | {"wsgi.input": FakePayload(body)})


class AsgiClient(FastLaneClient):
    """Speaks to the ASGI application, on an event loop for each request."""

    def request(self, **request: Any) -> HttpResponse:
        environ = self._base_environ(**request)
        if call_of(environ) is None or environ["REQUEST_METHOD"] != "POST":
            # No business of the loop's.
            return super().request(**request)
        with shared_pipeline() as pipeline:
            answering = self._messages(environ, environ["wsgi.input"].read(), pipeline)
            start, *pieces = asyncio.run(answering)
        headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        return _http_response(
            str(start["status"]), headers, b"".join(piece["body"] for piece in pieces)
        )

    async def _messages(
        self, environ: Environ, body: bytes, pipeline: "SharedPipeline"
    ) -> list[dict[str, Any]]:
        """Send a request, and return the messages that answer it."""
        loop = asyncio.get_running_loop()

        def in_a_thread(environ: Environ, start_response: Any) -> Any:
            asyncio.run_coroutine_threadsafe(_leave(pipeline), loop).result(SECONDS_MAX)
            connections[DEFAULT_DB_ALIAS] = pipeline.wrapper
            try:
                return self.lane(environ, start_response)
            finally:
                del connections[DEFAULT_DB_ALIAS]

        sent: list[dict[str, Any]] = []
        bridge = Bridge(in_a_thread, threads=1, silence_seconds_max=SECONDS_MAX)
        site = Site(self.lane, bridge)
        _put_on_all_lines(pipeline, site.express)
        await site(scope_of(environ), receiving(body), sending(sent))
        site.close()
        bridge.threads.shutdown()
        return sent


async def _leave(pipeline: Pipeline) -> None:
    asyncio.get_running_loop().remove_reader(pipeline.fileno())
    pipeline.leave()


def scope_of(environ: Environ) -> dict[str, Any]:
    """Write a request as a server of ASGI tells it."""
    path = environ["PATH_INFO"].encode("latin-1")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": path.decode(errors="replace"),
        "raw_path": quote(path, safe="/!$&'()*+,;=:@~").encode(),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": [
            (
                name.removeprefix("HTTP_").replace("_", "-").lower().encode(),
                value.encode("latin-1", "replace"),
            )
            for name, value in environ.items()
            if _is_header(name, value)
        ],
        "client": (environ["REMOTE_ADDR"], 1),
        "server": (environ["SERVER_NAME"], environ["SERVER_PORT"]),
    }


def _is_header(name: str, value: Any) -> bool:
    # Cookies are told of even where there are none.
    return name in {"CONTENT_TYPE", "CONTENT_LENGTH"} or (
        name.startswith("HTTP_") and bool(value or name != "HTTP_COOKIE")
    )


def receiving(*pieces: bytes) -> Any:
    """Return what a body comes by; behind it the client has gone."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


def sending(sent: list[dict[str, Any]]) -> Any:
    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    return send


@contextlib.contextmanager
def shared_pipeline() -> Iterator["SharedPipeline"]:
    """Make a pipeline on the test's connection, which goes on as it was before whatever fails there."""
    connection.ensure_connection()
    connection.inc_thread_sharing()
    pipeline = SharedPipeline(connections[DEFAULT_DB_ALIAS])
    try:
        yield pipeline
    finally:
        pipeline.leave()
        connection.dec_thread_sharing()


class SharedPipeline(Pipeline):
    def __init__(self, wrapper: Any) -> None:
        self.wrapper = wrapper
        self.has_savepoint = wrapper.in_atomic_block
        self.is_left = self.has_failed = False
        if self.has_savepoint:
            wrapper.connection.execute("SAVEPOINT pipeline")
        super().__init__(wrapper)

    def leave(self) -> None:
        if self.is_left:
            return
        self.is_left = True
        super().leave()
        if self.has_savepoint:
            does = "ROLLBACK TO" if self.has_failed else "RELEASE"
            self._connection.execute(f"{does} SAVEPOINT pipeline")

    def close(self) -> None:
        if not len(self):
            return
        self.has_failed = True
        while self._pgconn.get_result() is not None:
            pass
        [[sent]] = self._sent
        self._sent.clear()
        sent.asked.failed()


def _put_on_all_lines(pipeline: Pipeline, express: Express) -> None:
    """One for all: they share the test's transaction."""
    made: Future[Pipeline] = Future()
    made.set_result(pipeline)
    for line in express.lines:
        line.connected(made)


class _Unwatched(DefaultSelector):
    def register(self, *_watched: Any) -> None:
        """Watch nothing."""

    def unregister(self, *_watched: Any) -> None:
        """Nothing was watched."""


def _read(environ: Environ, body: bytes) -> plain_http.PlainRequest | None:
    """Write a request as it comes over the wire, and read it as gunicorn's worker does."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in environ.items()
        if _is_header(name, value)
    }
    headers = {"HOST": f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"} | headers
    lines = [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    written = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body
    with contextlib.suppress(plain_http.IncompleteError):
        return plain_http.read(written, (environ["REMOTE_ADDR"], 1), BODY_MAX_BYTES)
    return None


def _http_response(status: str, headers: list[tuple[str, str]], body: bytes) -> HttpResponse:
    response = HttpResponse(body, status=int(status[:3]), headers=dict(headers))
    response.json = lambda: json.loads(response.content)
    return response


ADAPTORS = {
    "view": Client,
    "lane": FastLaneClient,
    "express": ExpressClient,
    "asgi": AsgiClient,
}
