"""What the accepting thread answers itself, over real sockets: the same as ever, whatever clients and PostgreSQL do meanwhile."""

import contextlib
import json
import os
import shlex
import signal
import socket
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction

from accounts.models import LimitWindow
from licensing import tokens
from licensing.models import License, Session
from lockence.express import DURABLE_LINES
from tests import factories
from tests.api.runtime.conftest import Program
from tests.servers import STOP_SECONDS_MAX, Server, database_url, serve
from tests.threads import at_once, wait_until_somebody_waits
from tests.wire import answers, head

SECONDS_MAX = 20
SMALL = "small server"
THREADS = 2
CONNECTED_MAX = 40
# Each thread has one, and the accepting thread has several.
CONNECTIONS = THREADS + 1 + DURABLE_LINES


@pytest.fixture
def small_server(transactional_db: None) -> Iterator[Server]:
    with serve_small() as server:
        yield server


@contextlib.contextmanager
def serve_small(*options: str) -> Iterator[Server]:
    environment = {
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": str(THREADS),
        "PGAPPNAME": SMALL,
        "GUNICORN_CMD_ARGS": shlex.join(["--worker-connections", str(CONNECTED_MAX), *options]),
    }
    with serve(database_url(), send_buffer_bytes=4_096, **environment) as server:
        yield server


@pytest.fixture
def program(small_server: Server) -> Program:
    """A program on a device that is known, to a server that has made all its connections."""
    program = Program(small_server, factories.make_license())
    program.init()
    make_all_connections(program)
    return program


def make_all_connections(program: Program) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while len(backends()) != CONNECTIONS and time.monotonic() < deadline:
        program.init()
        program.validate()
        at_once([program.variables] * THREADS)
    assert len(backends()) == CONNECTIONS


