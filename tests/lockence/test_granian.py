"""Granian as ops/granian starts it: what the loop answers itself, whatever clients and PostgreSQL do meanwhile, and how it stops."""

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from licensing.models import License
from lockence.express import DURABLE_LINES
from tests import factories, people
from tests.api.runtime.conftest import Program
from tests.servers import STOP_SECONDS_MAX, Server, database_url, serve, serve_granian
from tests.threads import at_once, wait_until_somebody_waits
from tests.wire import answer, head

SECONDS_MAX = 20
THREADS = 2
# The loop has several, and the thread that answers the first init has one.
CONNECTIONS = 2 + DURABLE_LINES
SMALL = "small granian"
SITE_URL = "http://127.0.0.1"
SILENCE_SECONDS = 1
WAIT_MS = 25


@pytest.fixture
def small_granian(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[Server]:
    environment = {
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": str(THREADS),
        "WEB_SILENCE_SECONDS": str(SILENCE_SECONDS),
        "SITE_URL": SITE_URL,
        "PGAPPNAME": SMALL,
        **getattr(request, "param", {}),
    }
    with serve_granian(database_url(), **environment) as server:
        yield server


@pytest.fixture
def program(small_granian: Server) -> Program:
    """A program on a device that is known, to a server that has made its lines."""
    program = Program(small_granian, factories.make_license(metadata={"text": "x" * 9_000}))
    program.init()
    wait_until_it_needs_no_thread()
    return program


def wait_until_it_needs_no_thread() -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while len(backends()) < CONNECTIONS and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(backends()) >= CONNECTIONS


def backends() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [SMALL])
        return [pid for (pid,) in cursor.fetchall()]


@contextlib.contextmanager
def held_threads(program: Program, more: int = 0) -> Iterator[list[int]]:
    """Hold all threads with calls that wait for a lock, and have more wait for them; tell what they are answered."""
    floating = factories.make_license(program.license.application, sessions_max=100)
    held_by = Program(program.client, floating)
    answers: list[int] = []

    def hold() -> None:
        answers.append(held_by.init().status_code)

    held = [threading.Thread(target=hold) for _ in range(THREADS + more)]
    with transaction.atomic():
        License.objects.select_for_update().get(pk=floating.pk)
        for thread in held:
            thread.start()
        wait_until_somebody_waits(THREADS)
        yield answers
    for thread in held:
        thread.join(SECONDS_MAX)


def written(program: Program, call: str, path: str = "") -> bytes:
    body = json.dumps({"api_key": program.api_key, "session_token": program.session_token})
    return head(call, f"Content-Length: {len(body)}", path=path) + body.encode()


def test_whoever_is_known_needs_no_thread(program: Program) -> None:
    with held_threads(program):
        answers = [program.init(), program.validate(), program.heartbeat(), program.logout()]
        refusals = [program.validate(), program.validate(api_key="unknown")]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.json()["code"] for answer in refusals] == ["session_ended", "invalid_api_key"]


def test_it_answers_as_gunicorn_does(program: Program) -> None:
    odd = (
        b"",
        b"{",
        b"x" * 17_000,
        json.dumps({"api_key": program.api_key, "session_token": "1"}).encode(),
    )
    with serve(database_url(), WEB_CONCURRENCY="1", SITE_URL=SITE_URL) as gunicorn:
        for server in (gunicorn, program.client):
            program.client = server
            told = [told_by(program.validate()), told_by(program.heartbeat())]
            for path in ("validate", "init", "variables", "nothing"):
                told += [told_by(server.post(f"/api/v1/{path}", body)) for body in odd]
            if server is gunicorn:
                expected = told

    assert told == expected


def told_by(response: object) -> object:
    """What is the same at any time, and from any server."""
    members = response.json()
    for changing in ("server_time", "expires_at"):
        members.pop(changing, None)
    headers = {name.lower() for name in response.headers}
    return response.status_code, members, headers - {"server", "connection", "date"}


def test_a_body_that_comes_slowly_holds_no_thread(program: Program, small_granian: Server) -> None:
    requests = [written(program, "validate"), written(program, "nothing", "/accounts/login/")]
    with contextlib.ExitStack() as cleanup:
        slow = [cleanup.enter_context(small_granian.socket()) for _ in range(2 * THREADS)]
        for number, wire in enumerate(slow):
            wire.sendall(requests[number % 2][:-1])

        assert at_once([program.variables] * THREADS)[0].status_code == 200
        slow[0].sendall(requests[0][-1:])
        assert answer(slow[0]).status_code == 200
        refused = answer(slow[2])

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert "could not be read" in refused.json()["message"]


def test_who_goes_before_the_answer_harms_nobody(program: Program, small_granian: Server) -> None:
    for _ in range(20):
        with small_granian.socket() as gone:
            gone.sendall(written(program, "heartbeat"))

    assert program.validate().status_code == 200


