"""What a worker does of a bulk job, piece by piece.

A piece is one transaction: what is done in it, and that it was done, are written together. A worker that is killed leaves whole
pieces behind, and whoever goes on does the next: nothing is done twice.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F

from licensing import errors, licenses
from licensing.events import Actor, record
from licensing.licenses import LicenseTerms
from licensing.models import BulkJob, BulkRow, License

# What one transaction takes: long enough that its own statements do not count, short enough that nobody waits for its locks.
_ISSUED_PER_PIECE = 2_000
_ROWS_PER_PIECE = 200
_Act, _Status = BulkJob.Act, BulkJob.Status


def run_job(*, job_id: uuid.UUID, now: Callable[[], dt.datetime]) -> None:
    """Do all that a job has left; what one piece costs is the same, however large the job."""
    while run_piece(job_id=job_id, now=now()):
        pass


@transaction.atomic
def run_piece(*, job_id: uuid.UUID, now: dt.datetime) -> bool:
    """Do a job's next piece; return False when there is none, or somebody else is at it."""
    job = (
        BulkJob.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("application", "policy", "batch", "created_by")
        .filter(pk=job_id)
        .first()
    )
    if job is None or not job.is_open:
        return False
    done, failed = _issue(job, now) if job.act == _Act.ISSUE else _act(job, now)
    is_over = job.rows_left <= done + failed
    BulkJob.objects.filter(pk=job.pk).update(
        rows_done=F("rows_done") + done,
        rows_failed=F("rows_failed") + failed,
        status=_Status.FINISHED if is_over else _Status.RUNNING,
        finished_at=now if is_over else None,
    )
    if is_over:
        facts = {"done": job.rows_done + done, "failed": job.rows_failed + failed}
        record_of_job("bulk_job.finished", job, job.actor(), facts)
    return not is_over


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
    """Act on the next licenses of a job, each for itself; return how many it was done to, and how many refused it."""
    rows = list(job.rows.filter(code="").order_by("id")[:_ROWS_PER_PIECE])
    found = License.objects.select_related("application", "policy").filter(
        application=job.application_id
    )
    found_by_id: dict[Any, License] = found.in_bulk([row.license_id for row in rows])
    failed = [row for row in rows if not _is_done(job, row, found_by_id.get(row.license_id), now)]
    BulkRow.objects.bulk_update(failed, ["code", "message"])
    # Those that are done are told by the job's count, and by the licenses' own events.
    job.rows.filter(pk__in=[row.pk for row in rows if not row.code]).delete()
    return len(rows) - len(failed), len(failed)


def _is_done(job: BulkJob, row: BulkRow, license: License | None, now: dt.datetime) -> bool:
    """Act on one license; what refuses it is written on its row."""
    try:
        if license is None and row.license_id:
            raise errors.NotFoundError("No license of this application has this id")
        # Of a dry run everything is tried, and nothing left.
        with transaction.atomic():
            if license is None:
                _issue_one(job, row)
            else:
                _VERBS[BulkJob.Act(job.act)](job, license, now)
            transaction.set_rollback(job.is_dry_run)
    except errors.RefusalError as refusal:
        row.code, row.message = refusal.code, refusal.message[:500]
    return not row.code


def _issue_one(job: BulkJob, row: BulkRow) -> None:
    assert job.policy is not None
    if job.batch is not None:
        licenses.fill_batch(
            batch=job.batch,
            policy=job.policy,
            count=1,
            terms=LicenseTerms(**row.facts),
            expires_at=job.expires_at,
        )


def _extend(job: BulkJob, license: License, now: dt.datetime) -> None:
    licenses.extend_license(license=license, expires_at=job.expires_at, actor=job.actor(), now=now)


def _suspend(job: BulkJob, license: License, now: dt.datetime) -> None:
    licenses.suspend_license(license=license, actor=job.actor())


def _restore(job: BulkJob, license: License, now: dt.datetime) -> None:
    licenses.restore_license(license=license, actor=job.actor())


def _revoke(job: BulkJob, license: License, now: dt.datetime) -> None:
    licenses.revoke_license(license=license, actor=job.actor(), now=now)


def _delete(job: BulkJob, license: License, now: dt.datetime) -> None:
    licenses.delete_license(license=license, actor=job.actor())


_VERBS: dict[BulkJob.Act, Callable[[BulkJob, License, dt.datetime], None]] = {
    _Act.EXTEND: _extend,
    _Act.SUSPEND: _suspend,
    _Act.RESTORE: _restore,
    _Act.REVOKE: _revoke,
    _Act.DELETE: _delete,
}
