"""One segment of load on one address: with wrk, or with our own driver where wrk is missing."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WRK = shutil.which("wrk")
ROOT = Path(__file__).resolve().parent.parent
# wrk waits this long for an answer before it counts a timeout.
ANSWER_SECONDS_MAX = 5
# Beyond the segment itself: to start, and to build the requests.
EXTRA_SECONDS_MAX = 60


class LoadError(Exception):
    """The load could not be made, or was not answered as it should."""


@dataclass(frozen=True)
class Load:
    """What came back; `failures` counts answers other than 2xx and 3xx, and broken connections."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failures: int


def drive(
    url: str, bodies: Path, *, start: int, seconds: float, connections: int, driver: str
) -> Load:
    """Post the lines of `bodies` one after the other, from line `start` on, over kept-alive connections."""
    command = {"wrk": _wrk, "python": _python}[driver](url, bodies, start, seconds, connections)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + EXTRA_SECONDS_MAX,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise LoadError(f"{driver} failed: {error}\n{error.stderr or ''}") from error
    [line] = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return Load(**json.loads(line))


def _wrk(url: str, bodies: Path, start: int, seconds: float, connections: int) -> list[str]:
    # One thread of wrk asks for more than two cores can answer.
    options = ["-t1", f"-c{connections}", f"-d{round(seconds)}s"]
    timeout = f"--timeout={ANSWER_SECONDS_MAX}s"
    return [
        WRK or "wrk",
        *options,
        timeout,
        "-s",
        "bench/wrk.lua",
        url,
        "--",
        str(bodies),
        str(start),
    ]


def _python(url: str, bodies: Path, start: int, seconds: float, connections: int) -> list[str]:
    facts = [url, str(bodies), str(start), str(seconds), str(connections)]
    return [sys.executable, "-m", "bench.driver", *facts]