def backends() -> list[int]:
    """Return PostgreSQL's processes that serve the server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [SMALL])
        return [pid for (pid,) in cursor.fetchall()]


@contextlib.contextmanager
def no_thread_free(program: Program) -> Iterator[None]:
    """Hold all threads with calls that wait for a lock: whatever is answered meanwhile, the accepting thread answers."""
    floating = factories.make_license(program.license.application, sessions_max=1)
    held = [threading.Thread(target=Program(program.client, floating).init) for _ in range(THREADS)]
    with transaction.atomic():
        License.objects.select_for_update().get(pk=floating.pk)
        for thread in held:
            thread.start()
        wait_until_somebody_waits(THREADS)
        yield
    for thread in held:
        thread.join(SECONDS_MAX)


@pytest.fixture
def wire(small_server: Server) -> Iterator[socket.socket]:
    with small_server.socket() as wire:
        yield wire


def written(program: Program, call: str, **fields: object) -> bytes:
    known = {"api_key": program.api_key, "session_token": program.session_token}
    body = json.dumps(known | fields).encode()
    return head(call, f"Content-Length: {len(body)}") + body


def test_whoever_is_known_needs_no_thread(program: Program) -> None:
    with no_thread_free(program):
        answers = [program.init(), program.validate(), program.heartbeat(), program.logout()]
        refusals = [program.validate(), program.heartbeat(), program.validate(api_key="unknown")]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.json()["code"] for answer in refusals] == [
        "session_ended",
        "session_ended",
        "invalid_api_key",
    ]


def test_an_access_log_takes_none_either(transactional_db: None, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    form = "%(h)s %(r)s %(s)s %(B)s %(L)s %({host}i)s %({x-request-id}o)s"
    with serve_small("--access-logfile", str(log), "--access-logformat", form) as server:
        program = Program(server, factories.make_license())
        program.init()
        make_all_connections(program)
        with no_thread_free(program):
            answered = program.validate()
            refused = program.heartbeat(session_token=str(uuid.uuid4()))
        lines = log.read_text().splitlines()

    for response in (answered, refused):
        [line] = [line for line in lines if line.endswith(response["X-Request-ID"])]
        address, method, path, _http, status, length, seconds, host, _id = line.split()
        assert (address, method, host) == ("127.0.0.1", "POST", f"127.0.0.1:{server.port}")
        assert path == ("/api/v1/validate" if response is answered else "/api/v1/heartbeat")
        assert (int(status), int(length)) == (response.status_code, len(response.content))
        assert 0 < float(seconds) < SECONDS_MAX


def test_nor_does_whoever_has_gone(program: Program) -> None:
    with no_thread_free(program):
        answers = [program.validate() for _ in range(CONNECTED_MAX + 1)]

    assert {answer.status_code for answer in answers} == {200}


def test_who_is_to_be_counted_takes_a_thread(program: Program) -> None:
    """Refusals of init count as failures, and devices are bound under a lock: neither is done without a thread, nor left out."""
    License.objects.update(devices_max=2)

    assert program.init(hwid="another").status_code == 200
    assert program.init(hwid="a third").json()["code"] == "hwid_mismatch"
    assert program.init(license_key="unknown").json()["code"] == "license_not_found"
    assert list(LimitWindow.objects.values_list("hits", flat=True)) == [2]


def test_a_request_may_come_in_pieces(program: Program, wire: socket.socket) -> None:
    with no_thread_free(program):
        for byte in written(program, "validate"):
            wire.sendall(bytes([byte]))
        [answered] = answers(wire, 1)

    assert answered.status_code == 200


def test_many_requests_come_on_one_connection(program: Program, wire: socket.socket) -> None:
    with no_thread_free(program):
        for call in ("validate", "heartbeat", "init"):
            wire.sendall(written(program, call, license_key=program.license_key, hwid=program.hwid))
            [answered] = answers(wire, 1)
            assert (answered.status_code, answered["Connection"]) == (200, "keep-alive")


def test_requests_that_do_not_wait_for_each_other_are_answered_in_order(
    program: Program, wire: socket.socket
) -> None:
    nonces = ["0123456789abcdef", "fedcba9876543210"]
    wire.sendall(written(program, "validate", nonce=nonces[0]))
    wire.sendall(written(program, "heartbeat", nonce=nonces[1]))

    assert [answer.json()["nonce"] for answer in answers(wire, 2)] == nonces


def test_the_next_request_may_have_begun_already(program: Program, wire: socket.socket) -> None:
    following = written(program, "heartbeat")
    wire.sendall(written(program, "validate") + following[:20])
    time.sleep(0.1)
    wire.sendall(following[20:])

    assert [answer.json()["message"] for answer in answers(wire, 2)] == [
        "Session is valid",
        "Heartbeat received",
    ]


def test_the_next_request_may_arrive_with_the_last_ones_row(
    program: Program, wire: socket.socket
) -> None:
    with stopped_until_its_row_is_there(program, wire):
        wire.sendall(written(program, "validate"))

    assert [answer.json()["message"] for answer in answers(wire, 2)] == [
        "Heartbeat received",
        "Session is valid",
    ]


def test_who_has_said_all_is_answered_and_harms_nobody(
    program: Program, wire: socket.socket
) -> None:
    with program.client.socket() as other:
        with stopped_until_its_row_is_there(program, wire):
            wire.shutdown(socket.SHUT_WR)
        assert answers(wire, 1)[0].json()["message"] == "Heartbeat received"

        other.sendall(written(program, "validate"))
        assert answers(other, 1)[0].status_code == 200


@contextlib.contextmanager
def stopped_until_its_row_is_there(program: Program, wire: socket.socket) -> Iterator[None]:
    """Send a heartbeat, and stop the server until PostgreSQL has answered and the block has ended: it sees both at once."""
    processes = program.client.process.pid
    with contextlib.ExitStack() as cleanup:
        with transaction.atomic():
            lock_session(program)
            wire.sendall(written(program, "heartbeat"))
            wait_until_somebody_waits()
            os.killpg(processes, signal.SIGSTOP)
            cleanup.callback(os.killpg, processes, signal.SIGCONT)
        wait_until_nothing_is_asked()
        yield


def lock_session(program: Program) -> None:
    digest = tokens.session_token_digest(uuid.UUID(program.session_token))
    Session.objects.select_for_update().get(token_digest=digest)


def wait_until_nothing_is_asked() -> None:
    statement = "SELECT FROM pg_stat_activity WHERE application_name = %s AND state = 'active'"
    with connection.cursor() as cursor:
        while cursor.execute(statement, [SMALL]).fetchone() is not None:
            time.sleep(0.01)


def test_who_goes_before_the_answer_harms_nobody(program: Program) -> None:
    for _ in range(20):
        with program.client.socket() as gone:
            gone.sendall(written(program, "heartbeat"))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert program.validate().status_code == 200


def test_an_answer_that_no_socket_holds_arrives_whole(program: Program) -> None:
    License.objects.update(metadata={"text": "x" * 15_000})
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        slow.connect(("127.0.0.1", program.client.port))
        slow.sendall(written(program, "validate"))
        [answered] = answers(slow, 1)

    assert len(answered.json()["metadata"]["text"]) == 15_000


def test_a_locked_row_holds_up_nobody_else(program: Program) -> None:
    """The heartbeat waits for its row; who comes after it does not wait with it."""
    other = Program(program.client, factories.make_license(program.license.application))
    other.init()
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock_session(program)
        beating = pool.submit(program.heartbeat)
        wait_until_somebody_waits()

        assert [other.validate().status_code for _ in range(5)] == [200] * 5
    assert beating.result().status_code == 200


def test_a_restart_of_postgresql_costs_no_answer(program: Program) -> None:
    before = backends()
    with connection.cursor() as cursor:
        for pid in before:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert [program.validate().status_code, program.init().status_code] == [200, 200]
    make_all_connections(program)
    with no_thread_free(program):
        assert program.validate().status_code == 200
    assert not set(before) & set(backends())


def test_a_server_that_stops_answers_what_it_has_begun(program: Program) -> None:
    wires = [program.client.socket() for _ in range(20)]
    with contextlib.ExitStack() as cleanup:
        for wire in wires:
            cleanup.enter_context(wire).sendall(written(program, "validate"))
            answers(wire, 1)
        for wire in wires:
            wire.sendall(written(program, "heartbeat"))
        program.client.process.terminate()

        assert {answers(wire, 1)[0].status_code for wire in wires} == {200}


def test_a_server_that_stops_waits_for_nobody_who_asks_nothing(
    program: Program, wire: socket.socket
) -> None:
    # It has been accepted when a later one is answered.
    program.validate()
    program.client.process.terminate()

    assert program.client.process.wait(STOP_SECONDS_MAX) == 0
