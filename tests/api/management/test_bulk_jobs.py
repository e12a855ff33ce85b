"""Bulk jobs by script: asked for, watched, cancelled, and their failures taken away."""

import csv
import dataclasses
import io
import json
from typing import Any

import pytest
from django.test import Client

from api.management.licenses import IssueInput
from licensing import bulk_files, licenses
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


def send(script: Script, application: Application, query: str, body: str | bytes, kind: str) -> Any:
    path = path_of(application, f"/bulk-jobs/from-file?{query}")
    return Client().generic(
        "POST",
        f"/api/v1/{path}",
        data=body,
        content_type=kind,
        headers={"Authorization": f"Bearer {script.text}", "Idempotency-Key": "file"},
    )


CUSTOMERS = {
    "text/csv": "email,username\r\nada@example.com,'=Ada\r\ngrace@example.com,Grace\r\n",
    "application/jsonl": '{"email": "ada@example.com", "username": "=Ada"}\n{"email": "grace@example.com", "username": "Grace"}\n',
}


@pytest.mark.parametrize("kind", list(CUSTOMERS))
def test_every_row_of_a_file_gets_a_license(
    script: Script, application: Application, kind: str
) -> None:
    for _ in range(2):
        asked = send(script, application, "act=issue", CUSTOMERS[kind], kind)
    run_due_jobs()

    assert (asked.status_code, asked["Idempotent-Replayed"]) == (202, "true")
    told = script.get(path_of(application, f"/bulk-jobs/{asked.json()['id']}")).json()
    assert (told["status"], told["done"], told["failed"]) == ("finished", 2, 0)
    assert {(row.email, row.username) for row in application.licenses.all()} == {
        ("ada@example.com", "=Ada"),
        ("grace@example.com", "Grace"),
    }


def test_what_was_taken_away_as_a_file_is_acted_on_by_it(
    script: Script, application: Application
) -> None:
    rows = factories.make_licenses(application, 3)
    body = "id\n" + "".join(f"{row.pk}\n" for row in rows[:2])

    send(script, application, "act=suspend", body, "text/csv; charset=utf-8")
    run_due_jobs()

    assert application.licenses.filter(status="suspended").count() == 2


@pytest.mark.parametrize(
    ("query", "kind", "body", "place"),
    [
        ("act=issue", "text/csv", "email\nada@example.com\nnobody\n", "/1/email"),
        ("act=issue", "text/csv", "colour\nred\n", "/0/colour"),
        ("act=issue", "text/csv", "email\na@example.com,more\n", "/0/"),
        ("act=issue", "text/csv", "expires_at\n9999-12-31T23:59:59-12:00\n", "/0/expires_at"),
        ("act=issue", "text/csv", "expires_at\n0001-01-01T00:00:00+14:00\n", "/0/expires_at"),
        ("act=suspend", "application/jsonl", '{"id": 5}\n', "/0/id"),
        ("act=paint", "text/csv", "id\n", "act"),
        ("act=extend", "text/csv", "id\n", "expires_at"),
        ("act=suspend&policy=01a20bb4-3507-7dee-94ef-2ac15de95341", "text/csv", "id\n", "policy"),
    ],
)
def test_a_file_that_is_wrong_somewhere_is_not_taken(
    script: Script, application: Application, query: str, kind: str, body: str, place: str
) -> None:
    response = send(script, application, query, body, kind)

    fault = problem_of(response, 400, "invalid_request")["errors"][0]
    assert (fault.get("pointer") or fault["parameter"]) == place


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/csv", "id\n", 400),
        ("text/csv", 'id\n"x', 400),
        ("text/csv", "id\n\0", 400),
        ("text/csv", "," * 100 + "\n", 400),
        ("text/csv", "id\n\udcff", 400),
        ("application/jsonl", "nonsense\n", 400),
        ("application/json", "{}", 415),
        ("text/plain", "id\n", 415),
        ("", "", 415),
        ("", "id\n", 415),
    ],
)
def test_what_is_no_such_file_is_refused(
    script: Script, application: Application, kind: str, body: str, status: int
) -> None:
    response = send(
        script, application, "act=revoke", body.encode("utf-8", "surrogateescape"), kind
    )

    code = "invalid_request" if status == 400 else "unsupported_media_type"
    problem_of(response, status, code)


def test_of_a_row_that_is_all_wrong_the_first_faults_are_told(
    script: Script, application: Application
) -> None:
    row = json.dumps({f"field {number}": 1 for number in range(1_000)})

    response = send(script, application, "act=issue", row, "application/jsonl")

    assert len(problem_of(response, 400, "invalid_request")["errors"]) == 20


def test_a_row_of_a_file_takes_what_a_single_license_takes() -> None:
    assert bulk_files.OF_NEW.keys() == IssueInput().fields.keys()
    terms = {field.name for field in dataclasses.fields(licenses.LicenseTerms)}
    assert terms == bulk_files.OF_NEW.keys() - {"count", "policy", "expires_at"}


def test_a_dry_run_is_done_by_script(
    script: Script, application: Application, license: License
) -> None:
    path = path_of(application, "/bulk-jobs")
    body = {"act": "suspend", "licenses": [str(license.pk)], "dry_run": True}
    tried = script.post(path, body).json()["id"]
    problem_of(script.post(f"{path}/{tried}/perform"), 400, "invalid_request")
    run_due_jobs()

    done = script.post(f"{path}/{tried}/perform")
    run_due_jobs()

    assert (done.status_code, done.json()["dry_run_of"]) == (202, tried)
    results = script.post(f"{path}/{done.json()['id']}/results/export", {"format": "jsonl"})
    assert b'"code": "done"' in b"".join(results.streaming_content)
    license.refresh_from_db()
    assert license.status == "suspended"
