"""Acts on very many licenses: asked for at once, done by a worker piece by piece (licensing/bulk_pieces.py)."""

import dataclasses
import datetime as dt
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from accounts import jobs
from accounts.ids import uuid7
from licensing import errors, licenses, tasks
from licensing.bulk_files import ROWS_MAX as ROWS_MAX
from licensing.bulk_pieces import cancel_job as cancel_job
from licensing.bulk_pieces import record_of_job
from licensing.copying import copy_rows
from licensing.events import Actor
from licensing.licenses import LicenseTerms
from licensing.models import Application, BulkJob, BulkRow, LicenseBatch, Policy

_Act, _Status = BulkJob.Act, BulkJob.Status


@transaction.atomic
def issue_in_bulk(
    *,
    policy: Policy,
    count: int,
    actor: Actor,
    now: dt.datetime,
    terms: LicenseTerms | None = None,
    expires_at: dt.datetime | None = None,
    is_dry_run: bool = False,
) -> BulkJob:
    """Ask for `count` licenses (1 to 100,000) under a policy, as one batch; a worker issues them.

    Raises InvalidRequestError when the count, the end or a term is out of bounds.
    """
    _refuse_many(count)
    end = expires_at or policy.expiry_of_a_license_issued(now)
    _refuse_past(end, now)
    _try_terms(policy, terms or LicenseTerms())
    application = policy.application
    batch = None if is_dry_run else _batch(application, count, actor)
    return _asked(
        application,
        _Act.ISSUE,
        actor,
        count,
        is_dry_run=is_dry_run,
        policy=policy,
        batch=batch,
        terms=dataclasses.asdict(terms or LicenseTerms()),
        expires_at=end,
    )


@transaction.atomic
def issue_each(
    *,
    policy: Policy,
    rows: Sequence[Mapping[str, Any]],
    actor: Actor,
    now: dt.datetime,
    expires_at: dt.datetime | None = None,
    is_dry_run: bool = False,
) -> BulkJob:
    """Ask for licenses that rows tell of (licensing/bulk_files.py): fields of LicenseTerms, and their own `policy` (its id), `expires_at` and `count`.

    What a row leaves out is as `policy` and `expires_at` have it. Raises what `issue_in_bulk` does, and for a policy
    that is not there.
    """
    job = issue_in_bulk(
        policy=policy,
        count=sum(row.get("count", 1) for row in rows),
        actor=actor,
        now=now,
        expires_at=expires_at,
        is_dry_run=is_dry_run,
    )
    # Whole before the first is written: while rows are copied, the connection can ask for nothing.
    facts = list(_resolved(rows, policy, expires_at, now))
    example = BulkRow(application=policy.application, job=job)
    copy_rows(example, ("id", "facts"), ((uuid7(), json.dumps(row)) for row in facts))
    return job


def _resolved(
    rows: Sequence[Mapping[str, Any]],
    policy: Policy,
    expires_at: dt.datetime | None,
    now: dt.datetime,
) -> Iterator[dict[str, Any]]:
    """Yield for each license what is written on it, its policy and its end among it."""
    policies = {str(one.pk): one for one in policy.application.policies.all()}
    for row in rows:
        facts = dict(row)
        named = policies.get(facts.pop("policy", "") or str(policy.pk))
        if named is None:
            raise errors.InvalidRequestError("No policy of this application has this id")
        end = facts.pop("expires_at", None) or expires_at or named.expiry_of_a_license_issued(now)
        facts |= {"policy": str(named.pk), "expires_at": end and end.isoformat()}
        yield from itertools.repeat(facts, facts.pop("count", 1))


