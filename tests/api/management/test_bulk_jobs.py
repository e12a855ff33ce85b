"""Bulk jobs by script: asked for, watched, cancelled, and their failures taken away."""

import csv
import io
from typing import Any

import pytest

from licensing import licenses
from licensing.events import SYSTEM, history_of
from licensing.models import Application, License
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of
from tests.jobs import run_due_jobs


def test_many_licenses_are_issued_and_their_keys_streamed(
    script: Script, application: Application
) -> None:
    path = path_of(application, "/bulk-jobs")
    asked = script.post(f"{path}/issue", {"count": 1_200, "note": "Reseller"})
    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")

    run_due_jobs()

    told = script.get(f"{path}/{asked.json()['id']}").json()
    assert (told["status"], told["total"], told["done"]) == ("finished", 1_200, 1_200)
    export = {"batch": told["batch"], "keys": True}
    file = script.post(path_of(application, "/licenses/export"), export)
    rows = list(csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode())))
    assert len({row["key"] for row in rows}) == 1_200


def test_an_act_on_all_that_a_filter_finds(script: Script, application: Application) -> None:
    rows = factories.make_licenses(application, 3)
    other = factories.make_license(application)

    asked = script.post(
        path_of(application, "/bulk-jobs"),
        {"act": "suspend", "filter": {"batch": str(rows[0].batch_id)}},
    )
    run_due_jobs()

    assert asked.json()["total"] == 3
    other.refresh_from_db()
    assert other.status == "active"
    assert application.licenses.filter(status="suspended").count() == 3
    event = history_of(application).filter(action="license.suspended").first()
    assert event is not None
    assert event.actor_token_name == "Script"


def test_what_failed_is_listed_and_taken_away(
    script: Script, application: Application, license: License
) -> None:
    licenses.revoke_license(license=license, actor=SYSTEM, now=license.created_at)
    body = {"act": "suspend", "licenses": [str(license.pk)]}
    path = f"{path_of(application, '/bulk-jobs')}/{script.post(path_of(application, '/bulk-jobs'), body).json()['id']}"
    run_due_jobs()

    [failure] = script.get(f"{path}/failures").json()["data"]
    as_csv = script.post(f"{path}/failures/export", {"format": "csv"})
    as_lines = script.post(f"{path}/failures/export", {"format": "jsonl"})

    assert (failure["license"], failure["code"]) == (str(license.pk), "license_state")
    text = b"".join(as_csv.streaming_content).decode()
    assert text.splitlines()[0] == "license,code,message"
    assert str(license.pk) in text
    assert b'"code": "license_state"' in b"".join(as_lines.streaming_content)


def test_a_job_that_waits_is_cancelled(script: Script, application: Application) -> None:
    path = path_of(application, "/bulk-jobs")
    id = script.post(f"{path}/issue", {"count": 5}).json()["id"]

    assert script.post(f"{path}/{id}/cancel").json()["status"] == "cancelled"
    run_due_jobs()

    assert application.licenses.count() == 0


def test_asked_twice_with_one_key_there_is_one_job(
    script: Script, application: Application
) -> None:
    path = path_of(application, "/bulk-jobs")

    for _ in range(2):
        script.call("POST", f"{path}/issue", {"count": 5}, **{"Idempotency-Key": "once"})
    run_due_jobs()

    assert application.licenses.count() == 5


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"act": "issue", "filter": {}}, "/act"),
        ({"act": "suspend"}, "/licenses"),
        ({"act": "suspend", "licenses": [], "filter": {}}, "/licenses"),
        ({"act": "suspend", "licenses": ["x"]}, "/licenses/0"),
        ({"act": "suspend", "filter": {"colour": "red"}}, "/filter/colour"),
        ({"act": "extend", "filter": {}}, "/expires_at"),
        ({"act": "suspend", "filter": {}, "expires_at": None}, "/expires_at"),
        ({"act": "suspend", "filter": {}, "dry_run": "yes"}, "/dry_run"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(
    script: Script, application: Application, body: dict[str, Any], pointer: str
) -> None:
    response = script.post(path_of(application, "/bulk-jobs"), body)

    assert problem_of(response, 400, "invalid_request")["pointer"] == pointer


def test_a_filter_that_finds_nothing_is_refused(script: Script, application: Application) -> None:
    response = script.post(path_of(application, "/bulk-jobs"), {"act": "revoke", "filter": {}})

    problem_of(response, 400, "invalid_request")


def test_a_revoked_license_is_deleted(
    script: Script, application: Application, license: License
) -> None:
    path = path_of(application, f"/licenses/{license.pk}")

    problem_of(script.call("DELETE", path), 409, "license_state")
    script.post(f"{path}/revoke")

    assert script.call("DELETE", path).status_code == 204
    problem_of(script.get(path), 404, "not_found")
