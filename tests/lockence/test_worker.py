"""gunicorn refuses calls when too many wait, while no thread is free, and waits for nobody meanwhile."""

import contextlib
import gc
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from gunicorn.workers import gthread

from lockence import plain_http
from lockence.worker import ThreadWorker
from tests import factories
from tests.api.runtime.conftest import Program
from tests.servers import Response, Server, database_url, serve

WAIT_MS = 25
THREADS = 2
SECONDS_MAX = 20
LAST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def call(name: str, body: bytes, *headers: str) -> bytes:
    lines = (f"POST /api/v1/{name} HTTP/1.1", "Host: 127.0.0.1", *headers)
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def body_of(program: Program) -> bytes:
    return json.dumps({"api_key": program.api_key, "session_token": program.session_token}).encode()


@pytest.fixture
def small_server(transactional_db: None) -> Iterator[Server]:
    environment = {"WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS)}
    few = 4_096
    with serve(
        database_url(), send_buffer_bytes=few, WEB_WAIT_MS=str(WAIT_MS), **environment
    ) as server:
        yield server


@pytest.fixture
def program(small_server: Server) -> Program:
    program = Program(small_server, factories.make_license(sessions_max=100))
    assert program.init().status_code == 200
    return program


class Held:
    """Calls that hold every thread, for they wait for a row that the test has locked: sessions are counted under its lock."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.answers: list[Response] = []
        self.threads: list[threading.Thread] = []

    def call(self) -> None:
        thread = threading.Thread(target=lambda: self.answers.append(self.program.init()))
        self.threads.append(thread)
        thread.start()


@contextlib.contextmanager
def all_threads_held(program: Program) -> Iterator[Held]:
    held = Held(program)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM licensing_license WHERE id = %s FOR UPDATE", [program.license.pk]
        )
        # Two more than there are threads: those wait, and are seen to.
        for _ in range(THREADS + 2):
            held.call()
        yield held
    for thread in held.threads:
        thread.join(SECONDS_MAX)


def refused(server: Server, request: bytes, connection: socket.socket) -> bool:
    """Send a call; tell whether it was refused, and leave it waiting for a thread when nothing came."""
    connection.settimeout(0.3)
    connection.sendall(request)
    with contextlib.suppress(TimeoutError):
        return connection.recv(65_536).startswith(b"HTTP/1.1 503 ")
    return False


def first_refusal(server: Server, request: bytes, cleanup: contextlib.ExitStack) -> socket.socket:
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        connection = cleanup.enter_context(server.socket())
        if refused(server, request, connection):
            return connection
    pytest.fail("Nothing was refused")


def test_while_no_thread_is_free_calls_are_refused_and_few_wait(
    small_server: Server, program: Program
) -> None:
    variables = call("variables", body_of(program))
    with contextlib.ExitStack() as cleanup, all_threads_held(program) as held:
        first_refusal(small_server, variables, cleanup)

        crowd = [cleanup.enter_context(small_server.socket()) for _ in range(30)]
        answers = [refused(small_server, variables, connection) for connection in crowd]

        assert all(answers)
    # Those who were let in before were only slow.
    assert [answer.status_code for answer in held.answers] == [200] * (THREADS + 2)
    assert program.validate().status_code == 200


def test_while_no_thread_is_free_sessions_are_validated_and_kept(
    small_server: Server, program: Program
) -> None:
    with all_threads_held(program), contextlib.ExitStack() as cleanup:
        first_refusal(small_server, call("variables", body_of(program)), cleanup)

        answers = [program.validate(), program.heartbeat(), program.logout()]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_a_refusal_is_signed_and_leaves_the_connection_open(
    small_server: Server, program: Program
) -> None:
    variables = call("variables", body_of(program))
    with contextlib.ExitStack() as cleanup, all_threads_held(program):
        connection = first_refusal(small_server, variables, cleanup)

        connection.sendall(variables)
        answer = connection.recv(65_536)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    for line in (b"Retry-After: 5", b"X-Request-ID: ", b"Date: ", b"Connection: keep-alive"):
        assert b"\r\n" + line in head
    assert b'tag="lockence-instance-v1"' in head
    assert json.loads(body)["code"] == "temporarily_unavailable"
    assert b"Content-Length: %d" % len(body) in head


def test_nobody_waits_for_a_client_that_stops_in_the_middle(
    small_server: Server, program: Program
) -> None:
    variables = call("variables", body_of(program))
    with contextlib.ExitStack() as cleanup, all_threads_held(program):
        first_refusal(small_server, variables, cleanup)

        halves = [cleanup.enter_context(small_server.socket()) for _ in range(3)]
        for half in halves:
            half.sendall(variables[:-10])
        other = cleanup.enter_context(small_server.socket())

        assert refused(small_server, variables, other)


def test_nobody_waits_for_a_client_that_does_not_hang_up(
    small_server: Server, program: Program
) -> None:
    with contextlib.ExitStack() as cleanup:
        # Waiting for one after the other would take longer than anybody waits for an answer.
        crowd = [cleanup.enter_context(small_server.socket()) for _ in range(20)]
        for connection in crowd:
            connection.sendall(LAST)
        for connection in crowd:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")

        assert program.validate().status_code == 200


def test_a_connection_is_closed_whether_its_client_does_so_or_not(
    small_server: Server, program: Program
) -> None:
    with small_server.socket() as connection:
        connection.sendall(LAST)
        while connection.recv(65_536):
            pass

        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            ask_on_and_on(connection, LAST)


def test_who_never_reads_refusals_is_hung_up_on(small_server: Server, program: Program) -> None:
    variables = call("variables", body_of(program))
    with contextlib.ExitStack() as cleanup, all_threads_held(program):
        first_refusal(small_server, variables, cleanup)
        deaf = cleanup.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        deaf.connect(("127.0.0.1", small_server.port))

        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            ask_on_and_on(deaf, variables)


def ask_on_and_on(connection: socket.socket, request: bytes) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        connection.sendall(request)
        time.sleep(0.06)


def test_there_is_room_for_one_more_however_many_lie_idle(transactional_db: None) -> None:
    few = {"WEB_CONCURRENCY": "1", "GUNICORN_CMD_ARGS": "--worker-connections 8"}
    with serve(database_url(), **few) as server, contextlib.ExitStack() as cleanup:
        for _ in range(12):
            idle = cleanup.enter_context(server.socket())
            idle.sendall(PLAIN)
            assert idle.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_a_probe_is_never_refused(small_server: Server, program: Program) -> None:
    variables = call("variables", body_of(program))
    with contextlib.ExitStack() as cleanup:
        probe = cleanup.enter_context(small_server.socket())
        with all_threads_held(program):
            first_refusal(small_server, variables, cleanup)
            probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

        assert probe.recv(65_536).startswith(b"HTTP/1.1 200 ")


class ReadyAtOnce:
    """A selector that finds everything ready, in the order in which it was registered."""

    def __init__(self, *files: object) -> None:
        self.read: list[object] = []
        self.events = [
            (selectors.SelectorKey(file, 0, selectors.EVENT_READ, self.read.append), 1)  # type: ignore[arg-type]
            for file in files
        ]

    def select(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        return list(self.events)


def test_who_has_waited_for_a_row_comes_before_who_asks() -> None:
    worker = ThreadWorker.__new__(ThreadWorker)
    worker.express, worker.looked_at, worker.incomplete, worker.hung_up = None, 0.0, (), ()
    with socket.socket() as client, socket.socket() as other:
        worker.poller = ReadyAtOnce(client, "a pipeline", other)

        worker.wait_for_and_dispatch_events(0)

        assert worker.poller.read == ["a pipeline", client, other]


def test_what_is_loaded_is_not_looked_through_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gthread.ThreadWorker, "load_wsgi", lambda worker: None)
    worker = ThreadWorker.__new__(ThreadWorker)
    worker.wsgi = None
    try:
        worker.load_wsgi()

        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


PLAIN = call("validate", b"{}", "Content-Type: application/json", "X-Forwarded-For: 192.0.2.1")


def read(arrived: bytes) -> plain_http.PlainRequest | None:
    return plain_http.read(arrived, ("192.0.2.7", 1), 1_000)


def test_a_plain_call_is_read() -> None:
    request = read(PLAIN)

    assert request is not None
    assert request.call == "validate"
    assert request.environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"
    assert request.environ["REMOTE_ADDR"] == "192.0.2.7"
    assert request.environ["wsgi.input"].read() == b"{}"


def test_the_beginning_of_a_plain_call_may_become_one() -> None:
    for length in range(len(PLAIN)):
        with pytest.raises(plain_http.IncompleteError):
            read(PLAIN[:length])


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1",
        b"POST /api/v1/" + bytes(5_000),
        PLAIN + b"P",
        PLAIN.replace(b"Content-Length: 2", b"Content-Length: 1001"),
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b"POST", b"GET"),
        PLAIN.replace(b"/api/v1/validate", b"/api/v1/validate?x"),
        PLAIN.replace(b"/api/v1/validate", b"/api/v1/licenses/1/suspend"),
        PLAIN.replace(b"/api/v1/validate", b"/api/v1/licenses"),
        PLAIN.replace(b"Host: 127.0.0.1\r\n", b""),
        PLAIN.replace(b"192.0.2.1", b"192.0.2.1" * 500),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"Transfer-Encoding: chunked"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"Content-Length: 3"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"Expect: 100-continue"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"Connection: close"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"Host: other"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b" folded"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"Odd : header"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"X_Odd: header"),
        PLAIN.replace(b"X-Forwarded-For: 192.0.2.1", b"X-Odd: a\nb"),
        PLAIN.replace(b"Content-Length: 2", b"Content-Length: +2"),
        PLAIN.replace(b"Content-Length: 2", b"Content-Length: \xb2"),
        PLAIN.replace(b"Content-Length: 2\r\n", b""),
    ],
)
def test_what_is_less_plain_is_left_to_the_servers_own_parser(request_: bytes) -> None:
    assert read(request_) is None
