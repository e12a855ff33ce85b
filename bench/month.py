"""A month of traffic in a minute: do tables stay as large as what goes on? `./dev bench month [PROGRAMS]`.

Each day every license opens a session, beats, and ends the one of the day before; the worker deletes what has been over for a
week (bench/traffic.py).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import servers
from bench.database import own_database

ROOT = Path(__file__).resolve().parent.parent


def main(licenses: str = "1000") -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lockence-bench-") as folder,
        own_database(os.environ["DATABASE_URL"]) as database,
    ):
        environment = servers.environment(database.url)
        for module in (["bench.seed", folder, licenses], ["bench.traffic"]):
            subprocess.run([sys.executable, "-m", *module], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
