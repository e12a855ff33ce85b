"""The figures of docs/decisions can be had again, and leave nothing behind."""

import os
import re
import subprocess
import sys

import psycopg
import pytest

from bench.alternatives import QUESTIONS
from tests.servers import ROOT, database_url

pytestmark = pytest.mark.django_db


def test_every_way_not_taken_is_compared_with_the_one_taken() -> None:
    command = [sys.executable, "-m", "bench.alternatives"]
    little = ["--rounds", "1", "--calls", "1", "--licenses", "5"]

    done = subprocess.run(
        [*command, *little],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\w+), PostgreSQL", done.stdout, re.MULTILINE) == [*QUESTIONS]
    # A table for each question, and one more for each statement behind the walls.
    assert done.stdout.count("ratio") == len(QUESTIONS) + 3
    with psycopg.connect(database_url()) as connection:
        [(left,)] = connection.execute(
            "SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'bench%')"
            " + (SELECT count(*) FROM pg_database WHERE datname LIKE 'lockence_bench%')"
        )
    assert left == 0


def test_the_decisions_name_questions_that_can_be_asked() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs/decisions").glob("*.md"))

    assert set(re.findall(r"bench\.alternatives (\w+)", pages)) == {*QUESTIONS}
