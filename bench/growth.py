"""What calls and pages cost with few licenses and with many, turn by turn: `./dev bench growth [--licenses 1000,1000000]`.

Two databases of one application each, on one PostgreSQL, each behind a server of its own. Of calls it is the CPU time of web
and database together that counts, which other programs on the machine disturb far less than the clock; of pages the least
time. docs/performance.md has the figures.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import growth_report, load, pages, servers
from bench.database import Database, own_database
from bench.report import Facts
from bench.runner import WARM_UP_CONNECTIONS, Target

ROOT = Path(__file__).resolve().parent.parent
CALLS = ("validate", "heartbeat", "init")
# Until most connections have met most of the rows: to each of them a page is new once, and once more after a checkpoint.
WARM_UP_CALLS_PER_ROW, WARM_UP_SECONDS_MAX = 5, 60


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    # Leave by the way out on which all is cleared away.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with _places(os.environ["DATABASE_URL"], options) as places:
            databases = [_contents(place.target.database) for place in places]
            _warm_up(places, options)
            segments = [*_measured(places, options)]
            page_times = [*_pages(places, options.page_rounds)]
    except (load.LoadError, servers.ServerError) as error:
        sys.exit(str(error))
    rows, page_rows = growth_report.summary(segments), growth_report.page_summary(page_times)
    print(f"\n{growth_report.table(rows)}\n\n{growth_report.page_table(page_rows)}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    facts = {"databases": databases, "calls": rows, "pages": page_rows, "segments": segments}
    options.output.write_text(json.dumps(facts, indent=1))
    print(options.output)
    return 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A seeded database, its server, and the environment in which its secrets can be read."""

    licenses: int
    environment: Mapping[str, str]
    target: Target


@contextlib.contextmanager
def _places(server_url: str, options: argparse.Namespace) -> Iterator[list[Place]]:
    """Fill a database for each number of licenses and start a server on it."""
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockence-bench-"))
        yield [
            _place(stack, server_url, Path(name, str(licenses)), licenses, options)
            for licenses in options.licenses
        ]


def _place(
    stack: contextlib.ExitStack,
    server_url: str,
    folder: Path,
    licenses: int,
    options: argparse.Namespace,
) -> Place:
    database = stack.enter_context(own_database(server_url))
    environment = servers.environment(database.url)
    folder.mkdir()
    began = time.monotonic()
    command = ["bench.multiplying", str(folder), str(licenses), str(options.sample)]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True)
    database.settle()
    print(f"{licenses:,} licenses took {time.monotonic() - began:.0f} s to seed.", flush=True)
    server = stack.enter_context(servers.serve("lockence.wsgi", environment, folder / "server.log"))
    target = Target(database=database, server=server, bodies=folder, driver=options.driver)
    return Place(licenses=licenses, environment=environment, target=target)


def _contents(database: Database) -> Facts:
    [row] = database.connection.execute(_CONTENTS)
    return dict(zip(("licenses", "devices", "open_sessions", "megabytes"), row, strict=True))


def _warm_up(places: list[Place], options: argparse.Namespace) -> None:
    """Let servers and PostgreSQL come to where they are in the middle of a day."""
    for place in places:
        calls = WARM_UP_CALLS_PER_ROW * min(place.licenses, options.sample)
        for call in CALLS:
            done, deadline = 0, time.monotonic() + WARM_UP_SECONDS_MAX
            while done < calls and time.monotonic() < deadline:
                done += place.target.drive(call, WARM_UP_CONNECTIONS, options.seconds).requests
        place.target.database.put_back()


def _measured(places: list[Place], options: argparse.Namespace) -> Iterator[Facts]:
    for number in range(1, options.rounds + 1):
        for call in CALLS:
            # Nobody comes first every time.
            for place in reversed(places) if number % 2 else places:
                sample = place.target.sample(call, options.connections, options.seconds)
                yield {
                    "round": number,
                    "call": call,
                    "licenses": place.licenses,
                    **sample.facts(),
                }
                place.target.assert_ok(call)
        for place in places:
            place.target.database.put_back()
        print(f"Round {number} of {options.rounds} is over.", flush=True)


def _pages(places: list[Place], rounds: int) -> Iterator[Facts]:
    for place in places:
        place.target.database.settle()
    return pages.measured({place.licenses: place.environment for place in places}, rounds)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench growth", description=__doc__)
    parser.add_argument(
        "--licenses", type=_numbers, default=[1_000, 1_000_000], help="default: 1000,1000000"
    )
    parser.add_argument(
        "--sample", type=int, default=20_000, help="licenses that call; default: %(default)s"
    )
    parser.add_argument("--rounds", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=2, help="of load per segment; default: 2")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    parser.add_argument(
        "--page-rounds", type=int, default=20, help="times each page is asked for; default: 20"
    )
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
