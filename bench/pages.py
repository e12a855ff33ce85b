"""Pages with few licenses and with many, for bench/growth.py: one process for each database (bench/browsing.py), asked in turns."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.load import LoadError
from bench.report import Facts

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Browser:
    """A signed-in developer, and the names of the pages to ask for."""

    process: subprocess.Popen[str]
    pages: list[str]

    def time(self, page: str) -> Facts:
        assert self.process.stdin
        self.process.stdin.write(f"{page}\n")
        self.process.stdin.flush()
        facts: Facts = json.loads(_line_of(self.process))
        return facts


@contextlib.contextmanager
def browser(environment: Mapping[str, str]) -> Iterator[Browser]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.browsing"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # On the way out the pipes are closed, and with its input the process ends.
        yield Browser(process, json.loads(_line_of(process)))


def measured(environments: Mapping[int, Mapping[str, str]], rounds: int) -> Iterator[Facts]:
    """Time each page in each round; raises LoadError when one is not answered with 200."""
    with contextlib.ExitStack() as stack:
        browsers = [
            (licenses, stack.enter_context(browser(environment)))
            for licenses, environment in environments.items()
        ]
        # The first round loads templates, fills caches and plans, and is thrown away.
        for number in range(rounds + 1):
            for page in browsers[0][1].pages:
                for licenses, asked in reversed(browsers) if number % 2 else browsers:
                    facts = asked.time(page)
                    if number:
                        yield {"round": number, "page": page, "licenses": licenses, **facts}


def _line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise LoadError("bench.browsing ended before it told all.")
    return line
