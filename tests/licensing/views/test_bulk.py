"""Bulk jobs on pages: tried first, then done, and everything that became of them to look at and take away."""

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.access import Role
from accounts.models import Team
from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, BulkJob, License
from tests import factories
from tests.jobs import run_due_jobs
from tests.licensing.views.conftest import SignIn, messages_after, text_of, url_of


def address(application: Application, name: str, *more: object) -> str:
    return reverse(name, args=[application.pk, *more])


def upload(body: str, name: str = "customers.csv", **facts: Any) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, body.encode()), **facts}


def test_many_licenses_are_suspended_once_it_was_tried(
    dashboard: Client, application: Application
) -> None:
    factories.make_licenses(application, 3)
    tried = dashboard.post(address(application, "bulk-act"), {"act": "suspend"})
    run_due_jobs()
    assert not application.licenses.exclude(status="active").exists()
    assert "Would be done 3 of 3" in _words(text_of(dashboard.get(tried["Location"])))

    perform = f"{tried['Location']}perform/"
    assert "Suspend 3 licenses" in text_of(dashboard.get(perform))
    done = dashboard.post(perform)
    again = dashboard.post(perform)
    run_due_jobs()

    assert done["Location"] == again["Location"]
    assert "Done 3 of 3" in _words(text_of(dashboard.get(done["Location"])))
    assert application.licenses.filter(status="suspended").count() == 3


def test_a_filter_of_status_and_policy_says_which(
    dashboard: Client, application: Application, license: License
) -> None:
    policy = factories.make_policy(application)
    wanted = factories.make_license(application, policy=policy)
    licenses.suspend_license(license=wanted, actor=SYSTEM)

    dashboard.post(
        address(application, "bulk-act"),
        {"act": "restore", "status": "suspended", "policy": str(policy.pk)},
    )

    assert list(BulkJob.objects.get().rows.values_list("license_id", flat=True)) == [wanted.pk]


def test_keys_are_issued_and_found_from_the_job(
    dashboard: Client, application: Application
) -> None:
    policy = application.default_policy()
    body = {"policy": str(policy.pk), "count": 12_000, "note": "Reseller", **_NO_GRACE}
    tried = dashboard.post(address(application, "bulk-issue"), body)
    run_due_jobs()
    done = dashboard.post(f"{tried['Location']}perform/")
    run_due_jobs()

    page = text_of(dashboard.get(done["Location"]))
    batch = application.batches.get()
    assert address(application, "batch", batch.pk) in page
    assert batch.licenses.filter(note="Reseller").count() == 12_000


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.csv", "email,count\nada@example.com,2\ngrace@example.com,1\n"),
        ("a.csv", "email,count\r\nada@example.com,2\r\n,\r\ngrace@example.com,\r\n,\r\n\r\n"),
        ("a.jsonl", '{"email": "ada@example.com", "count": 2}\n{"email": "grace@example.com"}\n'),
    ],
)
def test_a_file_of_customers_gets_licenses(
    dashboard: Client, application: Application, name: str, body: str
) -> None:
    policy = str(application.default_policy().pk)
    tried = dashboard.post(
        address(application, "bulk-file"), upload(body, name, act="issue", policy=policy)
    )
    run_due_jobs()
    dashboard.post(f"{tried['Location']}perform/")
    run_due_jobs()

    emails = sorted(application.licenses.values_list("email", flat=True))
    assert emails == ["ada@example.com"] * 2 + ["grace@example.com"]


def test_an_exported_file_says_which_licenses(
    dashboard: Client, application: Application, license: License
) -> None:
    other = factories.make_license(application)
    exported = dashboard.get(address(application, "licenses-export"))
    lines = b"".join(exported.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    kept = [lines[0], *(line for line in lines[1:] if str(other.pk) in line)]
    policy = str(application.default_policy().pk)

    dashboard.post(
        address(application, "bulk-file"),
        upload("\r\n".join(kept), act="revoke", policy=policy),
    )

    assert BulkJob.objects.get().rows.get().license_id == other.pk


def test_what_fails_is_listed_and_taken_away(
    dashboard: Client, application: Application, license: License
) -> None:
    good = factories.make_license(application)
    licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())
    job = factories.make_finished_dry_run(license, good)

    page = text_of(dashboard.get(job.get_absolute_url()))
    failures = _rows(dashboard.post(address(application, "bulk-failures", job.pk)))
    results = _rows(dashboard.post(address(application, "bulk-results", job.pk)))
    lines = dashboard.post(address(application, "bulk-results", job.pk), {"format": "jsonl"})

    assert "What would fail" in page
    assert "A revoked license stays revoked" in page
    assert [row["license"] for row in failures] == [str(license.pk)]
    assert {row["license"]: row["code"] for row in results} == {
        str(license.pk): "license_state",
        str(good.pk): "done",
    }
    assert lines["Content-Type"] == "application/jsonl; charset=utf-8"


