"""What an operator is given: the list of switches, backup and restore, the server's settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import servers

ROOT = Path(__file__).resolve().parents[2]


def run_with_database(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script with a PostgreSQL of its own; $FOLDER is a place for files."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    options = ["--temporary", "--", "sh", "-euc", script]
    return subprocess.run(
        [sys.executable, "-m", "lockence.embedded_postgres", *options],
        cwd=ROOT,
        env=environment | {"FOLDER": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_backup_restores_into_an_empty_database_and_into_no_other(tmp_path: Path) -> None:
    script = """
    psql -q $DATABASE_URL -c "CREATE TABLE license AS SELECT 'ABC' AS key"
    psql -q $DATABASE_URL -c "CREATE UNLOGGED TABLE cache AS SELECT 1 AS forgotten"
    ops/backup $FOLDER/dump
    stat -c %a $FOLDER/dump
    psql -q $DATABASE_URL -c "CREATE DATABASE fresh"
    DATABASE_URL=${DATABASE_URL%/*}/fresh
    ops/restore $FOLDER/dump
    psql -qAt $DATABASE_URL -c "SELECT key, (SELECT count(*) FROM cache) FROM license"
    ops/restore $FOLDER/dump || echo refused
    """

    result = run_with_database(script, tmp_path)

    assert result.stdout == "600\nABC|0\nrefused\n", result.stderr
    assert "The database has 2 tables. Restore into an empty one" in result.stderr


def test_a_failed_backup_takes_no_backups_name(tmp_path: Path) -> None:
    result = run_with_database("DATABASE_URL=$DATABASE_URL-gone ops/backup $FOLDER/dump", tmp_path)

    assert result.returncode != 0
    assert not (tmp_path / "dump").exists()


@pytest.mark.parametrize("script", ["backup", "restore"])
def test_without_a_file_it_says_how_to_use_it(script: str) -> None:
    result = subprocess.run([ROOT / "ops" / script], capture_output=True, text=True)

    assert result.returncode == 2
    assert f"ops/{script} FILE" in result.stderr


def test_the_example_has_every_switch_and_no_other() -> None:
    code = "".join(
        (ROOT / path).read_text() for path in ("lockence/settings.py", "ops/gunicorn.conf.py")
    )
    read = set(re.findall(r"(?:env\.\w+|_required|_key_ring)\(\s*[\"']([A-Z_]+)", code))

    offered = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert offered == read


def test_granian_answers_and_takes_its_folder_of_metrics_away(tmp_path: Path) -> None:
    environment = servers.environment("postgres://127.0.0.1:1/nothing") | {"TMPDIR": str(tmp_path)}
    log = tmp_path / "log"

    with servers.serve("lockence.wsgi", environment, log, "granian") as server:
        status, answer = server.post("/api/v1/validate", b"{}")
        folders = [path.name for path in tmp_path.glob("lockence-metrics-*")]

    assert (status, len(folders)) == (400, 1), (answer, server.logged())
    assert not [*tmp_path.glob("lockence-metrics-*")]
