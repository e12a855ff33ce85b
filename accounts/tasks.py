"""What the installation does by itself for accounts, the audit log and the queue; times are those of PostgreSQL's clock, in UTC."""

import datetime as dt

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from procrastinate.contrib.django import app

from accounts import audit, jobs, retention


@app.periodic(cron="* * * * *", queueing_lock="rescue_stalled_jobs")
@app.task(name="rescue_stalled_jobs")
def rescue_stalled_jobs(timestamp: int) -> None:
    jobs.rescue_stalled()


@app.periodic(cron="11 * * * *", queueing_lock="delete_old_jobs")
@app.task(name="delete_old_jobs")
def delete_old_jobs(timestamp: int) -> None:
    jobs.delete_old()


@app.periodic(cron="23 * * * *", queueing_lock="clear_sessions")
@app.task(name="clear_sessions")
def clear_sessions(timestamp: int) -> None:
    call_command("clearsessions")


# Asked every hour and done once a day, so that no hour of downtime makes it miss one.
@app.periodic(cron="41 * * * *", queueing_lock="check_audit_log")
@app.task(name="check_audit_log", lock="check_audit_log")
def check_audit_log(timestamp: int) -> None:
    audit.check_if_due(now=timezone.now())


@app.periodic(cron="53 * * * *", queueing_lock="remove_old_events")
@app.task(name="remove_old_events", lock="remove_old_events")
def remove_old_events(timestamp: int) -> None:
    if settings.EVENTS_KEPT_DAYS:
        kept = dt.timedelta(days=settings.EVENTS_KEPT_DAYS)
        retention.remove_old_events(older_than=timezone.now() - kept)
