"""Bulk jobs: done piece by piece, once, however often a worker is killed."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.events import SYSTEM
from licensing import bulk, bulk_pieces, errors, licenses
from licensing.events import history_of
from licensing.licenses import LicenseTerms
from licensing.models import Application, BulkJob, BulkRow, License
from tests import factories
from tests.jobs import run_due_jobs
from tests.threads import at_once


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_pieces, "_ROWS_PER_PIECE", 3)
    monkeypatch.setattr(bulk_pieces, "_ISSUED_PER_PIECE", 3)


def issue(application: Application, count: int, **facts: Any) -> BulkJob:
    return bulk.issue_in_bulk(
        policy=application.default_policy(),
        count=count,
        actor=SYSTEM,
        now=timezone.now(),
        **facts,
    )


def test_licenses_are_issued_as_one_batch(application: Application, small_pieces: None) -> None:
    job = issue(application, 7, terms=LicenseTerms(note="Reseller"))

    run_due_jobs()

    job.refresh_from_db()
    assert (job.status, job.rows_done, job.rows_failed) == ("finished", 7, 0)
    issued = License.objects.filter(batch=job.batch)
    assert len({license.reveal() for license in issued}) == 7
    assert {license.note for license in issued} == {"Reseller"}
    assert job.batch is not None
    assert job.batch.licenses_count == 7


def test_a_thousand_keys_cost_three_statements_at_most(application: Application) -> None:
    job = issue(application, 10_000)

    with CaptureQueriesContext(connection) as captured:
        run_due_jobs()

    assert application.licenses.count() == 10_000
    told = [str(query["sql"]) for query in captured]
    assert sum("COPY" in sql for sql in told) == 5
    assert len([sql for sql in told if "SAVEPOINT" not in sql]) <= 3 * 10
    job.refresh_from_db()
    assert job.status == "finished"


@pytest.mark.parametrize(
    ("act", "wanted"), [("suspend", "suspended"), ("revoke", "revoked"), ("restore", "active")]
)
def test_every_license_is_acted_on_and_has_its_own_event(
    application: Application, small_pieces: None, act: str, wanted: str
) -> None:
    rows = factories.make_licenses(application, 5)
    if act == "restore":
        for row in rows:
            licenses.suspend_license(license=row, actor=SYSTEM)
    job = factories.make_bulk_job(*rows, act=act)

    run_due_jobs()

    assert set(application.licenses.values_list("status", flat=True)) == {wanted}
    job.refresh_from_db()
    assert (job.status, job.rows_done, job.rows_failed) == ("finished", 5, 0)
    assert history_of(rows[0]).filter(action__startswith="license.").exists()
    assert not job.rows.exists()


def test_ends_are_moved(application: Application) -> None:
    rows = factories.make_licenses(application, 2)
    end = timezone.now() + dt.timedelta(days=30)
    factories.make_bulk_job(*rows, act="extend", expires_at=end)

    run_due_jobs()

    assert set(application.licenses.values_list("expires_at", flat=True)) == {end}


def test_what_fails_is_listed_and_the_rest_is_done(
    application: Application, small_pieces: None
) -> None:
    revoked, good = factories.make_licenses(application, 2)
    foreign = factories.make_license()
    licenses.revoke_license(license=revoked, actor=SYSTEM, now=timezone.now())
    job = factories.make_bulk_job(revoked, good, foreign)

    run_due_jobs()

    job.refresh_from_db()
    assert (job.rows_done, job.rows_failed) == (1, 2)
    assert dict(job.rows.values_list("license_id", "code")) == {
        revoked.pk: "license_state",
        foreign.pk: "not_found",
    }
    foreign.refresh_from_db()
    assert foreign.status == "active"


def test_only_what_is_revoked_is_deleted(application: Application) -> None:
    gone, kept = factories.make_licenses(application, 2, email="ada@example.com")
    factories.make_session(gone)
    licenses.revoke_license(license=gone, actor=SYSTEM, now=timezone.now())
    job = factories.make_bulk_job(gone, kept, act="delete")

    run_due_jobs()

    assert list(application.licenses.all()) == [kept]
    assert not application.devices.exists()
    assert job.rows.get().code == "license_state"
    assert history_of(application).filter(action="license.deleted").count() == 1


def test_a_dry_run_tells_what_would_be_and_leaves_all_as_it_was(
    application: Application, small_pieces: None
) -> None:
    revoked, *good = factories.make_licenses(application, 5)
    licenses.revoke_license(license=revoked, actor=SYSTEM, now=timezone.now())
    job = factories.make_bulk_job(revoked, *good, is_dry_run=True)
    issuing = issue(application, 7, is_dry_run=True)

    run_due_jobs()

    job.refresh_from_db()
    issuing.refresh_from_db()
    assert (job.status, job.rows_done, job.rows_failed) == ("finished", 4, 1)
    assert (issuing.status, issuing.rows_done) == ("finished", 7)
    assert application.licenses.filter(status="active").count() == 4
    assert application.licenses.count() == 5
    assert not history_of(application).filter(action="license.suspended").exists()


def test_a_job_whose_worker_dies_in_a_piece_goes_on_and_does_nothing_twice(
    application: Application, small_pieces: None
) -> None:
    rows = factories.make_licenses(application, 8)
    job = factories.make_bulk_job(*rows)
    deaths = iter([5, 2])

    def dies(execute: Any, sql: str, *args: Any) -> Any:
        if 'INSERT INTO "accounts_event"' in sql and next(countdown, None) is None:
            raise SystemExit
        return execute(sql, *args)

    for lives in deaths:
        countdown: Iterator[int] = iter(range(lives))
        with connection.execute_wrapper(dies), pytest.raises(SystemExit):
            bulk_pieces.run_job(job_id=job.pk, now=timezone.now)
    run_due_jobs()

    job.refresh_from_db()
    assert (job.status, job.rows_done, job.rows_failed) == ("finished", 8, 0)
    # One event for each: the pieces that were broken off left none.
    assert history_of(application).filter(action="license.suspended").count() == 8


def test_what_is_over_is_not_done_again(application: Application) -> None:
    job = issue(application, 3)
    run_due_jobs()

    bulk_pieces.run_job(job_id=job.pk, now=timezone.now)

    assert application.licenses.count() == 3


def test_a_cancelled_job_leaves_what_is_done(application: Application, small_pieces: None) -> None:
    job = issue(application, 7)
    bulk_pieces.run_piece(job_id=job.pk, now=timezone.now())

    assert bulk.cancel_job(job=job, actor=SYSTEM, now=timezone.now())
    assert not bulk.cancel_job(job=job, actor=SYSTEM, now=timezone.now())
    run_due_jobs()

    job.refresh_from_db()
    assert (job.status, job.rows_done, application.licenses.count()) == ("cancelled", 3, 3)


def test_without_its_policy_nothing_more_is_issued(application: Application) -> None:
    policy = factories.make_policy(application)
    job = bulk.issue_in_bulk(policy=policy, count=5, actor=SYSTEM, now=timezone.now())
    policy.delete()

    run_due_jobs()

    job.refresh_from_db()
    assert (job.status, job.rows_done, job.rows_failed) == ("finished", 0, 5)


@pytest.mark.parametrize("count", [0, bulk.ROWS_MAX + 1])
def test_a_job_takes_no_more_than_its_bound(application: Application, count: int) -> None:
    with pytest.raises(errors.InvalidRequestError, match="100000"):
        issue(application, count)


def test_an_end_in_the_past_is_refused(application: Application) -> None:
    with pytest.raises(errors.InvalidRequestError, match="future"):
        issue(application, 1, expires_at=timezone.now())


def test_a_license_that_is_named_twice_is_acted_on_once(application: Application) -> None:
    license = factories.make_license(application)

    assert factories.make_bulk_job(license, license).rows_total == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_at_one_job_each_piece_is_done_by_one(small_pieces: None) -> None:
    application = factories.make_application()
    job = issue(application, 20)

    at_once([lambda: bulk_pieces.run_job(job_id=job.pk, now=timezone.now)] * 8)
    bulk_pieces.run_job(job_id=job.pk, now=timezone.now)

    job.refresh_from_db()
    assert (job.status, job.rows_done) == ("finished", 20)
    assert application.licenses.count() == 20
    assert BulkRow.objects.count() == 0


@pytest.mark.parametrize(
    "terms", [{"devices_max": 0}, {"app_version_min": "2.0", "app_version_max": "1.0"}]
)
def test_terms_that_cannot_be_are_refused_before_a_worker_meets_them(
    application: Application, terms: dict[str, Any]
) -> None:
    with pytest.raises(errors.InvalidRequestError):
        issue(application, 5, terms=LicenseTerms(**terms))

    assert not application.bulk_jobs.exists()
    assert not application.licenses.exists()


def test_a_row_with_a_term_that_cannot_be_fails_alone(application: Application) -> None:
    job = bulk.issue_each(
        policy=application.default_policy(),
        rows=[{"username": "x" * 200}, {"username": "Ada"}],
        actor=SYSTEM,
        now=timezone.now(),
    )

    run_due_jobs()

    job.refresh_from_db()
    assert (job.status, job.rows_done, job.rows_failed) == ("finished", 1, 1)
    assert application.licenses.get().username == "Ada"
