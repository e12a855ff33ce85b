"""What the ways not taken would cost: the figures in docs/decisions. `python -m bench.alternatives [QUESTION …]`.

Each question has one way that was taken, told first, and others. All take their turns in every round, so that whatever else the
machine does meets all alike; what counts is the ratio to the way taken, in the same round.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import servers
from bench.database import own_database

ROOT = Path(__file__).resolve().parent.parent
# The walls, which stay, come last.
QUESTIONS = ("preparing", "connections", "adaptor", "signing", "walls")


def main() -> None:
    options = _options()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockence-bench-"))
        database = stack.enter_context(own_database(os.environ["DATABASE_URL"]))
        environment = servers.environment(database.url)
        for command in (
            ["bench.seed", folder, str(options.licenses)],
            ["bench.ways", folder, str(options.rounds), str(options.calls), *options.questions],
        ):
            subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.alternatives", description=__doc__)
    parser.add_argument(
        "questions", nargs="*", metavar="QUESTION", help=f"of {', '.join(QUESTIONS)}; default: all"
    )
    parser.add_argument("--rounds", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--calls", type=int, default=40, help="in each turn; default: %(default)s")
    parser.add_argument("--licenses", type=int, default=10_000, help="default: %(default)s")
    options = parser.parse_args()
    options.questions = options.questions or [*QUESTIONS]
    if unknown := set(options.questions) - set(QUESTIONS):
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
