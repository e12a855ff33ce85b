"""Delete the accounts whose owners asked for it a week ago, as the worker does every hour."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from licensing.leaving import delete_due_accounts


class Command(BaseCommand):
    help = "Delete accounts that wait for it and whose seven days are over."

    def handle(self, *args: Any, **options: Any) -> None:
        deleted = delete_due_accounts(now=timezone.now())
        self.stdout.write(f"Accounts deleted: {deleted}")
