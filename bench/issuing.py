"""Issuing many keys in the bench's database, for bench/keys.py, told in processors' time, which other programs disturb less than the clock."""

import os
import resource
import sys
import time

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
django.setup()

# Models can be imported only now that Django is set up.
from accounts.models import Team  # noqa: E402
from bench import processes  # noqa: E402
from licensing import applications, licenses  # noqa: E402
from licensing.events import SYSTEM  # noqa: E402
from licensing.models import Application  # noqa: E402


def main(count: int) -> None:
    call_command("migrate", verbosity=0)
    team = Team.objects.create(name="Bench")
    application = applications.create_application(team=team, name="Bench", actor=SYSTEM)
    for number in (max(1, count // 10), count):
        web, database, began = time.process_time(), _database_seconds(), time.monotonic()
        _issue(application, number)
        wall = time.monotonic() - began
        web, database = time.process_time() - web, _database_seconds() - database
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{number:>9,} keys: {web:.1f} s in the site, {database:.1f} s in PostgreSQL,"
            f" {wall:.1f} s by the clock, {memory_mb:.0f} MB at most",
            flush=True,
        )


def _issue(application: Application, count: int) -> None:
    for done in range(0, count, licenses.BATCH_MAX):
        licenses.issue_licenses(
            policy=application.default_policy(),
            count=min(licenses.BATCH_MAX, count - done),
            terms=licenses.LicenseTerms(username="Ada Lovelace"),
            actor=SYSTEM,
            now=timezone.now(),
        )


def _database_seconds() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return processes.cpu_seconds([pid]) or 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]))
