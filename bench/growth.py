"""What a call costs with few licenses and with many, turn by turn: `./dev bench growth [--licenses 1000,1000000]`.

Two databases of one application each, on one PostgreSQL, each behind a server of its own. What counts is the CPU time of web
and database together, which other programs on the machine disturb far less than the clock. docs/performance.md has the figures.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import growth_report, load, servers
from bench.database import Database, own_database
from bench.report import Facts
from bench.runner import Target

ROOT = Path(__file__).resolve().parent.parent
CALLS = ("validate", "heartbeat", "init")
# Long enough for every row that is called for to have been touched, and for every connection to have met most of them.
WARM_UP_SHARE = 3


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    # Leave by the way out on which all is cleared away.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with _targets(os.environ["DATABASE_URL"], options) as targets:
            databases = [_contents(target.database) for target in targets.values()]
            segments = [*_measured(targets, options)]
    except (load.LoadError, servers.ServerError) as error:
        sys.exit(str(error))
    rows = growth_report.summary(segments)
    print(f"\n{growth_report.table(rows)}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    facts = {"databases": databases, "calls": rows, "segments": segments}
    options.output.write_text(json.dumps(facts, indent=1))
    print(options.output)
    return 0


@contextlib.contextmanager
def _targets(server_url: str, options: argparse.Namespace) -> Iterator[dict[int, Target]]:
    """Fill a database for each number of licenses and start a server on it."""
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockence-bench-"))
        yield {
            count: _target(stack, server_url, Path(name, str(count)), count, options)
            for count in options.licenses
        }


def _target(
    stack: contextlib.ExitStack,
    server_url: str,
    folder: Path,
    count: int,
    options: argparse.Namespace,
) -> Target:
    database = stack.enter_context(own_database(server_url))
    environment = servers.environment(database.url)
    folder.mkdir()
    began = time.monotonic()
    command = ["bench.multiplying", str(folder), str(count), str(options.sample)]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True)
    database.settle()
    print(f"{count:,} licenses took {time.monotonic() - began:.0f} s to seed.", flush=True)
    server = servers.serve("lockence.wsgi", environment, folder / "server.log")
    return Target(
        database=database,
        server=stack.enter_context(server),
        bodies=folder,
        driver=options.driver,
    )


def _contents(database: Database) -> Facts:
    [row] = database.connection.execute(_CONTENTS)
    return dict(zip(("licenses", "devices", "open_sessions", "megabytes"), row, strict=True))


def _measured(targets: dict[int, Target], options: argparse.Namespace) -> Iterator[Facts]:
    turns = [*targets.items()]
    for number in range(options.rounds + 1):
        for call in CALLS:
            # Nobody comes first every time.
            for count, target in reversed(turns) if number % 2 else turns:
                # The first round warms up, and is thrown away.
                seconds = options.seconds * (1 if number else WARM_UP_SHARE)
                facts = target.sample(call, options.connections, seconds).facts()
                if number:
                    yield {"round": number, "call": call, "licenses": count, **facts}
                target.assert_ok(call)
        for target in targets.values():
            target.database.put_back()
        print(f"Round {number} of {options.rounds} is over." if number else "Warm.", flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench growth", description=__doc__)
    parser.add_argument(
        "--licenses", type=_numbers, default=[1_000, 1_000_000], help="default: 1000,1000000"
    )
    parser.add_argument(
        "--sample", type=int, default=20_000, help="licenses that call; default: %(default)s"
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=3, help="of load per segment; default: 3")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    parser.add_argument(
        "--driver", choices=("wrk", "python"), default="wrk" if load.WRK else "python"
    )
    now = dt.datetime.now(dt.UTC)
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / f"var/bench/growth-{now:%Y%m%d-%H%M%S}.json",
        help="default: %(default)s",
    )
    return parser.parse_args(arguments)


_CONTENTS = """
    SELECT (SELECT count(*) FROM licensing_license), (SELECT count(*) FROM licensing_device),
        (SELECT count(*) FROM licensing_session WHERE ended_at IS NULL AND expires_at > now()),
        pg_database_size(current_database()) / 1048576
"""


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
