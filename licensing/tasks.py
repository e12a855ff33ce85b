"""What the installation does by itself for what is licensed."""

import datetime as dt
import uuid

from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from licensing import bulk_pieces, clearing, consumption, leaving, webhook_delivery


@app.periodic(cron="29 * * * *", queueing_lock="delete_due_accounts")
@app.task(name="delete_due_accounts", lock="delete_due_accounts")
def delete_due_accounts(timestamp: int) -> None:
    leaving.delete_due_accounts(now=timezone.now())


@app.periodic(cron="37 * * * *", queueing_lock="clear_program_sessions")
@app.task(name="clear_program_sessions", lock="clear_program_sessions")
def clear_program_sessions(timestamp: int) -> None:
    kept = dt.timedelta(days=settings.SESSIONS_KEPT_DAYS)
    clearing.clear_sessions(over_before=timezone.now() - kept)


@app.task(name="run_bulk_job")
def run_bulk_job(job_id: str) -> None:
    bulk_pieces.run_job(job_id=uuid.UUID(job_id), now=timezone.now)


@app.periodic(cron="53 * * * *", queueing_lock="forget_bulk_rows")
@app.task(name="forget_bulk_rows", lock="forget_bulk_rows")
def forget_bulk_rows(timestamp: int) -> None:
    bulk_pieces.forget_old(now=timezone.now())


@app.periodic(cron="43 * * * *", queueing_lock="forget_consumptions")
@app.task(name="forget_consumptions", lock="forget_consumptions")
def forget_consumptions(timestamp: int) -> None:
    consumption.forget_old(now=timezone.now())


# The jobs that an event or a failure brings are only a wake-up; this is what makes up for one that was lost.
@app.periodic(cron="* * * * *", queueing_lock="wake_webhooks")
@app.task(name="wake_webhooks")
def wake_webhooks(timestamp: int) -> None:
    webhook_delivery.wake_all_due(now=timezone.now())


@app.periodic(cron="17 * * * *", queueing_lock="delete_old_webhook_deliveries")
@app.task(name="delete_old_webhook_deliveries")
def delete_old_webhook_deliveries(timestamp: int) -> None:
    webhook_delivery.delete_old(now=timezone.now())
