"""`./dev bench --overload`: twice as many calls as can be answered come at a steady pace, however long the answers take.

First the most that is answered is found out with no limit on waiting; then calls come at a quarter of that pace, and at twice
that pace, to a server with the usual limit. What counts: the 99th percentile of what is answered against that of a quiet time,
how soon the rest are refused, and who is refused.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import servers
from bench.load import EXTRA_SECONDS_MAX, LoadError

ROOT = Path(__file__).resolve().parent.parent
# Of a hundred requests: what programs do all day, with some starts, ends and visitors among it.
SHARES = {"validate": 42, "heartbeat": 42, "init": 15, "page": 1}
PAGE_PATH = "/docs/quickstart.md"
PATHS = {call: f"/api/v1/{call}" for call in ("validate", "heartbeat", "init")} | {
    "page": PAGE_PATH
}
QUIET, TWICE = 0.25, 2.0
WARM_UP_SECONDS = 2
_LAYOUT = "{:<10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>12} {:>12}"
_HEADINGS = (
    "twice",
    "asked",
    "answered",
    "refused",
    "p50 ms",
    "p99 ms",
    "quiet p99 ms",
    "refused p99",
)

Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Overload:
    bodies: Path
    seconds: float
    unlimited: servers.Server
    limited: servers.Server

    def facts(self) -> Facts:
        """Measure; raises LoadError when anything is answered with neither what was asked for nor a refusal."""
        self._drive(self.unlimited, 0, WARM_UP_SECONDS)
        capacity = _per_second(self._drive(self.unlimited, 0, self.seconds))
        self._drive(self.limited, capacity * QUIET, WARM_UP_SECONDS)
        quiet = self._drive(self.limited, capacity * QUIET, self.seconds)
        # A burst passes, so the first moments are not what stands.
        self._drive(self.limited, capacity * TWICE, WARM_UP_SECONDS)
        twice = self._drive(self.limited, capacity * TWICE, self.seconds)
        return {
            "capacity_per_second": capacity,
            "quiet": quiet,
            "twice": twice,
            "calls": {name: _call(*_of(PATHS[name], quiet, twice)) for name in SHARES},
            "all_calls": _call(quiet["posts"], twice["posts"]),
        }

    def _drive(self, server: servers.Server, rate: float, seconds: float) -> Facts:
        command = [
            sys.executable,
            "-m",
            "bench.open_loop",
            str(server.port),
            str(seconds),
            str(rate),
        ]
        done = subprocess.run(
            [*command, *self._streams()],
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=seconds + EXTRA_SECONDS_MAX,
        )
        facts: Facts = json.loads(done.stdout)
        odd = {status for told in facts["answers"].values() for status in told} - {"200", "503"}
        if odd or facts["broken"] or facts["unanswered"]:
            raise LoadError(f"The server answered {sorted(odd)}: {facts}\n{server.logged()}")
        return facts

    def _streams(self) -> Iterator[str]:
        files = {"validate": "session", "heartbeat": "session", "init": "init"}
        for name, share in SHARES.items():
            if name in files:
                yield f"{share},POST,{PATHS[name]},{self.bodies / files[name]}.jsonl"
            else:
                yield f"{share},GET,{PATHS[name]},-"


@contextlib.contextmanager
def servers_of(
    environment: Mapping[str, str], folder: Path, server: str
) -> Iterator[tuple[servers.Server, servers.Server]]:
    """Run the site without and with its usual limit on waiting."""
    usual = {name: value for name, value in environment.items() if name != "WEB_WAIT_MS"}
    with (
        servers.serve("lockence.wsgi", environment, folder / "unlimited.log", server) as unlimited,
        servers.serve("lockence.wsgi", usual, folder / "limited.log", server) as limited,
    ):
        yield unlimited, limited


def table(facts: Facts) -> str:
    lines = [_LAYOUT.format(*_HEADINGS)]
    for name, call in {**facts["calls"], "all calls": facts["all_calls"]}.items():
        lines.append(
            _LAYOUT.format(
                name,
                call["asked"],
                call["answered"],
                call["refused"],
                *(_ms(call[key]) for key in ("p50_ms", "p99_ms", "quiet_p99_ms", "refused_p99_ms")),
            )
        )
    return "\n".join(lines)


def _of(path: str, *driven: Facts) -> Iterator[Facts]:
    return (facts["answers"].get(path, {}) for facts in driven)


def _call(then: Facts, now: Facts) -> Facts:
    answered, refused = now.get("200", {}), now.get("503", {})
    return {
        "asked": answered.get("count", 0) + refused.get("count", 0),
        "answered": answered.get("count", 0),
        "refused": refused.get("count", 0),
        "p50_ms": answered.get("p50_ms"),
        "p99_ms": answered.get("p99_ms"),
        "quiet_p99_ms": then.get("200", {}).get("p99_ms"),
        "refused_p99_ms": refused.get("p99_ms"),
    }


def _per_second(facts: Facts) -> float:
    counts = [
        told["count"] for by_status in facts["answers"].values() for told in by_status.values()
    ]
    return float(sum(counts) / facts["seconds"])


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def run(environment: Mapping[str, str], folder: Path, server: str, seconds: float) -> Facts:
    with servers_of(environment, folder, server) as (unlimited, limited):
        return Overload(
            bodies=folder, seconds=seconds, unlimited=unlimited, limited=limited
        ).facts()


def told(facts: Facts) -> Sequence[str]:
    return [
        f"{facts['capacity_per_second']:,.0f} requests a second are answered at most; twice as many came.",
        table(facts),
    ]