def test_the_page_asks_again_until_the_job_is_over(
    dashboard: Client, application: Application, license: License
) -> None:
    job = factories.make_bulk_job(license)
    assert 'hx-trigger="every 2s"' in text_of(dashboard.get(job.get_absolute_url()))

    run_due_jobs()

    assert "hx-trigger" not in text_of(dashboard.get(job.get_absolute_url()))


def test_a_job_that_waits_is_cancelled(
    dashboard: Client, application: Application, license: License
) -> None:
    job = factories.make_bulk_job(license)
    cancel = address(application, "bulk-cancel", job.pk)
    assert "What was done stays" in text_of(dashboard.get(cancel))

    assert "Nothing more is done" in messages_after(dashboard, dashboard.post(cancel))
    run_due_jobs()

    license.refresh_from_db()
    assert license.status == "active"


@pytest.mark.parametrize(
    ("body", "name", "words"),
    [
        ("email\nnobody\n", "a.csv", "Row 2, email: Enter a valid email address"),
        ("colour\nred\n", "a.csv", "Row 2, colour: There is no such field"),
        ("devices_max\n0\n", "a.csv", "Row 2, devices_max: Must be a whole number"),
        ("policy\nNone such\n", "a.csv", "Row 2, policy: No policy of this application"),
        # As a spreadsheet counts: the headings, empty rows, and a cell of two lines as one row.
        ('note,email\n\n"two\nlines",a@example.com\n,nobody\n', "a.csv", "Row 4, email: Enter a"),
        ("email\na@example.com,more\n", "a.csv", "Row 2, behind the last heading: There is no"),
        ('{}\n\n{"email": "nobody"}\n', "a.jsonl", "Line 3, email: Enter a valid email address"),
        ("{}\n\nnonsense\n", "a.jsonl", "Line 3 is not JSON"),
        ("nonsense\n", "a.jsonl", "Line 1 is not JSON"),
        ('{"note": "a", "note": "b"}\n', "a.jsonl", "a key stands twice"),
        ("email\n", "a.csv", "A job takes 1 to 100000 licenses"),
        ("count\n100001\n", "a.csv", "between 1 and 100000"),
        ("count\n99999\n2\n", "a.csv", "A job takes 1 to 100000 licenses"),
        ("\0", "a.csv", "NUL"),
    ],
)
def test_a_file_that_is_wrong_somewhere_is_not_taken(
    dashboard: Client, application: Application, body: str, name: str, words: str
) -> None:
    policy = str(application.default_policy().pk)

    response = dashboard.post(
        address(application, "bulk-file"), upload(body, name, act="issue", policy=policy)
    )

    assert words in text_of(response)
    assert not BulkJob.objects.exists()


def test_a_file_names_policies_however_they_are_written(
    dashboard: Client, application: Application
) -> None:
    standard, pro = application.default_policy(), factories.make_policy(application, name="Pro")
    factories.make_policy(application, name="Team")
    factories.make_policy(application, name="TEAM")
    url = address(application, "bulk-file")

    def sent(names: str) -> HttpResponse:
        policy = {"act": "issue", "policy": str(standard.pk)}
        return dashboard.post(url, upload(f"policy,note\n{names}", **policy))

    assert "Row 2, policy: Several policies have this name" in text_of(sent("team,\n"))
    tried = sent(f"PRO,\n pro ,\nTeam,\n{str(pro.pk).upper()},\n,none\n")

    assert tried.status_code == 302
    named = [row.facts["policy"] for row in BulkJob.objects.get().rows.order_by("pk")]
    team = application.policies.get(name="Team")
    assert named == [str(one.pk) for one in (pro, pro, team, pro, standard)]


def test_what_is_no_dry_run_is_not_done_again(
    dashboard: Client, application: Application, license: License
) -> None:
    job = factories.make_bulk_job(license)

    response = dashboard.post(address(application, "bulk-perform", job.pk))

    assert "Only a finished dry run can be done" in messages_after(dashboard, response)


def test_who_may_only_look_is_shown_no_buttons(
    sign_in: SignIn, team: Team, application: Application, license: License
) -> None:
    job = factories.make_finished_dry_run(license)
    client = sign_in(factories.add_member(team, Role.VIEWER))

    for page in (job.get_absolute_url(), url_of(application, "bulk/")):
        text = text_of(client.get(page))
        assert "perform/" not in text
        assert "bulk/issue/" not in text


_NO_GRACE = {"grace_seconds_1": "forever"}


def _words(html: str) -> str:
    return html.replace("</dt><dd>", " ").replace("</dt> <dd>", " ")


def _rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
