"""Tell which keys made which rows, and move rows to the current keys while the service runs."""

import time
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing import key_rotation

# A row that was in use is tried again; what is still there after so many passes has another reason.
_PASSES_MAX = 20
_SECONDS_BETWEEN_PASSES = 0.5
_SECONDS_BETWEEN_LINES = 2


class Command(BaseCommand):
    help = (
        "Report how many rows each encryption, index and hwid key made; with --rotate, move them to the current "
        "keys first. Safe to break off and to run again, beside a running service."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rotate", action="store_true", help="re-encrypt and re-index")
        parser.add_argument(
            "--batch", type=int, default=200, metavar="ROWS", help="rows in one transaction (200)"
        )
        parser.add_argument(
            "--pause",
            type=float,
            default=0,
            metavar="SECONDS",
            help="rest after each transaction (0), to leave the database to others",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1 or options["pause"] < 0:
            raise CommandError("--batch must be at least 1, and --pause not negative")
        if options["rotate"]:
            self._rotate(options["batch"], options["pause"])
        lost = sum(self._tell(use) for use in key_rotation.uses_of_keys())
        if lost:
            raise CommandError(
                f"{lost} row(s) can be read with no key of ENCRYPTION_KEYS: put the missing key back."
            )

    def _rotate(self, batch_size: int, pause: float) -> None:
        undecipherable = 0
        for _ in range(_PASSES_MAX):
            undecipherable = self._pass(batch_size, pause)
            if key_rotation.rows_left() <= undecipherable:
                break
            time.sleep(_SECONDS_BETWEEN_PASSES)
        if undecipherable:
            raise CommandError(f"{undecipherable} row(s) do not open with any configured key.")
        if left := key_rotation.rows_left():
            raise CommandError(
                f"{left} row(s) are still under other keys: does a process run that has not been restarted?"
            )

    def _pass(self, batch_size: int, pause: float) -> int:
        moved, told_at, undecipherable = Counter[str](), time.monotonic(), 0
        for batch in key_rotation.rotate(batch_size):
            moved[batch.place] += batch.moved
            undecipherable += batch.undecipherable
            if time.monotonic() > told_at + _SECONDS_BETWEEN_LINES:
                self.stdout.write(f"{batch.place}: {moved[batch.place]:,} rows moved so far")
                told_at = time.monotonic()
            time.sleep(pause)
        for place, rows in moved.items():
            self.stdout.write(f"{place}: {rows:,} rows moved")
        return undecipherable

    def _tell(self, use: key_rotation.KeyUse) -> int:
        state = "current" if use.is_current else "old" if use.is_configured else "NOT CONFIGURED"
        self.stdout.write(
            f"{use.ring:<16} {use.place:<40} {use.key_id or '?':<16} {use.rows:>12,}  {state}"
        )
        # Digests of keys are made anew from the ciphertext; a device under a lost key counts as one never seen.
        is_precious = use.ring == "ENCRYPTION_KEYS" and not use.is_disposable
        is_lost = is_precious and not use.is_configured
        return use.rows if is_lost else 0
