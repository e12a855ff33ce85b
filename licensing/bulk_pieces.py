"""What a worker does of a bulk job, piece by piece.

A piece is one transaction: what is done in it, and that it was done, are written together. A worker that is killed leaves whole
pieces behind, and whoever goes on does the next: nothing is done twice.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence

from django.db import transaction
from django.db.models import F

from licensing import errors, licenses, many_licenses
from licensing.access import may_go_on
from licensing.events import SYSTEM, Actor, record
from licensing.licenses import LicenseTerms, NewLicense
from licensing.models import BulkJob, BulkRow, License, Policy
from licensing.policies import held_policies

# What one transaction takes: long enough that its own statements do not count, short enough that nobody waits for its locks.
_ISSUED_PER_PIECE = 2_000
_ROWS_PER_PIECE = 500
ROWS_KEPT_FOR = dt.timedelta(days=30)
# Why a job was cancelled whose asker has left, or has another role or no token now.
NO_LONGER_ALLOWED = "no_longer_allowed"
_Act, _Status = BulkJob.Act, BulkJob.Status
_Refusals = dict[uuid.UUID, errors.RefusalError]


def run_job(*, job_id: uuid.UUID, now: Callable[[], dt.datetime]) -> None:
    """Do all that a job has left; what one piece costs is the same, however large the job."""
    while run_piece(job_id=job_id, now=now()):
        pass


@transaction.atomic
def run_piece(*, job_id: uuid.UUID, now: dt.datetime) -> bool:
    """Do a job's next piece; return False when there is none, or somebody else is at it.

    What its asker may no longer do is not done for them either: the job is cancelled.
    """
    job = (
        BulkJob.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("application", "policy", "batch", "created_by")
        .filter(pk=job_id)
        .first()
    )
    if job is None or not job.is_open:
        return False
    if not may_go_on(job, now):
        cancel_job(job=job, actor=SYSTEM, now=now, cause=NO_LONGER_ALLOWED)
        return False
    done, failed = _issue(job, now) if job.act == _Act.ISSUE else _act(job, now)
    is_over = job.rows_left <= done + failed
    BulkJob.objects.filter(pk=job.pk).update(
        rows_done=F("rows_done") + done,
        rows_failed=F("rows_failed") + failed,
        status=_Status.FINISHED if is_over else _Status.RUNNING,
        finished_at=now if is_over else None,
        # What it was to write on licenses stands there; it is told about customers, and not needed any more.
        terms={} if is_over and not job.is_dry_run else job.terms,
    )
    if is_over:
        facts = {"done": job.rows_done + done, "failed": job.rows_failed + failed}
        record_of_job("bulk_job.finished", job, job.actor(), facts)
    return not is_over


@transaction.atomic
def cancel_job(*, job: BulkJob, actor: Actor, now: dt.datetime, cause: str = "") -> bool:
    """Do no further piece of a job; what is done stays. Return False when it is over already."""
    open_now = BulkJob.objects.filter(pk=job.pk, status__in=(_Status.WAITING, _Status.RUNNING))
    cancelled = open_now.update(status=_Status.CANCELLED, finished_at=now, terms={})
    if cancelled:
        # What waits is not done any more, and may tell of customers.
        BulkRow.objects.filter(job=job, code="").delete()
        told = {"cause": cause} if cause else {}
        record(
            "bulk_job.cancelled", target=job, actor=actor, application=job.application, after=told
        )
    return bool(cancelled)


def forget_old(*, now: dt.datetime) -> int:
    """Delete the rows of jobs that were over 30 days ago, and what these were to write on licenses; return how many rows that were."""
    old = BulkJob.objects.filter(finished_at__lt=now - ROWS_KEPT_FOR)
    old.exclude(terms={}).update(terms={}, policy=None)
    deleted = 0
    while ids := list(BulkRow.objects.filter(job__in=old).values_list("pk", flat=True)[:10_000]):
        deleted += BulkRow.objects.filter(pk__in=ids).delete()[0]
    return deleted


def record_of_job(action: str, job: BulkJob, actor: Actor, facts: dict[str, int]) -> None:
    told = {"act": job.act, "dry_run": job.is_dry_run, **facts}
    record(action, target=job, actor=actor, application=job.application, after=told)


def _issue(job: BulkJob, now: dt.datetime) -> tuple[int, int]:
    """Issue the next licenses of a job; return how many that were, and how many cannot be issued any more."""
    if job.policy is None or (not job.is_dry_run and job.batch is None):
        return 0, job.rows_left
    if job.rows.filter(code="").exists():
        return _act(job, now)
    count = min(_ISSUED_PER_PIECE, job.rows_left)
    if job.batch is not None:
        licenses.fill_batch(
            batch=job.batch,
            policy=job.policy,
            count=count,
            terms=LicenseTerms(**job.terms),
            expires_at=job.expires_at,
        )
    return count, 0


def _act(job: BulkJob, now: dt.datetime) -> tuple[int, int]:
    """Act on the next rows of a job, a few statements for all of them; return how many it was done to, and how many refused it."""
    rows = list(job.rows.filter(code="").order_by("id")[:_ROWS_PER_PIECE])
    # Of a dry run everything is tried, and nothing left.
    with transaction.atomic():
        perform = _issue_rows if job.act == _Act.ISSUE else _act_on_rows
        refusals = perform(job, rows, now)
        transaction.set_rollback(job.is_dry_run)
    for row in rows:
        if refusal := refusals.get(row.pk):
            row.code, row.message = refusal.code, refusal.message[:500]
    failed = [row for row in rows if row.code]
    BulkRow.objects.bulk_update(failed, ["code", "message"])
    done = job.rows.filter(pk__in=[row.pk for row in rows if not row.code])
    # What was written on a license stands there now; what a dry run tried is kept for who wants it done.
    done.update(code=BulkRow.DONE, **({} if job.is_dry_run else {"facts": {}}))
    return len(rows) - len(failed), len(failed)


def _act_on_rows(job: BulkJob, rows: Sequence[BulkRow], now: dt.datetime) -> _Refusals:
    """Return what refused the act, by row."""
    own = License.objects.filter(application=job.application_id)
    ids = own.filter(pk__in=[row.license_id for row in rows]).values_list("pk", flat=True)
    outcomes = _VERBS[_Act(job.act)](job, list(ids), now)
    refusals = _Refusals()
    for row in rows:
        outcome = outcomes.get(row.license_id) if row.license_id else None
        if outcome is None:
            outcome = errors.NotFoundError("No license of this application has this id")
        if isinstance(outcome, errors.RefusalError):
            refusals[row.pk] = outcome
    return refusals


def _issue_rows(job: BulkJob, rows: Sequence[BulkRow], now: dt.datetime) -> _Refusals:
    """Issue a license for each row in one statement; where one of them cannot be, each in its own."""
    held = held_policies(job.application, {row.facts.get("policy", "") for row in rows})
    refusals: _Refusals = {
        row.pk: errors.InvalidRequestError("policy was deleted")
        for row in rows
        if row.facts.get("policy") not in held
    }
    left = [row for row in rows if row.pk not in refusals]
    try:
        _fill(job, left, held)
    except errors.RefusalError:
        for row in left:
            try:
                _fill(job, [row], held)
            except errors.RefusalError as refusal:
                refusals[row.pk] = refusal
    return refusals


@transaction.atomic
def _fill(job: BulkJob, rows: Sequence[BulkRow], policies: Mapping[str, Policy]) -> None:
    licenses.fill_batch_with(
        batch=job.batch,
        application=job.application,
        new=[_new_license(row, policies) for row in rows],
    )


def _new_license(row: BulkRow, policies: Mapping[str, Policy]) -> NewLicense:
    facts = dict(row.facts)
    policy, end = policies[facts.pop("policy")], facts.pop("expires_at")
    return NewLicense(policy, LicenseTerms(**facts), end and dt.datetime.fromisoformat(end))


def _extend(job: BulkJob, ids: list[uuid.UUID], now: dt.datetime) -> many_licenses.Outcomes:
    return many_licenses.extend(ids, expires_at=job.expires_at, actor=job.actor(), now=now)


def _suspend(job: BulkJob, ids: list[uuid.UUID], now: dt.datetime) -> many_licenses.Outcomes:
    return many_licenses.suspend(ids, actor=job.actor())


def _restore(job: BulkJob, ids: list[uuid.UUID], now: dt.datetime) -> many_licenses.Outcomes:
    return many_licenses.restore(ids, actor=job.actor())


def _revoke(job: BulkJob, ids: list[uuid.UUID], now: dt.datetime) -> many_licenses.Outcomes:
    return many_licenses.revoke(ids, actor=job.actor(), now=now)


def _delete(job: BulkJob, ids: list[uuid.UUID], now: dt.datetime) -> many_licenses.Outcomes:
    return many_licenses.delete(ids, actor=job.actor())


_VERBS: dict[
    BulkJob.Act, Callable[[BulkJob, list[uuid.UUID], dt.datetime], many_licenses.Outcomes]
] = {
    _Act.EXTEND: _extend,
    _Act.SUSPEND: _suspend,
    _Act.RESTORE: _restore,
    _Act.REVOKE: _revoke,
    _Act.DELETE: _delete,
}
