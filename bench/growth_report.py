"""What grows with the number of licenses, as a table for people and as facts for JSON."""

import statistics
from collections.abc import Iterable

from bench.report import Facts

_LAYOUT = "{:<10} {:>10} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7}"
_HEADINGS = ("call", "licenses", "req/s", "p50 ms", "web µs", "db µs", "ratio", "from", "to")
_PAGE_LAYOUT = "{:<22} {:>10} {:>8} {:>8} {:>7} {:>7}"
_PAGE_HEADINGS = ("page", "licenses", "ms", "CPU ms", "ratio", "of CPU")
_MEDIANS = ("requests_per_second", "p50_ms", "worker_cpu_us", "database_cpu_us")


def summary(segments: Iterable[Facts]) -> list[Facts]:
    """Return for each call and number of licenses the medians over the rounds, and the cost as a ratio to that of the fewest.

    The ratio is the median of those that each round gave by itself; half of them lie between `ratio_from` and `ratio_to`.
    """
    by_place: dict[tuple[str, int], list[Facts]] = {}
    for segment in segments:
        by_place.setdefault((segment["call"], segment["licenses"]), []).append(segment)
    calls = dict.fromkeys(call for call, _licenses in by_place)
    sizes = sorted({licenses for _call, licenses in by_place})
    return [
        _row(call, licenses, by_place[call, licenses], by_place[call, sizes[0]])
        for call in calls
        for licenses in sizes
    ]


def _row(call: str, licenses: int, turns: list[Facts], of_fewest: list[Facts]) -> Facts:
    ratios = sorted(_ratios(turns, of_fewest))
    quarter = len(ratios) // 4
    return {
        "call": call,
        "licenses": licenses,
        **{name: _median([turn[name] for turn in turns]) for name in _MEDIANS},
        "ratio": _median(ratios),
        "ratio_from": ratios[quarter] if ratios else None,
        "ratio_to": ratios[-1 - quarter] if ratios else None,
    }


def table(rows: Iterable[Facts]) -> str:
    lines = [_LAYOUT.format(*_HEADINGS)]
    lines += [
        _LAYOUT.format(
            row["call"],
            f"{row['licenses']:,}",
            f"{row['requests_per_second']:,.0f}",
            f"{row['p50_ms']:.2f}",
            *(_told(row[name], 1) for name in ("worker_cpu_us", "database_cpu_us")),
            *(_told(row[name], 3) for name in ("ratio", "ratio_from", "ratio_to")),
        )
        for row in rows
    ]
    return "\n".join(lines)


def page_summary(times: Iterable[Facts]) -> list[Facts]:
    """Return for each page and number of licenses the least time, and that as a ratio to the least with the fewest licenses."""
    by_place: dict[tuple[str, int], list[Facts]] = {}
    for each in times:
        by_place.setdefault((each["page"], each["licenses"]), []).append(each)
    sizes = sorted({licenses for _page, licenses in by_place})
    rows = []
    for page in dict.fromkeys(page for page, _licenses in by_place):
        least = {size: _least(by_place[page, size], "wall_ms") for size in sizes}
        cpu = {size: _least(by_place[page, size], "cpu_ms") for size in sizes}
        rows += [
            {
                "page": page,
                "licenses": size,
                "wall_ms": least[size],
                "cpu_ms": cpu[size],
                "ratio": least[size] / least[sizes[0]],
                "cpu_ratio": cpu[size] / cpu[sizes[0]],
            }
            for size in sizes
        ]
    return rows


def page_table(rows: Iterable[Facts]) -> str:
    lines = [_PAGE_LAYOUT.format(*_PAGE_HEADINGS)]
    lines += [
        _PAGE_LAYOUT.format(
            row["page"],
            f"{row['licenses']:,}",
            f"{row['wall_ms']:.1f}",
            f"{row['cpu_ms']:.1f}",
            f"{row['ratio']:.2f}",
            f"{row['cpu_ratio']:.2f}",
        )
        for row in rows
    ]
    return "\n".join(lines)


def _least(times: list[Facts], name: str) -> float:
    return float(min(each[name] for each in times))


def _ratios(turns: list[Facts], others: list[Facts]) -> list[float]:
    """Compare each round with the same round of the others; nothing where the system tells no CPU time."""
    return [
        cost / other
        for turn, compared in zip(turns, others, strict=True)
        if (cost := _cost(turn)) and (other := _cost(compared))
    ]


def _cost(turn: Facts) -> float:
    return float((turn["worker_cpu_us"] or 0) + (turn["database_cpu_us"] or 0))


def _median(values: list[float]) -> float | None:
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None


def _told(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
