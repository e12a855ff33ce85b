"""Jobs: put in by the act that wants them, run once it is committed, and never lost."""

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts import jobs, tasks
from accounts.models import AuditCheck, Team, User
from lockence.logging import JobArgumentsFilter
from tests import factories
from tests.accounts.audit.conftest import chain_now, tamper
from tests.jobs import run_due_jobs
from tests.servers import database_url

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db


def check_audit_log(**how: object) -> int | None:
    return jobs.defer(tasks.check_audit_log, timestamp=0, **how)  # type: ignore[arg-type]


def test_a_job_is_run_once() -> None:
    check_audit_log()

    assert run_due_jobs() == 1
    assert run_due_jobs() == 0
    assert AuditCheck.objects.count() == 1


def test_an_act_that_is_taken_back_takes_its_jobs_along() -> None:
    with transaction.atomic():
        check_audit_log()
        transaction.set_rollback(True)

    assert run_due_jobs() == 0


def test_a_job_waits_for_its_time() -> None:
    check_audit_log(at=timezone.now() + dt.timedelta(hours=1))

    assert run_due_jobs() == 0
    assert jobs.queue().waiting == 0


def test_of_those_with_one_queueing_lock_one_waits() -> None:
    assert check_audit_log(queueing_lock="one") is not None
    assert check_audit_log(queueing_lock="one") is None
    assert check_audit_log(queueing_lock="another") is not None


def test_jobs_of_a_killed_worker_wait_again() -> None:
    job_id = check_audit_log(queueing_lock="check")
    take_by_a_worker_that_dies(job_id)

    assert jobs.rescue_stalled() == 1
    assert run_due_jobs() == 1


def test_a_killed_workers_job_whose_like_waits_already_is_not_needed() -> None:
    job_id = check_audit_log(queueing_lock="check")
    take_by_a_worker_that_dies(job_id)
    check_audit_log(queueing_lock="check")

    assert jobs.rescue_stalled() == 0
    assert run_due_jobs() == 1


def test_jobs_of_a_worker_that_lives_are_left_to_it() -> None:
    take_by_a_worker_that_dies(check_audit_log(), silent_for="0 s")

    assert jobs.rescue_stalled() == 0


def take_by_a_worker_that_dies(job_id: int | None, silent_for: str = "31 s") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH worker AS (INSERT INTO procrastinate_workers (last_heartbeat) "
            "VALUES (now() - %s::interval) RETURNING id) "
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM worker) "
            "WHERE id = %s",
            [silent_for, job_id],
        )


@pytest.mark.django_db(transaction=True)
def test_what_one_test_commits_no_other_finds() -> None:
    take_by_a_worker_that_dies(check_audit_log(), silent_for="0 s")
    check_audit_log()
    cache.set("known", 1)

    # As after every test that commits.
    call_command("flush", interactive=False, verbosity=0)

    assert jobs.queue() == jobs.Queue(waiting=0, oldest_seconds=0, running=0, failed=0, workers=0)
    assert cache.get("known") is None


def test_old_failures_are_deleted_and_new_ones_kept() -> None:
    for age in ("31 days", "29 days"):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [check_audit_log()]
            )
            cursor.execute(
                "UPDATE procrastinate_events SET at = now() - %s::interval WHERE at > now() - interval '1 s'",
                [age],
            )

    assert jobs.delete_old() == 1
    assert jobs.queue().failed == 1


def test_what_the_installation_does_by_itself() -> None:
    periodic = app.periodic_registry.periodic_tasks.values()

    assert {task.task.name for task in periodic} >= {
        "check_audit_log",
        "clear_sessions",
        "delete_due_accounts",
        "forget_consumptions",
        "delete_old_jobs",
        "rescue_stalled_jobs",
    }
    for each in periodic:
        jobs.defer(each.task, timestamp=0)
    assert run_due_jobs() >= 5


def test_the_log_is_checked_once_a_day(team: Team) -> None:
    chain_now()

    for _ in range(3):
        check_audit_log()
        run_due_jobs()

    assert AuditCheck.objects.get().faults == 0


def test_a_changed_log_raises_the_alarm(
    team: Team, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    chain_now()
    tamper("UPDATE accounts_event SET action = %s", ["nothing.happened"])

    check_audit_log()
    run_due_jobs()

    assert "The audit log is not as it was written" in caplog.text
    assert caplog.records[-1].levelno == logging.CRITICAL
    assert "lockence_audit_faults 1.0" in client.get("/metrics").text


def test_metrics_tell_how_the_queue_stands(client: Client) -> None:
    check_audit_log()
    take_by_a_worker_that_dies(check_audit_log(), silent_for="0 s")

    text = client.get("/metrics").text

    assert "lockence_jobs_waiting 1.0" in text
    assert "lockence_jobs_running 1.0" in text
    assert "lockence_workers 1.0" in text
    assert "lockence_jobs_oldest_seconds" in text


def test_a_failing_job_is_logged_without_what_it_was_called_with() -> None:
    record = logging.LogRecord(
        "procrastinate", logging.ERROR, "", 0, "Job t[1](secret='x') ended", (), None
    )
    record.job = {"call_string": "t[1](secret='x')", "task_name": "t", "id": 1}

    assert JobArgumentsFilter().filter(record)

    assert record.getMessage() == "Job t[1] ended"


@pytest.mark.django_db(transaction=True)
def test_a_worker_runs_what_is_put_in_and_stops_when_it_is_told_to(developer: User) -> None:
    factories.make_team(developer)
    # The threads of a worker end with it, and so do their connections.
    warnings = ["-W", "error", "-W", "ignore::ResourceWarning"]
    with subprocess.Popen(
        [sys.executable, *warnings, "manage.py", "procrastinate", "worker"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        check_audit_log()
        deadline = time.monotonic() + 20
        while not AuditCheck.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=20)

    assert AuditCheck.objects.get().faults == 0, log
    assert worker.returncode == 0
    assert "Warning" not in log
    assert not ProcrastinateJob.objects.filter(status="doing").exists()
