"""Many programs at once: threads that hold their connections open and send in the same moment."""

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from licensing.models import License
from tests import factories
from tests.api.runtime.conftest import Program
from tests.servers import Response, Server, read_response
from tests.threads import at_once

_Result = TypeVar("_Result")


@dataclasses.dataclass(frozen=True)
class Call:
    """One request that a program is about to send."""

    name: str
    body: dict[str, Any]


class Crowd:
    """As many programs as `size`, each with its own connection to the server."""

    def __init__(self, server: Server, pool: ThreadPoolExecutor) -> None:
        self.server = server
        self.pool = pool
        self.own = threading.local()
        self.cleanup = contextlib.ExitStack()

    def call(self, calls: Sequence[Call]) -> list[Response]:
        """Send all calls at once, each from a thread of its own; answers come in the order of the calls."""
        return self.do([lambda call=call: self.send(call) for call in calls])

    def do(self, acts: Sequence[Callable[[], _Result]]) -> list[_Result]:
        """Run all acts at once, each in a thread of its own, and return what they return."""
        return at_once(acts, self.pool)

    def send(self, call: Call) -> Response:
        """Send one call over the connection that the running thread keeps open."""
        if not hasattr(self.own, "connection"):
            self.own.connection = self.server.connection()
            self.cleanup.callback(self.own.connection.close)
        headers = {"Content-Type": "application/json"}
        path = f"/api/v1/{call.name}"
        self.own.connection.request("POST", path, json.dumps(call.body), headers)
        return read_response(self.own.connection.getresponse())


@contextlib.contextmanager
def crowd(server: Server, size: int) -> Iterator[Crowd]:
    with ThreadPoolExecutor(size) as pool:
        gathered = Crowd(server, pool)
        with gathered.cleanup:
            yield gathered


def inits(license: License, hwids: Sequence[str]) -> list[Call]:
    known = {
        "api_key": factories.api_key_of(license.application),
        "license_key": license.reveal(),
    }
    return [Call("init", {**known, "hwid": hwid}) for hwid in hwids]


def hwids(name: str, count: int) -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


def opened(server: Server, license: License, hwid: str = "device-1") -> Program:
    program = Program(server, license, hwid)
    assert program.init().status_code == 200
    return program


def in_session(name: str, program: Program) -> Call:
    return Call(name, {"api_key": program.api_key, "session_token": program.session_token})


def work(programs: Crowd, start: Call, until: float) -> set[int]:
    """Start, send heartbeats, leave and start again; return every status that was met."""
    statuses = set()
    while time.monotonic() < until:
        answer = programs.send(start)
        statuses.add(answer.status_code)
        if answer.status_code == 200:
            token = answer.json()["session_token"]
            body = {"api_key": start.body["api_key"], "session_token": token}
            for name in ("heartbeat", "validate", "heartbeat", "logout"):
                statuses.add(programs.send(Call(name, body)).status_code)
    return statuses


class Sent:
    """What was answered to calls that were over before an act began, and to those that began when it was done."""

    def __init__(self) -> None:
        self.began_and_ended: list[tuple[float, float, str]] = []
        self.act_began = self.act_ended = float("inf")

    @property
    def before_the_act(self) -> set[str]:
        return {code for _, ended, code in self.began_and_ended if ended < self.act_began}

    @property
    def after_the_act(self) -> set[str]:
        return {code for began, _, code in self.began_and_ended if began > self.act_ended}


def while_calling(programs: Crowd, calls: Sequence[Call], act: Callable[[], object]) -> Sent:
    """Send each call over and over, act meanwhile, and go on sending for a little while."""
    sent = Sent()

    def send(call: Call) -> None:
        for _ in range(1_000):
            began = time.monotonic()
            answer = programs.send(call)
            sent.began_and_ended.append((began, time.monotonic(), answer.json()["code"]))
            if began > sent.act_ended + 0.1:
                return

    def do() -> None:
        while len(sent.began_and_ended) < len(calls):
            time.sleep(0.01)
        sent.act_began = time.monotonic()
        act()
        sent.act_ended = time.monotonic()

    programs.do([do, *(lambda call=call: send(call) for call in calls)])
    return sent
