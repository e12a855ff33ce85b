"""Jobs in tests: run at once, in this process and on this connection, as a worker would."""

import json

from django.db import connection
from procrastinate.contrib.django import app

_FETCH = "SELECT id, task_name, args FROM procrastinate_fetch_job_v2(NULL, NULL)"


def run_due_jobs(jobs_max: int = 1_000) -> int:
    """Run every job that is due, and those that they bring along; return how many that were. What one raises is raised."""
    for done in range(jobs_max):
        with connection.cursor() as cursor:
            cursor.execute(_FETCH)
            job_id, name, arguments = cursor.fetchone()
        if job_id is None:
            return done
        app.tasks[name].func(**json.loads(arguments))
        with connection.cursor() as cursor:
            cursor.execute("SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", [job_id])
    raise AssertionError("The queue does not end")
