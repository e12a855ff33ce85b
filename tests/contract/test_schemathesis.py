"""Schemathesis calls everything that the OpenAPI document describes, rightly and wrongly, in all its phases: no 5xx, and nothing undocumented."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lockence_client import request_code

from api.description.document import document
from api.description.examples import id_of
from licensing import samples
from licensing.models import Application
from tests import factories
from tests.contract.test_management_page import rows_of
from tests.servers import database_url, serve

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
SECONDS_MAX = 600
# All that there are, but for `object_level_authorization`: it compares what two people may do, and
# tests/api/management/test_doors.py does that for every call.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)
# What is as the document says is done, or the state of things is against it, the use of a key of Idempotency-Key before included.
TAKEN = ["2xx", "304", "401", "403", "404", "409", "412", "422", "429"]
REFUSED = ["4xx"]
# Calls that may answer 400 to what is as the document says: they have rules that no schema can tell. What the handbook sends
# them is taken all the same.
RULED = {
    "applications_access_rules_create": "value is judged by kind, and stands on a list once",
    "applications_bulk_jobs_create": "licenses or filter, and expires_at with extend alone",
    "applications_bulk_jobs_from_file": "a file is judged row by row",
    "applications_bulk_jobs_issue": "the policy is one of the application, the end is to come",
    "applications_bulk_jobs_perform": "a dry run is done once it is finished",
    "applications_entitlements_create": "a name is taken once, and period goes with metered",
    "applications_licenses_create": "the policy is one of the application, the end is to come",
    "applications_licenses_change": "the policy is one of the application, the first version comes before the last",
    "applications_licenses_convert": "trials alone, and into a policy of the application",
    "applications_licenses_extend": "the end is to come",
    "applications_licenses_grants_create": "value is judged by the kind of the entitlement",
    "applications_licenses_renew": "by a policy that has a duration",
    "applications_licenses_transfer": "to somebody who has a name or an address",
    "applications_licenses_usage": "the entitlement is a metered one of the license",
    "applications_policies_create": "a name is taken once, and rules go together",
    "applications_policies_change": "a name is taken once, and rules go together",
    "applications_policies_grants_create": "value is judged by the kind of the entitlement",
    "applications_variables_create": "a name is taken once, the entitlement is one of the application",
    "applications_variables_change": "the entitlement is one of the application",
    "applications_webhook_endpoints_create": "url leads out of here, events are those that there are",
    "applications_webhook_endpoints_change": "url leads out of here, events are those that there are",
    "applications_webhook_endpoints_replay_range": "since comes before until",
    "applications_words_create": "language is a tag",
    "tokens_create": "the application is one of the team, the end is to come",
    "client_offline": "a request code has a checksum",
    "client_borrow": "until is to come",
    "client_consume": "5.0 is no whole number to programs",
}


@pytest.mark.timeout(SECONDS_MAX + 60)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("phases", "examples_max"), [("examples", 5), ("coverage,fuzzing", 5), ("stateful", 150)]
)
def test_no_call_fails_and_no_answer_is_undocumented(
    tmp_path: Path, phases: str, examples_max: int
) -> None:
    application = factories.make_application(name="Game")
    described = document_of(application)
    token = factories.make_token(application, for_the_team=True).text
    (tmp_path / "openapi.json").write_text(described)
    settings = config_of(json.loads(described), phases, application)
    (tmp_path / "schemathesis.toml").write_text("\n".join(settings))

    with serve(database_url(), MANAGEMENT_CALLS_PER_MINUTE=str(10**6)) as server:
        run = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "run", "openapi.json"),
                f"--url={server.url}",
                f"--header=Authorization: Bearer {token}",
                f"--checks={','.join(CHECKS)}",
                f"--phases={phases}",
                f"--max-examples={examples_max}",
                "--seed=1",
                "--no-shrink",
                "--continue-on-failure",
                "--warnings=off",
                "--no-color",
            ],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(HOOKS.parent),
                "SCHEMATHESIS_HOOKS": HOOKS.stem,
            },
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )

    assert run.returncode == 0, run.stdout + run.stderr
    for phase in phases.split(","):
        assert f"\u2705  {phase.capitalize()}" in run.stdout


def test_calls_with_rules_of_their_own_are_calls() -> None:
    paths: dict[str, Any] = json.loads(document())["paths"]

    names = {operation["operationId"] for item in paths.values() for operation in item.values()}
    assert names >= RULED.keys()


def document_of(application: Application) -> str:
    """Return the document with rows that are there in its examples: nothing would be done to others."""
    told = document().decode()
    rows = rows_of(application)
    session = factories.make_session(factories.make_license(application, devices_max=2))
    known = {id_of(name): str(row.pk) for name, row in rows.items()} | {
        samples.API_KEY: factories.api_key_of(application),
        samples.LICENSE_KEY: session.license.reveal(),
        samples.SESSION_TOKEN: str(factories.open_session(session.license)),
        samples.REQUEST_CODE: request_code(str(application.pk), "a device afar"),
    }
    for placeholder, value in known.items():
        told = told.replace(placeholder, value)
    return told


def config_of(described: dict[str, Any], phases: str, application: Application) -> Iterator[str]:
    """Tell schemathesis what the document cannot say, line by line."""
    yield "[generation]"
    # Refused wherever it stands, which no schema can tell (tests/api/runtime/test_hostile.py).
    yield "allow-x00 = false"
    yield "[checks]"
    yield f"positive_data_acceptance.expected-statuses = {TAKEN}"
    yield f"negative_data_rejection.expected-statuses = {REFUSED}"
    # Examples come as the handbook has them, and not with what calls before have answered.
    yield "[phases.examples.extra-data-sources]"
    yield "responses = false"
    yield "[parameters]"
    # A cursor comes from the page before.
    yield '"query.cursor" = ""'
    if phases == "stateful":
        # What is made in one call is looked for in the next.
        yield f'"path.application_id" = "{application.pk}"'
    for path, item in described["paths"].items():
        for method, operation in item.items():
            lines = list(settings_of(operation, phases))
            if lines:
                yield "[[operations]]"
                yield f'include-path = "{path}"'
                yield f'include-method = "{method}"'
                yield from lines


def settings_of(operation: dict[str, Any], phases: str) -> Iterator[str]:
    """Yield which rows a call is for, but where rows come from the calls before, and whether rules may be against it."""
    known = [one for one in operation.get("parameters", ()) if one["in"] == "path"]
    if known and phases != "stateful":
        told = ", ".join(f'"path.{one["name"]}" = "{one["example"]}"' for one in known)
        yield f"parameters = {{ {told} }}"
    if phases != "examples" and operation["operationId"] in RULED:
        yield f"checks.positive_data_acceptance.expected-statuses = {[*TAKEN, '400']}"
