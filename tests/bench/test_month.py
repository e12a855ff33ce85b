"""The figures of docs/performance.md that are not of one call can be had again, too."""

import os
import subprocess
import sys

import pytest

from tests.servers import ROOT, database_url

pytestmark = pytest.mark.django_db
LICENSES, DAYS, KEPT_DAYS = 3, 30, 7


def run(module: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_over_a_month_no_more_sessions_stay_than_are_kept() -> None:
    days = [line.split() for line in run("bench.month", str(LICENSES))[-DAYS:]]

    assert [int(day[0]) for day in days] == list(range(1, DAYS + 1))
    # Those of today and of yesterday, and those that have been over for no longer than they are kept.
    assert [int(day[1]) for day in days[KEPT_DAYS + 2 :]] == [LICENSES * (KEPT_DAYS + 2)] * 21


def test_issuing_is_told_for_few_keys_and_for_many() -> None:
    few, many = run("bench.keys", "20")

    assert few.split()[:2] == ["2", "keys:"]
    assert many.split()[:2] == ["20", "keys:"]
