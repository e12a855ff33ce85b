"""What issuing many keys takes: `./dev bench keys [COUNT]` (bench/issuing.py)."""

import os
import subprocess
import sys
from pathlib import Path

from bench import servers
from bench.database import own_database

ROOT = Path(__file__).resolve().parent.parent


def main(count: str = "100000") -> None:
    with own_database(os.environ["DATABASE_URL"]) as database:
        command = [sys.executable, "-m", "bench.issuing", count]
        environment = servers.environment(database.url)
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
