"""What was measured, as a table for people and as facts for JSON."""

import os
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.load import Load

BARE = "bare view"
HEADINGS = ("call", "conn.", "req/s", "p50 ms", "p99 ms", "web µs", "db µs", "ratio")
_LAYOUT = "{:<10} {:>5} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One segment of load; times are in seconds, None where the system does not tell them."""

    load: Load
    workers_cpu: float | None
    database_cpu: float | None
    machine_cpu: float | None
    load_cpu: float | None
    wall_seconds: float

    def facts(self) -> Facts:
        return {
            "requests": self.load.requests,
            "requests_per_second": self.load.requests / self.load.seconds,
            "p50_ms": self.load.p50_ms,
            "p99_ms": self.load.p99_ms,
            "failures": self.load.failures,
            "worker_cpu_us": self._per_request_us(self.workers_cpu),
            "database_cpu_us": self._per_request_us(self.database_cpu),
            "others_share": self._others_share(),
        }

    def _per_request_us(self, seconds: float | None) -> float | None:
        return None if seconds is None else seconds * 1e6 / self.load.requests

    def _others_share(self) -> float | None:
        """Return how much of all cores went to programs that have nothing to do with the bench."""
        if self.machine_cpu is None or self.workers_cpu is None:
            return None
        ours = self.workers_cpu + (self.database_cpu or 0) + (self.load_cpu or 0)
        return max(0.0, self.machine_cpu - ours) / (self.wall_seconds * (os.cpu_count() or 1))


def pair(call: str, connections: int, round: int, sample: Sample, bare: Sample) -> Facts:
    """Return the facts of one segment on a call beside those of the segment on the bare view just before it."""
    facts, bare_facts = sample.facts(), bare.facts()
    return {
        "call": call,
        "connections": connections,
        "round": round,
        **facts,
        "ratio": facts["requests_per_second"] / bare_facts["requests_per_second"],
        "cpu_ratio": _quotient(bare_facts["worker_cpu_us"], facts["worker_cpu_us"]),
        "bare": bare_facts,
    }


def summary(pairs: Iterable[Facts]) -> list[Facts]:
    """Return for each call and number of connections the median of every fact over the rounds, the bare view first."""
    rows = []
    for connections, group in _by("connections", pairs):
        bare = [{**each["bare"], "ratio": 1.0, "cpu_ratio": 1.0} for each in group]
        rows.append({"call": BARE, "connections": connections, **_medians(bare)})
        for call, rounds in _by("call", group):
            rows.append({"call": call, "connections": connections, **_medians(rounds)})
    return rows


def table(rows: Iterable[Facts]) -> str:
    lines = [_LAYOUT.format(*HEADINGS)]
    lines += [
        _LAYOUT.format(
            row["call"],
            row["connections"],
            f"{row['requests_per_second']:,.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            _whole(row["worker_cpu_us"]),
            _whole(row["database_cpu_us"]),
            f"{row['ratio']:.2f}",
        )
        for row in rows
    ]
    return "\n".join(lines)


def noise(rows: list[Facts]) -> str:
    """Say how much of the machine was not ours: beyond a tenth, ratios tell more about the others than about us."""
    share = _median([row["others_share"] for row in rows])
    return "" if share is None else f"Other programs took {share:.0%} of the cores' time meanwhile."


_MEDIANS = (
    "requests_per_second",
    "p50_ms",
    "p99_ms",
    "worker_cpu_us",
    "database_cpu_us",
    "others_share",
    "ratio",
    "cpu_ratio",
)


def _medians(samples: list[Facts]) -> Facts:
    return {name: _median([sample[name] for sample in samples]) for name in _MEDIANS}


def _median(values: list[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None


def _by(name: str, facts: Iterable[Facts]) -> Iterable[tuple[Any, list[Facts]]]:
    """Group by one fact, in the order in which its values first came."""
    groups: dict[Any, list[Facts]] = {}
    for each in facts:
        groups.setdefault(each[name], []).append(each)
    return groups.items()


def _quotient(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