def test_a_restart_of_postgresql_costs_no_answer(program: Program) -> None:
    before = backends()
    with connection.cursor() as cursor:
        for pid in before:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert [program.validate().status_code, program.init().status_code] == [200, 200]
    wait_until_it_needs_no_thread()
    with held_threads(program):
        assert program.validate().status_code == 200
    assert not set(before) & set(backends())


def test_a_locked_row_holds_up_nobody_else(program: Program) -> None:
    other = Program(program.client, factories.make_license(program.license.application))
    other.init()
    answers: list[int] = []
    beating = threading.Thread(target=lambda: answers.append(program.heartbeat().status_code))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM licensing_session FOR UPDATE")
        beating.start()
        wait_until_somebody_waits()

        assert [other.validate().status_code for _ in range(5)] == [200] * 5
    beating.join(SECONDS_MAX)
    assert answers == [200]


@pytest.mark.parametrize("small_granian", [{"WEB_WAIT_MS": str(WAIT_MS)}], indirect=True)
def test_while_no_thread_is_free_calls_are_refused_at_once(
    program: Program, small_granian: Server
) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    with held_threads(program, more=2) as let_in, contextlib.ExitStack() as cleanup:
        refused = None
        while refused is None and time.monotonic() < deadline:
            wire = cleanup.enter_context(small_granian.socket())
            wire.settimeout(0.3)
            wire.sendall(written(program, "variables"))
            with contextlib.suppress(TimeoutError):
                refused = answer(wire)
        crowd = [program.variables() for _ in range(20)]
        known = [program.validate().status_code, program.heartbeat().status_code]
    page, probe = small_granian.get("/api/v1/applications"), small_granian.get("/healthz")

    assert refused is not None
    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
    assert (refused["Retry-After"], refused["Connection"]) == ("5", None)
    assert 'tag="lockence-instance-v1"' in refused["Signature-Input"]
    assert {answer.status_code for answer in crowd} == {503}
    assert known == [200, 200]
    assert let_in == [200] * (THREADS + 2)
    assert (page.status_code, probe.status_code) == (503, 200)


def test_who_is_signed_in_exports_many_licenses(
    program: Program, small_granian: Server, developer: User
) -> None:
    application = factories.make_application(factories.make_team(developer))
    factories.make_licenses(application, 3_500)
    browser = Client()
    people.sign_in(browser, developer)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    path = reverse("licenses-export", args=[application.pk])

    export = small_granian.get(path, Cookie=cookie)

    assert (export.status_code, export["Transfer-Encoding"]) == (200, "chunked")
    assert len(export.content.splitlines()) == 1 + 3_500
    assert small_granian.get(path).status_code == 302


def test_forwarded_addresses_are_written_with_hyphens_alone(transactional_db: None) -> None:
    with serve_granian(database_url(), TRUSTED_PROXIES="127.0.0.0/8") as server:
        program = Program(server, factories.make_license())
        body = {"api_key": program.api_key, "license_key": program.license_key, "hwid": "1"}
        headers = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.7"}
        server.request(
            "POST", "/api/v1/init", json.dumps(body), {**headers, "X_Forwarded_For": "192.0.2.1"}
        )

    assert program.license.sessions.get().ip_address == "203.0.113.7"


def test_metrics_are_those_of_all_workers(transactional_db: None) -> None:
    with serve_granian(database_url(), WEB_CONCURRENCY="2", METRICS_TOKEN="count") as server:
        program = Program(server, factories.make_license())
        program.init()
        for _ in range(40):
            program.validate()
        text = server.get("/metrics", Authorization="Bearer count").content.decode()

    [count] = re.findall(
        r'^lockence_request_seconds_count\{.*route="api/v1/validate".*\} (\S+)', text, re.MULTILINE
    )
    assert float(count) == 40


def test_it_speaks_http_1_alone(small_granian: Server) -> None:
    with small_granian.socket() as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

        assert not wire.recv(1_000).startswith(b"\0\0")


def test_a_server_that_stops_answers_what_it_has_begun(program: Program) -> None:
    with held_threads(program) as answers:
        program.client.process.terminate()
        time.sleep(0.5)

    assert answers == [200] * THREADS
    assert program.client.process.wait(STOP_SECONDS_MAX) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(program.client.process.pid, 0)


def test_a_server_that_stops_waits_for_nobody_who_asks_nothing(program: Program) -> None:
    with program.client.socket():
        connected = http.client.HTTPConnection("127.0.0.1", program.client.port)
        connected.request("GET", "/healthz")
        connected.getresponse().read()
        program.client.process.terminate()

        assert program.client.process.wait(STOP_SECONDS_MAX) == 0
        connected.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", program.client.port))
