"""./dev bench measures what it says it does; how fast the machine is, is no test's business."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench import load, report
from bench.runner import CALLS
from tests.servers import ROOT, Server, database_url

# The test database itself stays as it is; its server is where the bench makes its own.
pytestmark = pytest.mark.django_db

needs_wrk = pytest.mark.skipif(load.WRK is None, reason="wrk is not installed")
DRIVERS = ["python", pytest.param("wrk", marks=needs_wrk)]
FACTS = {"requests_per_second", "p50_ms", "p99_ms", "worker_cpu_us", "ratio"}


def run_bench(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", "--quick", "--rounds", "1", "--licenses", "30"]
    environment = {**os.environ, "DATABASE_URL": database_url(), "WEB_THREADS": "2"}
    return subprocess.run(
        [*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def result_of(output: Path, *options: str) -> dict[str, Any]:
    done = run_bench("--output", str(output), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(output.read_text())


def databases_of_the_bench() -> list[str]:
    with psycopg.connect(database_url()) as connection:
        names = connection.execute("SELECT datname FROM pg_database").fetchall()
    return [name for (name,) in names if name.startswith("lockence_bench")]


def test_each_call_is_measured_beside_the_bare_view_and_answers_200(tmp_path: Path) -> None:
    options = ("--driver", "python", "--seconds", "0.2", "--connections", "2")

    result = result_of(tmp_path / "out.json", *options)

    assert [pair["call"] for pair in result["pairs"]] == [*CALLS]
    for sample in [*result["pairs"], *(pair["bare"] for pair in result["pairs"])]:
        assert sample["requests"] > 0
        assert sample["failures"] == 0
    assert [row["call"] for row in result["summary"]] == ["bare view", *CALLS]
    assert all(row.keys() > FACTS for row in result["summary"])
    assert not databases_of_the_bench()


@needs_wrk
def test_wrk_makes_the_load_where_it_is_installed(tmp_path: Path) -> None:
    result = result_of(tmp_path / "out.json", "--only", "validate", "--connections", "1")

    [pair] = result["pairs"]
    assert result["driver"] == "wrk"
    assert pair["requests"] > 0
    assert pair["failures"] == 0


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_answer_that_is_not_200_counts_as_a_failure(
    server: Server, tmp_path: Path, driver: str
) -> None:
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text('{"api_key": "lck_pk_wrong"}\n')

    refused = load.drive(
        f"{server.url}/api/v1/validate", bodies, start=0, seconds=1, connections=1, driver=driver
    )

    assert refused.requests > 0
    assert refused.failures == refused.requests


def test_an_unknown_call_is_refused_before_anything_starts() -> None:
    done = run_bench("--only", "validate,verify")

    assert done.returncode == 2
    assert "no such call: verify" in done.stderr


def test_granian_is_measured_by_the_same_calls(tmp_path: Path) -> None:
    options = ("--driver", "python", "--seconds", "0.2", "--connections", "2", "--only", "validate")

    result = result_of(tmp_path / "out.json", "--server", "granian", *options)

    assert result["server"] == "granian"
    assert result["pairs"][0]["failures"] == 0
    assert result["signing_cpu_us"] > 0


def test_a_ratio_that_fell_by_more_than_a_third_is_named() -> None:
    rows = [{"call": "validate", "cpu_ratio": 0.3}, {"call": "init", "cpu_ratio": 0.15}]

    assert report.falls(rows, {"validate": 0.4, "init": 0.2}) == []
    assert report.falls(rows, {"validate": 0.46}) == ["validate: 0.30, and 0.46 is kept"]


def test_a_baseline_that_is_not_reached_fails_the_bench(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"validate": 1000}')
    options = ("--driver", "python", "--seconds", "0.2", "--connections", "1", "--only", "validate")

    done = run_bench("--baseline", str(baseline), "--output", str(tmp_path / "out.json"), *options)

    assert done.returncode == 1
    assert "validate" in done.stderr


def test_under_twice_the_load_it_tells_who_was_answered_and_who_was_refused(tmp_path: Path) -> None:
    result = result_of(tmp_path / "out.json", "--overload", "--seconds", "0.5")

    assert result["capacity_per_second"] > 0
    assert result["calls"].keys() == {"validate", "heartbeat", "init", "page"}
    for call in result["calls"].values():
        assert call["asked"] == call["answered"] + call["refused"] > 0
    calls = [call["answered"] for name, call in result["calls"].items() if name != "page"]
    assert result["all_calls"]["answered"] == sum(calls)
