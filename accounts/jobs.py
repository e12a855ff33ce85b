# ruff: noqa: S608 (statements are put together from constants of this file alone)
"""Work that is done later: jobs lie in PostgreSQL (procrastinate), put there in the transaction of the act that wants them.

A task is a function of an app's tasks.py; `manage.py procrastinate worker` runs them. Jobs hold ids and no more: what they are called with
is kept in the clear. A worker may be killed at any moment, and its jobs are run again, so doing one twice must do no harm.
"""

import dataclasses
import datetime as dt
import json
from typing import Any

from django.db import IntegrityError, connection, transaction
from procrastinate.tasks import Task

# A worker tells every ten seconds that it lives.
_SILENCE_SECONDS_MAX = 30
_FAILED_DAYS_MAX = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Queue:
    """How the queue stands: jobs that could start at once, jobs that run, jobs that failed, and workers that live."""

    waiting: int
    oldest_seconds: float
    running: int
    failed: int
    workers: int


def defer(
    task: Task[..., Any, ...],
    *,
    at: dt.datetime | None = None,
    lock: str | None = None,
    queueing_lock: str | None = None,
    **arguments: str | int,
) -> int | None:
    """Have a task run once this transaction is committed, and not before `at`; return the job's id.

    Of jobs with the same `lock` one runs at a time, in their order. Of those with the same `queueing_lock` one waits at a time: when
    there is one already, nothing happens and the answer is None.
    """
    # By Django's own connection: procrastinate's connector for workers has connections of its own, which know nothing of our transaction.
    with connection.cursor() as cursor:
        cursor.execute(
            _DEFER,
            [
                task.queue,
                task.name,
                lock or task.lock,
                queueing_lock or task.queueing_lock,
                json.dumps(arguments),
                at,
            ],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def rescue_stalled() -> int:
    """Let the jobs of workers that were killed wait again; return how many that were."""
    with connection.cursor() as cursor:
        cursor.execute(_STALLED, [_SILENCE_SECONDS_MAX])
        return sum(_rescue(job_id) for (job_id,) in cursor.fetchall())


def delete_old() -> int:
    """Delete failed jobs that nobody looked at for a month; those that went well are gone already. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_DELETE_OLD, [_FAILED_DAYS_MAX])
        return int(cursor.rowcount)


def queue() -> Queue:
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, [_SILENCE_SECONDS_MAX])
        waiting, oldest_seconds, running, failed, workers = cursor.fetchone()
    return Queue(waiting, float(oldest_seconds), running, failed, workers)


def _rescue(job_id: int) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_WAIT_AGAIN, [job_id])
            return bool(cursor.rowcount)
    except IntegrityError:
        # Another with its queueing lock waits already and does the same.
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM procrastinate_jobs WHERE id = %s AND status = 'doing'", [job_id]
            )
        return False


_DEFER = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id
"""

_IS_ALIVE = "last_heartbeat >= now() - make_interval(secs => %s)"

_STALLED = f"""
    SELECT job.id FROM procrastinate_jobs job
    WHERE job.status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers worker WHERE worker.id = job.worker_id AND {_IS_ALIVE}
    )
    ORDER BY job.id
"""

_WAIT_AGAIN = """
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL, attempts = attempts + 1
    WHERE id = %s AND status = 'doing'
"""

_DELETE_OLD = """
    DELETE FROM procrastinate_jobs job
    WHERE job.status IN ('succeeded', 'failed', 'cancelled', 'aborted') AND NOT EXISTS (
        SELECT FROM procrastinate_events event
        WHERE event.job_id = job.id AND event.at > now() - make_interval(days => %s)
    )
"""

_IS_DUE = "job.status = 'todo' AND COALESCE(job.scheduled_at <= now(), true)"

_QUEUE = f"""
    SELECT
        count(*) FILTER (WHERE {_IS_DUE}),
        COALESCE(max(extract(epoch FROM now() - since.at)) FILTER (WHERE {_IS_DUE}), 0),
        count(*) FILTER (WHERE job.status = 'doing'),
        count(*) FILTER (WHERE job.status = 'failed'),
        (SELECT count(*) FROM procrastinate_workers WHERE {_IS_ALIVE})
    FROM procrastinate_jobs job
    LEFT JOIN LATERAL (
        SELECT GREATEST(job.scheduled_at, max(event.at)) AS at
        FROM procrastinate_events event
        WHERE job.status = 'todo' AND event.job_id = job.id
    ) since ON true
"""
