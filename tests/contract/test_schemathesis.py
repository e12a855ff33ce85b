"""Schemathesis calls everything that the OpenAPI document describes, rightly and wrongly: no 5xx, and nothing undocumented."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.description.document import document
from tests import factories
from tests.contract.test_management_page import rows_of
from tests.servers import database_url, serve

# Bad input that a rule refuses and no schema can tell (a name that is taken, an id of nothing) is a 400 as well, so the check
# that everything that looks right is taken is left out.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
SECONDS_MAX = 100
ROWS = {
    "api-keys": "API_KEY",
    "batches": "BATCH",
    "bulk-jobs": "JOB",
    "devices": "DEVICE",
    "invitations": "INVITATION",
    "licenses": "LICENSE",
    "members": "MEMBER",
    "policies": "POLICY",
    "sessions": "SESSION",
    "signing-keys": "NEXT_KEY",
    # Its own would be the end of everything.
    "tokens": "TOKEN",
}


@pytest.mark.timeout(SECONDS_MAX + 60)
@pytest.mark.django_db(transaction=True)
def test_no_call_fails_and_no_answer_is_undocumented(tmp_path: Path) -> None:
    application = factories.make_application(name="Game")
    rows = {name: str(row.pk) for name, row in rows_of(application).items()}
    token = factories.make_token(application, for_the_team=True).text
    (tmp_path / "schemathesis.toml").write_text(config_of(rows))

    with serve(database_url(), MANAGEMENT_CALLS_PER_MINUTE=str(10**6)) as server:
        run = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "run"),
                f"{server.url}/api/v1/schema/",
                f"--url={server.url}",
                f"--header=Authorization: Bearer {token}",
                f"--checks={','.join(CHECKS)}",
                "--phases=examples,coverage,fuzzing,stateful",
                "--max-examples=5",
                f"--max-time={SECONDS_MAX}",
                "--seed=1",
                "--no-shrink",
                "--continue-on-failure",
                "--warnings=off",
                "--no-color",
            ],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "Stateful" in run.stdout


def config_of(rows: dict[str, str]) -> str:
    """Tell schemathesis of rows that are there, or everything would be answered with 404."""
    lines = ["[parameters]", f'"path.application_id" = "{rows["APPLICATION"]}"']
    for path in paths_with_ids():
        noun = re.findall(r"/([\w-]+)/\{id\}", path)[0]
        if noun in ROWS:
            lines += ["[[operations]]", f'include-path = "{path}"']
            lines += [f'parameters = {{ "path.id" = "{rows[ROWS[noun]]}" }}']
    return "\n".join(lines)


def paths_with_ids() -> list[str]:
    paths: dict[str, Any] = json.loads(document())["paths"]
    return [path for path in paths if "{id}" in path]
