"""gunicorn or Granian as production has them (ops/), for Lockence and for the bare view, on free ports of 127.0.0.1."""

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bench import processes
from lockence import secrets_env

ROOT = Path(__file__).resolve().parent.parent
SERVERS = ("gunicorn", "granian")
# What each application is called where the server speaks ASGI.
_ASGI = {"lockence.wsgi": "lockence.asgi", "bench.bare": "bench.bare_asgi"}
CONFIG = "ops/gunicorn.conf.py"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ServerError(Exception):
    """A server did not start."""


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Post JSON once and return status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()

    def logged(self) -> str:
        return self.log.read_text(errors="replace")

    def cpu_seconds(self) -> float | None:
        """Return the user and system time that the workers took so far."""
        return processes.cpu_seconds(self._workers())

    def memory_mb(self) -> float | None:
        """Return the proportional set size of one worker, the largest."""
        return max(filter(None, map(processes.memory_mb, self._workers())), default=None)

    def _workers(self) -> list[int]:
        return processes.children_of(self.process.pid)


@contextlib.contextmanager
def serve(
    application: str, environment: Mapping[str, str], log: Path, server: str = "gunicorn"
) -> Iterator[Server]:
    """Run a server until the block ends."""
    start = _granian if server == "granian" else _gunicorn
    with log.open("wb") as file:
        started = Server(*start(application, environment, file), log)
    try:
        _wait_until_it_answers(started)
        yield started
    finally:
        _stop(started.process)


def _gunicorn(
    application: str, environment: Mapping[str, str], file: BinaryIO
) -> tuple[int, subprocess.Popen[bytes]]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        # Bound here and handed over: nobody else can take the port in between.
        descriptor, port = listener.fileno(), listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--config", CONFIG, application]
        bound = {**environment, "BIND": f"fd://{descriptor}"}
        return port, _start(command, bound, file, descriptor)


def _granian(
    application: str, environment: Mapping[str, str], file: BinaryIO
) -> tuple[int, subprocess.Popen[bytes]]:
    # It takes no socket from others, only the number of a port that was free a moment ago.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    bound = {**environment, "BIND": f"127.0.0.1:{port}", "PYTHON": sys.executable}
    return port, _start(["ops/granian", _ASGI[application]], bound, file)


def _start(
    command: list[str], environment: Mapping[str, str], file: BinaryIO, *descriptors: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=file,
        stderr=file,
        preexec_fn=_end_with_parent,
    )


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while server.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.post("/", b"{}")
            return
        time.sleep(0.05)
    raise ServerError(f"The server did not start:\n{server.logged()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Not SIGQUIT, gunicorn's quick shutdown: it can hang.
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_with_parent() -> None:
    """In the child: be told to stop when the bench ends in any way, SIGKILL included (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def environment(database_url: str) -> dict[str, str]:
    """Return the environment in which Lockence runs as in production, whatever the developer's own says."""
    secrets = (line.rstrip().partition("=") for line in secrets_env.fresh_lines().values())
    ours = {
        **{name: value for name, _, value in secrets},
        "DATABASE_URL": database_url,
        "DEVELOPMENT": "0",
        "DEBUG": "0",
        "SITE_URL": "http://127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXIES": "",
        "LOG_LEVEL": "WARNING",
        # What is measured is answering, not refusing.
        "WEB_WAIT_MS": "0",
    }
    inherited = dict(os.environ)
    # Each server collects metrics of its own, and each brings settings of its own.
    for name in ("PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE"):
        inherited.pop(name, None)
    return {**inherited, **ours}
