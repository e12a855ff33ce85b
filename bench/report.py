"""What was measured, as a table for people and as facts for JSON."""

import os
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.load import Load

BARE = "bare view"
HEADINGS = ("call", "conn.", "req/s", "p50 ms", "p99 ms", "web µs", "db µs", "CPU", "ratio")
_LAYOUT = "{:<10} {:>5} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6} {:>6}"
# A third less than what is kept is more than chance.
FALL_MAX = 1 / 3

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
        "cpu_ratio": _quotient(bare_facts["worker_cpu_us"], _cost(facts)),
        "bare": bare_facts,
    }


def _cost(facts: Facts) -> float | None:
    """Return the CPU time of web and database for one request, which other programs disturb far less than the clock."""
    if facts["worker_cpu_us"] is None:
        return None
    return float(facts["worker_cpu_us"] + (facts["database_cpu_us"] or 0))


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
            _ratio(row["cpu_ratio"]),
            f"{row['ratio']:.2f}",
        )
        for row in rows
    ]
    return "\n".join(lines)


def noise(rows: list[Facts]) -> str:
    """Say how much of the machine was not ours: beyond a tenth, ratios tell more about the others than about us."""
    share = _median([row["others_share"] for row in rows])
    return "" if share is None else f"Other programs took {share:.0%} of the cores' time meanwhile."


def signing(rows: list[Facts], cpu_us: float) -> str:
    """Say what a signature costs, and how much of each call that is."""
    shares = {
        row["call"]: f"{cpu_us / cost:.0%} of {row['call']}"
        for row in rows
        if row["call"] != BARE and (cost := _cost(row))
    }
    told = f": {', '.join(shares.values())}" if shares else ""
    return f"Signing an answer takes {cpu_us:.0f} µs of CPU time{told}."


def falls(rows: list[Facts], kept: Facts) -> list[str]:
    """Name the calls whose CPU ratio fell by more than a third below the one that is kept."""
    return [
        f"{row['call']}: {row['cpu_ratio']:.2f}, and {kept[row['call']]:.2f} is kept"
        for row in rows
        if row["call"] in kept
        and row["cpu_ratio"] is not None
        and row["cpu_ratio"] < kept[row["call"]] * (1 - FALL_MAX)
    ]


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


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
