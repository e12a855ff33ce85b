"""Real servers for tests: gunicorn and Granian as ops/ has them, on free ports, with the test database.

What the server is to see must be committed: ask for `transactional_db` beside `server`, or for `db` where it sees nothing.
"""

import contextlib
import ctypes
import dataclasses
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10
ANSWER_SECONDS_MAX = 20
# <linux/prctl.h>
PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class Response:
    """What tests ask of Django's test responses, for an answer that came over the network."""

    status_code: int
    headers: http.client.HTTPMessage
    content: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def json(self) -> Any:
        return json.loads(self.content)


@dataclasses.dataclass(frozen=True)
class Server:
    """A running gunicorn, or Granian; `post` and `get` are those of Django's test client."""

    port: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Response:
        return self.request("GET", path, None, headers)

    def post(
        self, path: str, data: str | bytes, content_type: str = "application/json"
    ) -> Response:
        return self.request("POST", path, data, {"Content-Type": content_type})

    def request(
        self, method: str, path: str, body: str | bytes | None, headers: dict[str, str]
    ) -> Response:
        with contextlib.closing(self.connection()) as http_connection:
            encoded = body.encode() if isinstance(body, str) else body
            http_connection.request(method, path, encoded, headers)
            return read_response(http_connection.getresponse())

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS_MAX)

    def socket(self) -> socket.socket:
        """Open a connection for those who write their bytes themselves."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS_MAX)

    def logged(self) -> str:
        """Return what the server and the site wrote to standard error so far."""
        return Path(self.log.name).read_text(errors="replace")


def read_response(response: http.client.HTTPResponse) -> Response:
    return Response(response.status, response.headers, response.read())


@contextlib.contextmanager
def serve(
    database_url: str, *, send_buffer_bytes: int | None = None, **environment: str
) -> Iterator[Server]:
    """Run gunicorn on a database until the block ends; `environment` are more variables for it.

    With `send_buffer_bytes` its sockets hold about so much of what clients have not read.
    """
    # Bound here and handed over: nobody else can take the port in between.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if send_buffer_bytes is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        command = [sys.executable, "-m", "gunicorn", "--config", "ops/gunicorn.conf.py"]
        environment = {"BIND": f"fd://{listener.fileno()}", **environment}
        with _run([*command, "lockence.wsgi"], database_url, listener, environment) as server:
            # From now on a server that died refuses connections instead of letting them wait.
            listener.close()
            _wait_until_it_answers(server)
            yield server


@contextlib.contextmanager
def serve_granian(database_url: str, **environment: str) -> Iterator[Server]:
    """Run Granian on a database until the block ends; `environment` are more variables for it."""
    # It takes no socket from others, only the number of a port that was free a moment ago.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bound = {"BIND": f"127.0.0.1:{listener.getsockname()[1]}", "PYTHON": sys.executable}
        running = _run(["ops/granian"], database_url, listener, {**bound, **environment})
        with running as server:
            listener.close()
            _wait_until_it_answers(server)
            yield server


@contextlib.contextmanager
def _run(
    command: list[str], database_url: str, listener: socket.socket, environment: dict[str, str]
) -> Iterator[Server]:
    with contextlib.ExitStack() as cleanup:
        log = cleanup.enter_context(tempfile.NamedTemporaryFile(prefix="server-", suffix=".log"))
        port = listener.getsockname()[1]
        environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "PORT": str(port),
            "INIT_FAILURES_MAX": str(10**9),
            # A crowd on a busy machine waits, and is not sent away.
            "WEB_WAIT_MS": "0",
            **environment,
        }
        # Each server collects its own metrics, and removes their folder when it ends.
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            pass_fds=[listener.fileno()] if "fd://" in environment["BIND"] else [],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        cleanup.callback(_stop, process)
        yield Server(port, process, log)


def database_url() -> str:
    """Return the address of the test database, as DATABASE_URL has it."""
    facts = connection.settings_dict
    user, password, host = (quote(facts[name], safe="") for name in ("USER", "PASSWORD", "HOST"))
    who = f"{user}:{password}@" if password else f"{user}@" if user else ""
    where = f"{host}:{facts['PORT']}" if facts["PORT"] else host
    return f"postgres://{who}{where}/{facts['NAME']}"


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Server]:
    """The site under gunicorn, once for all tests that ask; it stops before the test database is dropped."""
    # pytest-django makes the database only when some test says that it needs one.
    assert "test_" in connection.settings_dict["NAME"], "ask for db or transactional_db as well"
    with serve(database_url()) as running:
        yield running


@pytest.fixture(scope="session")
def granian(django_db_setup: None) -> Iterator[Server]:
    """The site under Granian, likewise."""
    assert "test_" in connection.settings_dict["NAME"], "ask for db or transactional_db as well"
    with serve_granian(database_url()) as running:
        yield running


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while server.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if server.get("/healthz").status_code == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"The server did not start:\n{server.logged()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Not gunicorn's quick shutdown: a worker that is told to quit while it hands a request to its threads hangs for ever.
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_with_parent() -> None:
    """In the child: be told to stop when the tests are killed (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
