"""`./dev bench`: the client calls under load, each in turn with a bare Django view on the same server settings.

Loads 127.0.0.1 only, for the seconds that were asked for, and ends what it started. docs/performance.md has the method.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import load, overload, report, servers
from bench.database import Database, own_database
from bench.runner import CALLS, Runner, Target

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    server_url = os.environ.get("DATABASE_URL")
    if not server_url:
        sys.exit("DATABASE_URL is not set: ./dev bench starts a PostgreSQL and sets it.")
    # Leave by the way out on which all is cleared away.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if options.overload:
        return _overload(server_url, options)
    try:
        with _runner(server_url, options) as runner:
            pairs = [*_told(runner.run(), options)]
            facts = {
                **_circumstances(options),
                "postgresql": runner.ours.database.version(),
                "worker_memory_mb": runner.ours.server.memory_mb(),
                **_signing(),
            }
    except (load.LoadError, servers.ServerError) as error:
        sys.exit(str(error))
    rows = report.summary(pairs)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({**facts, "summary": rows, "pairs": pairs}, indent=1))
    print(f"\n{report.table(rows)}\n\n{report.signing(rows, facts['signing_cpu_us'])}")
    if facts["worker_memory_mb"]:
        print(
            f"The largest worker takes {facts['worker_memory_mb']:.0f} MB (proportional set size)."
        )
    print(f"{report.noise(rows)}\n{options.output}")
    return _judged(rows, options.baseline)


def _overload(server_url: str, options: argparse.Namespace) -> int:
    with _seeded(server_url, options) as (folder, _database, environment):
        try:
            facts = overload.run(environment, folder, options.server, options.seconds)
        except (load.LoadError, servers.ServerError) as error:
            sys.exit(str(error))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({**_circumstances(options), **facts}, indent=1))
    print("\n".join((*overload.told(facts), str(options.output))))
    return 0


def _judged(rows: list[report.Facts], baseline: Path | None) -> int:
    fallen = report.falls(rows, json.loads(baseline.read_text())) if baseline else []
    for line in fallen:
        print(f"Slower by more than a third: {line}", file=sys.stderr)
    return 1 if fallen else 0


@contextlib.contextmanager
def _seeded(
    server_url: str, options: argparse.Namespace
) -> Iterator[tuple[Path, Database, Mapping[str, str]]]:
    """Fill a database of our own, and clear it away in the end."""
    with (
        tempfile.TemporaryDirectory(prefix="lockence-bench-") as name,
        own_database(server_url) as database,
    ):
        folder = Path(name)
        environment = servers.environment(database.url)
        print(f"Seeding {options.licenses:,} licenses and twice as many sessions …", flush=True)
        _seed(folder, options.licenses, environment)
        database.settle()
        yield folder, database, environment


@contextlib.contextmanager
def _runner(server_url: str, options: argparse.Namespace) -> Iterator[Runner]:
    """Start both servers on a seeded database, and clear all of it away in the end."""
    with contextlib.ExitStack() as stack:
        folder, database, environment = stack.enter_context(_seeded(server_url, options))
        ours, bare = (
            Target(
                database=database,
                server=stack.enter_context(
                    servers.serve(
                        application, environment, folder / f"{application}.log", options.server
                    )
                ),
                bodies=folder,
                driver=options.driver,
            )
            for application in ("lockence.wsgi", "bench.bare")
        )
        yield Runner(
            ours=ours,
            bare=bare,
            calls=options.only,
            connections=options.connections,
            rounds=options.rounds,
            seconds=options.seconds,
        )


def _seed(folder: Path, licenses: int, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "bench.seed", str(folder), str(licenses)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _signing() -> dict[str, float]:
    command = [sys.executable, "-m", "bench.signing"]
    done = subprocess.run(
        command, cwd=ROOT, env=servers.environment(""), check=True, capture_output=True
    )
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def _told(pairs: Iterator[report.Facts], options: argparse.Namespace) -> Iterator[report.Facts]:
    """Say what comes as it comes: minutes without a word look like a program that hangs."""
    for pair in pairs:
        where = f"round {pair['round']}/{options.rounds}, {pair['connections']} connections"
        print(f"{where}: {pair['call']} {pair['ratio']:.2f}", flush=True)
        yield pair


def _circumstances(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "server": options.server,
        "driver": options.driver,
        "licenses": options.licenses,
        "rounds": options.rounds,
        "seconds": options.seconds,
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 second, 8 connections")
    parser.add_argument(
        "--overload", action="store_true", help="twice as many calls as can be answered, instead"
    )
    parser.add_argument("--rounds", type=int, help="default: 5")
    parser.add_argument("--seconds", type=float, help="of load per segment; default: 2")
    parser.add_argument("--connections", type=_numbers, help="default: 1,8,32")
    parser.add_argument("--only", type=_calls, default=[*CALLS], help="calls; default: all four")
    parser.add_argument("--licenses", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument(
        "--driver",
        choices=("wrk", "python"),
        default="wrk" if load.WRK else "python",
        help="default: wrk where it is installed, else our own",
    )
    parser.add_argument(
        "--server", choices=servers.SERVERS, default="gunicorn", help="default: %(default)s"
    )
    parser.add_argument(
        "--baseline", type=Path, help="fail when a CPU ratio fell by more than a third below it"
    )
    now = dt.datetime.now(dt.UTC)
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / f"var/bench/{now:%Y%m%d-%H%M%S}.json",
        help="default: %(default)s",
    )
    options = parser.parse_args(arguments)
    usual = (3, 1.0, [8]) if options.quick else (5, 2.0, [1, 8, 32])
    options.rounds = options.rounds or usual[0]
    options.seconds = options.seconds or usual[1]
    if options.driver == "wrk":
        # It counts whole seconds only.
        options.seconds = max(1, round(options.seconds))
    options.connections = options.connections or usual[2]
    return options


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _calls(text: str) -> list[str]:
    calls = text.split(",")
    if unknown := set(calls) - set(CALLS):
        raise argparse.ArgumentTypeError(f"no such call: {', '.join(sorted(unknown))}")
    return calls


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
