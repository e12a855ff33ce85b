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
from licensing.events import forget_customer, history_of, token_actor
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
        actor=facts.pop("actor", SYSTEM),
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
    job = issue(application, 10_000, actor=token_actor(factories.make_token(application).token))

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
    assert {row.code for row in job.rows.all()} == {BulkRow.DONE}


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
    assert dict(job.rows.failed().values_list("license_id", "code")) == {
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
    assert job.rows.failed().get().code == "license_state"
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
    deaths = iter([1, 0])

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


@pytest.mark.parametrize("act", ["extend", "suspend", "restore", "revoke", "delete"])
def test_a_piece_takes_as_many_statements_as_one_license(
    application: Application, act: str
) -> None:
    """What a thousand licenses take beyond one is written in the same statements."""
    end = timezone.now() + dt.timedelta(days=30) if act == "extend" else None
    counts = []
    for count in (1, 40):
        rows = factories.make_licenses(application, count)
        for row in rows:
            factories.make_session(row)
            bring_into_state_for(act, row)
        factories.make_bulk_job(*rows, act=act, expires_at=end)
        with CaptureQueriesContext(connection) as captured:
            run_due_jobs()
        counts.append(len(captured))

    assert counts[1] <= counts[0] + 1
    assert history_of(application).filter(action__in=DONE[act]).count() == 41


DONE = {
    "extend": ["license.extended"],
    "suspend": ["license.suspended"],
    "restore": ["license.restored"],
    "revoke": ["license.revoked"],
    "delete": ["license.deleted"],
}


def bring_into_state_for(act: str, license: License) -> None:
    if act == "restore":
        licenses.suspend_license(license=license, actor=SYSTEM)
    if act == "delete":
        licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())


def test_licenses_of_rows_are_issued_in_one_statement_and_differ(application: Application) -> None:
    trial = factories.make_policy(application, name="Trial", duration_seconds=86_400)
    end = timezone.now() + dt.timedelta(days=5)
    rows: list[dict[str, Any]] = [
        {"username": f"Ada {number}", "metadata": {"seat": number}, "devices_max": number + 1}
        for number in range(20)
    ]
    rows += [{"policy": str(trial.pk), "count": 3}, {"policy": str(trial.pk), "expires_at": end}]
    job = issue_each(application, rows)

    with CaptureQueriesContext(connection) as captured:
        run_due_jobs()

    assert sum("COPY" in str(query["sql"]) for query in captured) == 1
    job.refresh_from_db()
    assert (job.rows_done, job.rows_failed) == (24, 0)
    ada = application.licenses.get(username="Ada 7")
    assert (ada.metadata, ada.devices_max, ada.expires_at) == ({"seat": 7}, 8, None)
    assert len({license.reveal() for license in application.licenses.all()}) == 24
    ends = application.licenses.filter(policy=trial).values_list("expires_at", flat=True)
    assert sorted(ends) == sorted([job.created_at + dt.timedelta(days=1)] * 3 + [end]) or (
        len(set(ends)) == 2 and end in ends
    )


def test_a_row_whose_policy_goes_meanwhile_fails_alone(application: Application) -> None:
    gone = factories.make_policy(application, name="Gone")
    job = issue_each(application, [{"policy": str(gone.pk)}, {"username": "Ada"}])
    gone.delete()

    run_due_jobs()

    assert job.rows.failed().get().message == "policy was deleted"
    assert application.licenses.get().username == "Ada"


def test_a_dry_run_is_done_once_with_what_it_found_possible(application: Application) -> None:
    revoked, *good = factories.make_licenses(application, 4)
    licenses.revoke_license(license=revoked, actor=SYSTEM, now=timezone.now())
    tried = factories.make_bulk_job(revoked, *good, is_dry_run=True)
    run_due_jobs()

    first, second = (
        bulk.perform_dry_run(job=tried, actor=SYSTEM, now=timezone.now()) for _ in range(2)
    )
    run_due_jobs()

    assert first == second
    first.refresh_from_db()
    assert (first.rows_total, first.rows_done, first.rows_failed) == (3, 3, 0)
    assert application.licenses.filter(status="suspended").count() == 3


def test_a_dry_run_of_issuing_tries_each_row_and_is_done_later(application: Application) -> None:
    tried = issue_each(application, [{"username": "Ada"}, {"username": "x" * 200}], is_dry_run=True)
    run_due_jobs()
    tried.refresh_from_db()
    assert (tried.rows_done, tried.rows_failed, application.licenses.count()) == (1, 1, 0)

    job = bulk.perform_dry_run(job=tried, actor=SYSTEM, now=timezone.now())
    run_due_jobs()

    assert application.licenses.get().username == "Ada"
    assert application.licenses.get().batch == job.batch


def test_what_is_no_finished_dry_run_is_not_done(application: Application) -> None:
    real = issue(application, 1)
    waiting = issue(application, 1, is_dry_run=True)

    for job in (real, waiting):
        with pytest.raises(errors.InvalidRequestError, match="finished dry run"):
            bulk.perform_dry_run(job=job, actor=SYSTEM, now=timezone.now())


def test_what_is_told_of_customers_goes_with_the_job(application: Application) -> None:
    job = issue(application, 3, terms=LicenseTerms(username="Ada", email="ada@example.com"))
    by_rows = issue_each(application, [{"username": "Ada"}, {"username": "x" * 200}])
    cancelled = issue_each(application, [{"username": "Grace"}])
    bulk.cancel_job(job=cancelled, actor=SYSTEM, now=timezone.now())

    run_due_jobs()

    job.refresh_from_db()
    assert job.terms == {}
    assert not cancelled.rows.exists()
    # What failed is shown to who mends it, for 30 days.
    assert [row.facts["username"] for row in by_rows.rows.exclude(facts={})] == ["x" * 200]
    bulk_pieces.forget_old(now=timezone.now() + dt.timedelta(days=29))
    assert by_rows.rows.count() == 2
    bulk_pieces.forget_old(now=timezone.now() + dt.timedelta(days=31))
    assert not BulkRow.objects.exists()


def test_who_is_forgotten_is_forgotten_by_jobs_as_well(application: Application) -> None:
    license = factories.make_license(application, username="Ada", email="ada@example.com")
    bad = {"note": "x", "app_version_min": "2", "app_version_max": "1"}
    mail, name, other = {"email": "ada@example.com"}, {"username": "Ada"}, {"username": "Grace"}
    job = issue_each(application, [bad | mail, bad | name, bad | other])
    run_due_jobs()

    erased = forget_customer(license=license, actor=SYSTEM)

    assert erased == 2
    assert [row.facts["username"] for row in job.rows.exclude(facts={})] == ["Grace"]


def issue_each(application: Application, rows: list[dict[str, Any]], **facts: Any) -> BulkJob:
    return bulk.issue_each(
        policy=application.default_policy(), rows=rows, actor=SYSTEM, now=timezone.now(), **facts
    )


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