@transaction.atomic
def perform_dry_run(*, job: BulkJob, actor: Actor, now: dt.datetime) -> BulkJob:
    """Do what a finished dry run found possible, once: whoever asks again gets the same job.

    Raises InvalidRequestError when it is no finished dry run, found nothing possible, or has been forgotten since.
    """
    job = BulkJob.objects.select_for_update(no_key=True).get(pk=job.pk)
    if performed := BulkJob.objects.filter(dry_run=job).first():
        return performed
    if not job.is_dry_run or job.status != _Status.FINISHED:
        raise errors.InvalidRequestError("Only a finished dry run can be done")
    rows = BulkRow.objects.filter(job=job, code=BulkRow.DONE)
    by_rows = job.act != _Act.ISSUE or job.rows.exists()
    count = rows.count() if by_rows else job.rows_done
    if not count or (job.act == _Act.ISSUE and job.policy is None):
        raise errors.InvalidRequestError("There is nothing left of this dry run that could be done")
    _refuse_past(job.expires_at, now)
    batch = _batch(job.application, count, actor) if job.act == _Act.ISSUE else None
    kept = ("act", "policy", "terms", "expires_at")
    facts = {name: getattr(job, name) for name in kept}
    performed = _asked(
        job.application, _Act(facts.pop("act")), actor, count, batch=batch, dry_run=job, **facts
    )
    if by_rows:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_OVER, {"from": job.pk, "to": performed.pk, "done": BulkRow.DONE})
    return performed


_TAKE_OVER = """
    INSERT INTO licensing_bulkrow (id, application_id, job_id, license_id, facts, code, message)
    SELECT licensing_uuid7(), application_id, %(to)s, license_id, facts, '', ''
    FROM licensing_bulkrow WHERE job_id = %(from)s AND code = %(done)s ORDER BY id
"""


@transaction.atomic
def act_in_bulk(
    *,
    application: Application,
    act: BulkJob.Act,
    license_ids: Iterable[uuid.UUID],
    actor: Actor,
    now: dt.datetime,
    expires_at: dt.datetime | None = None,
    is_dry_run: bool = False,
) -> BulkJob:
    """Ask for one act on up to 100,000 licenses of an application; what is not there or not allowed is told row by row.

    Raises InvalidRequestError when there are none or too many, or the end has passed.
    """
    wanted = list(itertools.islice(dict.fromkeys(license_ids), ROWS_MAX + 1))
    _refuse_many(len(wanted))
    _refuse_past(expires_at, now)
    job = _asked(application, act, actor, len(wanted), is_dry_run=is_dry_run, expires_at=expires_at)
    example = BulkRow(application=application, job=job)
    copy_rows(example, ("id", "license_id"), ((uuid7(), id) for id in wanted))
    return job


def _batch(application: Application, count: int, actor: Actor) -> LicenseBatch:
    return LicenseBatch.objects.create(
        application=application, licenses_count=count, created_by=actor.user
    )


def _asked(
    application: Application, act: BulkJob.Act, actor: Actor, rows_total: int, **facts: object
) -> BulkJob:
    job = BulkJob.objects.create(
        application=application,
        act=act,
        rows_total=rows_total,
        created_by=actor.user,
        actor_kind=actor.kind,
        token_id=actor.token_id,
        token_name=actor.token_name,
        ip_address=actor.ip_address,
        **facts,
    )
    record_of_job("bulk_job.created", job, actor, {"count": rows_total})
    jobs.defer(tasks.run_bulk_job, job_id=str(job.pk))
    return job


def _try_terms(policy: Policy, terms: LicenseTerms) -> None:
    """Let the database judge terms now, by a license that is taken back: told to a worker, it would be told to nobody."""
    with transaction.atomic():
        licenses.fill_batch(batch=None, policy=policy, count=1, terms=terms, expires_at=None)
        transaction.set_rollback(True)


def _refuse_many(count: int) -> None:
    if not 1 <= count <= ROWS_MAX:
        raise errors.InvalidRequestError(f"A job takes 1 to {ROWS_MAX} licenses")


def _refuse_past(expires_at: dt.datetime | None, now: dt.datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise errors.InvalidRequestError("expires_at must be in the future")
