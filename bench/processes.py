"""CPU time and memory of other processes, from /proc (Linux; elsewhere there is none to tell)."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
# Fields of /proc/<pid>/stat, counted from 0 behind the process's name (proc(5) counts from 1, name included).
_PARENT, _USER_TICKS, _SYSTEM_TICKS = 1, 11, 12
# Fields of the first line of /proc/stat, from 0 behind its name; what guests took is in the user's field already.
_IDLE, _WAITING, _GUEST = 3, 4, 8


def children_of(pid: int) -> list[int]:
    numbers = [int(path.name) for path in _PROC.glob("[0-9]*")]
    return [number for number in numbers if _parent_of(number) == pid]


def cpu_seconds(pids: Iterable[int]) -> float | None:
    """Return the user and system time of these processes together; None where it is not told."""
    stats = [stat for pid in pids if (stat := _stat(pid))]
    if not stats:
        return None
    ticks = sum(int(stat[_USER_TICKS]) + int(stat[_SYSTEM_TICKS]) for stat in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


def scheduled_seconds(pid: int) -> float:
    """Return the CPU time of a process's first thread to the nanosecond, where the others count ticks of 10 ms; 0 where it is not told."""
    with contextlib.suppress(OSError):
        return int((_PROC / str(pid) / "schedstat").read_text().split()[0]) / 1e9
    return 0.0


def busy_seconds() -> float | None:
    """Return how long all cores together have been busy since the machine started, hypervisor's share included."""
    with contextlib.suppress(OSError):
        first = (_PROC / "stat").read_text().partition("\n")[0].split()
        ticks = [int(field) for field in first[1:]]
        return (sum(ticks[:_GUEST]) - ticks[_IDLE] - ticks[_WAITING]) / os.sysconf("SC_CLK_TCK")
    return None


def memory_mb(pid: int) -> float | None:
    """Return the proportional set size, in which what processes share counts in shares; None where it is not told."""
    with contextlib.suppress(OSError):
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
        [kilobytes] = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
        return int(kilobytes) / 1024
    return None


def name_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "comm").read_text().strip()
    return ""


def _parent_of(pid: int) -> int:
    stat = _stat(pid)
    return int(stat[_PARENT]) if stat else 0


def _stat(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        # The name stands in brackets and may hold anything, brackets and spaces included.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []
