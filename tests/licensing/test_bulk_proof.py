"""The promise of bulk jobs, with real workers that are killed in the middle: nothing is done twice, and nothing left out."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from accounts import jobs
from accounts.events import SYSTEM
from licensing import bulk
from licensing.models import BulkJob, Event, License
from tests import factories
from tests.servers import ROOT, database_url

LICENSES, KILLS = 6_000, 3
SECONDS_MAX = 90


def worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "procrastinate", "worker"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        stderr=subprocess.DEVNULL,
    )


def finish_with_killed_workers(job: BulkJob) -> int:
    """Return how often a worker was killed before the job was over."""
    kills = 0
    for kill in range(KILLS):
        running = worker()
        try:
            wait_until_done(job, LICENSES * (kill + 1) // (KILLS + 2))
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()
        with connection.cursor() as cursor:
            # Half a minute of silence, without waiting for it.
            cursor.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"
            )
        # Whatever else the worker was at is rescued as well.
        kills += jobs.rescue_stalled() > 0
    running = worker()
    try:
        wait_until_done(job, LICENSES)
    finally:
        running.terminate()
        running.wait()
    return kills


def wait_until_done(job: BulkJob, count: int) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        job.refresh_from_db()
        if job.rows_over >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{job.rows_over} of {count} in {SECONDS_MAX} seconds")


@pytest.mark.timeout(5 * SECONDS_MAX)
@pytest.mark.django_db(transaction=True)
def test_a_job_of_killed_workers_is_done_once_and_whole() -> None:
    application = factories.make_application()
    licenses = factories.make_licenses(application, LICENSES)
    job = factories.make_bulk_job(*licenses)

    assert finish_with_killed_workers(job) == KILLS

    assert (job.status, job.rows_done, job.rows_failed) == ("finished", LICENSES, 0)
    assert application.licenses.filter(status="suspended").count() == LICENSES
    events = Event.objects.filter(application_id=application.pk, action="license.suspended")
    told = events.values("license_id").annotate(count=Count("pk")).order_by()
    assert {row["license_id"]: row["count"] for row in told} == {
        license.pk: 1 for license in licenses
    }


@pytest.mark.timeout(5 * SECONDS_MAX)
@pytest.mark.django_db(transaction=True)
def test_killed_workers_issue_no_key_too_many() -> None:
    application = factories.make_application()
    rows = [{"username": f"customer {number}"} for number in range(LICENSES)]
    job = bulk.issue_each(
        policy=application.default_policy(), rows=rows, actor=SYSTEM, now=timezone.now()
    )

    assert finish_with_killed_workers(job) == KILLS

    issued = License.objects.filter(batch=job.batch).values_list("username", flat=True)
    assert sorted(issued) == sorted(row["username"] for row in rows)
