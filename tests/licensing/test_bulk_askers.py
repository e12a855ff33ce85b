"""A bulk job does no more than who asked for it may: what was asked for is judged again before each piece."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.access import Role
from accounts.events import SYSTEM, user_actor
from accounts.teams import change_role, remove_member
from licensing import bulk, bulk_pieces
from licensing.events import history_of, token_actor
from licensing.management_tokens import revoke_token
from licensing.models import Application, BulkJob
from tests import factories
from tests.jobs import run_due_jobs


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_pieces, "_ROWS_PER_PIECE", 3)


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


def test_who_may_act_on_licenses_has_all_of_it_done(application: Application) -> None:
    support = factories.add_member(application.team, Role.SUPPORT)
    for actor in (user_actor(support), token_actor(factories.make_token(application).token)):
        factories.make_bulk_job(*factories.make_licenses(application, 7), actor=actor)

    run_due_jobs()

    assert application.licenses.filter(status="suspended").count() == 14


@pytest.mark.parametrize("loss", ["role", "membership", "account"])
def test_who_loses_their_right_has_no_further_piece_done(
    application: Application, loss: str
) -> None:
    admin = factories.add_member(application.team, Role.ADMIN)
    rows = factories.make_licenses(application, 7)
    job = factories.make_bulk_job(*rows, actor=user_actor(admin))
    bulk_pieces.run_piece(job_id=job.pk, now=timezone.now())

    if loss == "role":
        change_role(membership=admin.memberships.get(), role=Role.VIEWER, actor=SYSTEM)
    elif loss == "membership":
        remove_member(membership=admin.memberships.get(), actor=SYSTEM)
    else:
        admin.delete()
    run_due_jobs()

    assert application.licenses.filter(status="suspended").count() == 3
    assert_cancelled(job, done=3)


def test_a_token_that_is_revoked_has_nothing_more_done(application: Application) -> None:
    script = factories.make_token(application).token
    asked = {"actor": token_actor(script), "now": timezone.now()}
    policy = application.default_policy()
    job = bulk.issue_in_bulk(policy=policy, count=5, **asked)

    revoke_token(token=script, **asked)
    run_due_jobs()

    assert not application.licenses.exists()
    assert_cancelled(job, done=0)


def test_a_token_that_ends_has_nothing_more_done(application: Application) -> None:
    now = timezone.now()
    end = now + dt.timedelta(hours=1)
    script = factories.make_token(application, expires_at=end).token
    row = factories.make_license(application)
    job = factories.make_bulk_job(row, actor=token_actor(script))

    bulk_pieces.run_piece(job_id=job.pk, now=end)

    assert_cancelled(job, done=0)


def assert_cancelled(job: BulkJob, *, done: int) -> None:
    job.refresh_from_db()
    assert (job.status, job.rows_done) == ("cancelled", done)
    assert not job.rows.filter(code="").exists()
    told = history_of(job.application).get(action="bulk_job.cancelled")
    assert (told.actor_kind, told.after) == ("system", {"cause": "no_longer_allowed"})
