"""A program on a customer's machine: what it knows, and how it calls."""

import contextlib
import dataclasses
import json
import select
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from selectors import DefaultSelector
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.client import FakePayload

from api.runtime import answers as answering
from api.runtime.requests import BODY_MAX_BYTES
from licensing.models import Application, License
from licensing.pipeline import Pipeline
from lockence import plain_http
from lockence.express import Express
from lockence.fast_lane import FastLane
from tests import factories
from tests.servers import Response, Server


@dataclasses.dataclass
class Program:
    """Calls the endpoints as a shipped program would; `fields` go into the body, None leaves one out."""

    client: Client | Server
    license: License
    hwid: str = "device-1"
    session_token: str = ""

    def __post_init__(self) -> None:
        self.api_key = factories.api_key_of(self.license.application)
        self.license_key = self.license.reveal()

    def init(self, **fields: Any) -> HttpResponse | Response:
        known = {"api_key": self.api_key, "license_key": self.license_key, "hwid": self.hwid}
        response = self.call("init", known | fields)
        if response.status_code == 200:
            self.session_token = response.json()["session_token"]
        return response

    def validate(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("validate", fields)

    def heartbeat(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("heartbeat", fields)

    def logout(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("logout", fields)

    def consume(self, **fields: Any) -> HttpResponse | Response:
        known = {"entitlement": "pages", "idempotency_key": str(uuid.uuid4())}
        return self._in_session("consume", known | fields)

    def checkout(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("checkout", fields)

    def variables(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("variables", fields)

    def _in_session(self, call: str, fields: dict[str, Any]) -> HttpResponse | Response:
        known = {"api_key": self.api_key, "session_token": self.session_token}
        return self.call(call, known | fields)

    def call(self, call: str, body: dict[str, Any]) -> HttpResponse | Response:
        sent = {name: value for name, value in body.items() if value is not None}
        return self.client.post(
            f"/api/v1/{call}", json.dumps(sent), content_type="application/json"
        )


class FastLaneClient(Client):
    """Speaks to the WSGI adaptor in front of Django's handler, as gunicorn does, and not to the DRF views."""

    lane = FastLane(lambda environ, start_response: [])

    def request(self, **request: Any) -> HttpResponse:
        environ, started = self._base_environ(**request), []
        body = b"".join(self.lane(environ, lambda *start: started.append(start)))
        if not started:
            return super().request(**request)
        [(status_line, headers)] = started
        response = HttpResponse(body, status=int(status_line.split()[0]), headers=dict(headers))
        response.json = lambda: json.loads(response.content)
        return response


class ExpressClient(FastLaneClient):
    """Speaks to what gunicorn's accepting thread does itself, as far as it takes the call: with a pipeline on the test's connection."""

    def request(self, **request: Any) -> HttpResponse:
        environ = self._base_environ(**request)
        body = environ["wsgi.input"].read()
        plain = _read(environ, body)
        answers: list[bytes] = []
        if plain is not None and plain.call in answering.STEPWISE:
            _on_the_express(self.lane, plain, answers.append)
        if answers:
            return _response(answers[0])
        return super().request(**request | {"wsgi.input": FakePayload(body)})


def _read(environ: dict[str, Any], body: bytes) -> plain_http.PlainRequest | None:
    """Write a request as it comes over the wire, and read it as the worker does."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    headers = {"Host": f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"} | headers
    lines = [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    written = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body
    with contextlib.suppress(plain_http.IncompleteError):
        return plain_http.read(written, (environ["REMOTE_ADDR"], 1), BODY_MAX_BYTES)
    return None


def _on_the_express(
    lane: FastLane, plain: plain_http.PlainRequest, told: Callable[[bytes], None]
) -> None:
    connection.ensure_connection()
    express, pipeline = Express(lane, _Unwatched()), Pipeline(connection)
    made: Future[Pipeline] = Future()
    made.set_result(pipeline)
    # One for all lines: they share the test's transaction.
    for line in express.lines:
        line.connected(made)
    try:
        express.begin(plain, told, lambda: None)
        while len(pipeline):
            select.select([pipeline], [], [], 20)
            express.lines[0].read(None)
    finally:
        pipeline.leave()


class _Unwatched(DefaultSelector):
    def register(self, *_watched: Any) -> None:
        """Watch nothing."""


def _response(answer: bytes) -> HttpResponse:
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    for of_the_connection in ("Date", "Connection"):
        del headers[of_the_connection]
    response = HttpResponse(body, status=int(status_line.split()[1]), headers=headers)
    response.json = lambda: json.loads(response.content)
    return response


ADAPTORS = {"view": Client, "lane": FastLaneClient, "express": ExpressClient}


@pytest.fixture(params=ADAPTORS.values(), ids=ADAPTORS)
def client(request: pytest.FixtureRequest) -> Client:
    """All adaptors in turn: whatever is tested here holds for each of them."""
    return request.param()


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def program(application: Application, client: Client) -> Program:
    license = factories.make_license(application, username="Ada", metadata={"tier": "pro"})
    return Program(client, license)


def assert_refused(response: HttpResponse | Response, status: int, code: str, message: str) -> None:
    body = response.json()
    assert (response.status_code, body["code"], body["message"]) == (status, code, message)
    assert body["success"] is False
    assert body["docs"].endswith(f"/docs/errors/{code}/")
