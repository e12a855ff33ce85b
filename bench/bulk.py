"""How long bulk jobs take: each act on as many licenses as a job takes, by the worker's own code. docs/management/bulk.md has the figures.

Run with `./dev bench bulk`, and `--licenses` and `--acts` for less; the figures are of one process on an idle machine.
"""

import argparse
import datetime as dt
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence

import django

ACTS = ("issue", "file", "extend", "suspend", "restore", "revoke", "delete")


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser(prog="./dev bench bulk")
    options.add_argument("--licenses", type=int, default=100_000)
    options.add_argument("--acts", nargs="+", choices=ACTS, default=ACTS)
    chosen = options.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
    django.setup()
    measure(chosen.licenses, chosen.acts)
    return 0


def measure(count: int, acts: Sequence[str]) -> None:
    # Only once Django is there.
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Team
    from licensing import applications, bulk, bulk_files, bulk_pieces
    from licensing.events import SYSTEM
    from licensing.models import BulkJob

    call_command("migrate", verbosity=0)
    team = Team.objects.create(name="Bench")
    application = applications.create_application(team=team, name="Bench", actor=SYSTEM)
    policy = application.default_policy()
    now = timezone.now()

    def issue() -> BulkJob:
        return bulk.issue_in_bulk(policy=policy, count=count, actor=SYSTEM, now=now)

    def from_file() -> BulkJob:
        lines = [f"customer {number},c{number}@example.com,3" for number in range(count)]
        sent = "\r\n".join(["username,email,devices_max", *lines]).encode()
        rows = bulk_files.new_licenses_in(sent, bulk_files.CSV, [policy])
        return bulk.issue_each(policy=policy, rows=rows, actor=SYSTEM, now=now)

    def on_all(act: str) -> BulkJob:
        ids = application.licenses.order_by("pk").values_list("pk", flat=True)[:count]
        end = now + dt.timedelta(days=365) if act == "extend" else None
        return bulk.act_in_bulk(
            application=application,
            act=BulkJob.Act(act),
            license_ids=ids,
            expires_at=end,
            actor=SYSTEM,
            now=now,
        )

    def run(act: str, ask: Callable[[], BulkJob]) -> None:
        # As on a database that has been there for a while: plans are made for tables that are full.
        connection.cursor().execute("VACUUM ANALYZE")
        connection.close()
        began, cpu = time.perf_counter(), time.process_time()
        job = ask()
        asked = time.perf_counter()
        bulk_pieces.run_job(job_id=job.pk, now=timezone.now)
        over = time.perf_counter()
        job.refresh_from_db()
        told = {
            "act": act,
            "done": job.rows_done,
            "failed": job.rows_failed,
            "asking_seconds": round(asked - began, 1),
            "working_seconds": round(over - asked, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()

    for act in acts:
        if act in ("issue", "file"):
            run(act, issue if act == "issue" else from_file)
        else:
            run(act, lambda act=act: on_all(act))  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
