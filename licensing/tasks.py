"""What the installation does by itself for what is licensed."""

from django.utils import timezone
from procrastinate.contrib.django import app

from licensing import leaving


@app.periodic(cron="29 * * * *", queueing_lock="delete_due_accounts")
@app.task(name="delete_due_accounts", lock="delete_due_accounts")
def delete_due_accounts(timestamp: int) -> None:
    leaving.delete_due_accounts(now=timezone.now())
