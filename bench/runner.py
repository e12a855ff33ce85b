"""The rounds: each call at each number of connections, straight after the bare view under the same load."""

import itertools
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import load, processes
from bench.database import Database
from bench.report import Facts, Sample, pair
from bench.servers import Server

# Which file of bodies each call is driven with.
CALLS = {"validate": "session", "heartbeat": "session", "init": "init", "logout": "logout"}
BARE_PATH = "/bare"
# Enough for every thread of the workers to open its database connection.
WARM_UP_CONNECTIONS, WARM_UP_SECONDS_MAX = 32, 1


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server to load, the database whose time counts as well, and the bodies that programs post."""

    database: Database
    server: Server
    bodies: Path
    driver: str

    def sample(self, call: str, connections: int, seconds: float, path: str = "") -> Sample:
        """Measure one segment; raises LoadError as soon as one answer is not a 200."""
        before, began = self._cpu(), time.monotonic()
        answered = self.drive(call, connections, seconds, path)
        spent = map(_difference, self._cpu(), before)
        return Sample(answered, *spent, wall_seconds=time.monotonic() - began)

    def drive(self, call: str, connections: int, seconds: float, path: str = "") -> load.Load:
        url = self.server.url(path or _path(call))
        answered = load.drive(
            url,
            self._bodies_of(call),
            # Logging out begins at the top: it is the first time for as many sessions as there are.
            start=0 if call == "logout" else random.randrange(1_000_000),
            seconds=seconds,
            connections=connections,
            driver=self.driver,
        )
        if answered.failures or not answered.requests:
            raise load.LoadError(
                f"{answered.failures} of {answered.requests} answers of {url} were not 200:\n"
                f"{self.server.logged()}"
            )
        return answered

    def assert_ok(self, call: str) -> None:
        """Look into one answer: the load itself counts statuses only."""
        body = self._bodies_of(call).open("rb").readline().strip()
        status, answer = self.server.post(_path(call), body)
        if status != 200 or json.loads(answer).get("success") is not True:
            raise load.LoadError(f"{call} answered {status}: {answer.decode(errors='replace')}")

    def _cpu(self) -> tuple[float | None, float | None, float | None, float]:
        """Return the CPU time so far of workers, database, the whole machine, and the load that was made."""
        load_made = os.times()
        return (
            self.server.cpu_seconds(),
            self.database.cpu_seconds(),
            processes.busy_seconds(),
            load_made.children_user + load_made.children_system,
        )

    def _bodies_of(self, call: str) -> Path:
        return self.bodies / f"{CALLS[call]}.jsonl"


@dataclass(frozen=True, kw_only=True)
class Runner:
    ours: Target
    bare: Target
    calls: Sequence[str]
    connections: Sequence[int]
    rounds: int
    seconds: float

    def run(self) -> Iterator[Facts]:
        """Measure; raises LoadError as soon as one answer is not a 200."""
        self._warm_up()
        plan = itertools.product(range(1, self.rounds + 1), self.connections, self.calls)
        for number, connections, call in plan:
            yield self._pair(call, connections, number)

    def _warm_up(self) -> None:
        seconds = min(WARM_UP_SECONDS_MAX, self.seconds)
        self.bare.drive(self.calls[0], WARM_UP_CONNECTIONS, seconds, BARE_PATH)
        for call in self.calls:
            self.ours.drive(call, WARM_UP_CONNECTIONS, seconds)
        self.ours.database.put_back()

    def _pair(self, call: str, connections: int, number: int) -> Facts:
        # Both get the same bytes: what is compared is the answering.
        bare = self.bare.sample(call, connections, self.seconds, BARE_PATH)
        ours = self.ours.sample(call, connections, self.seconds)
        facts = pair(call, connections, number, ours, bare)
        database = self.ours.database
        if call == "logout":
            facts["fresh_share"] = min(1, database.count_ended_sessions() / ours.load.requests)
        self.ours.assert_ok(call)
        database.put_back()
        return facts


def _path(call: str) -> str:
    return f"/api/v1/{call}"


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
