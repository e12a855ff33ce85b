"""./dev bench growth compares what it says it does; how much dearer a call becomes, is no test's business."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.multiplying import FIRST
from tests.servers import ROOT, database_url

pytestmark = pytest.mark.django_db
FEW, MANY = 30, FIRST + 40
PAGES = {"overview", "license list", "its next page", "search by name", "search by key end"}


def test_calls_and_pages_are_measured_with_few_licenses_and_with_many(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    little = ["--rounds", "1", "--seconds", "0.2", "--connections", "2", "--driver", "python"]
    little += ["--page-rounds", "1"]
    sizes = ["--licenses", f"{FEW},{MANY}", "--sample", "60"]

    done = subprocess.run(
        [sys.executable, "-m", "bench.growth", *sizes, *little, "--output", str(output)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), "WEB_THREADS": "2"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(output.read_text())
    for database, count in zip(result["databases"], (FEW, MANY), strict=True):
        assert database["licenses"] == database["devices"] == database["open_sessions"] == count
    assert [(row["call"], row["licenses"]) for row in result["calls"]] == [
        (call, count) for call in ("validate", "heartbeat", "init") for count in (FEW, MANY)
    ]
    assert [row["ratio"] for row in result["calls"][::2]] == [1, 1, 1]
    assert all(segment["failures"] == 0 for segment in result["segments"])
    assert {row["licenses"] for row in result["pages"]} == {FEW, MANY}
    assert {row["page"] for row in result["pages"]} > PAGES
    assert all(row["wall_ms"] > 0 and row["cpu_ms"] > 0 for row in result["pages"])
