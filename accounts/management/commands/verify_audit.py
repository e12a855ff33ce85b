"""Check the audit log of one team or of all; exit code 1 when anything in it was changed, or is missing."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import ChainCheck, Mark, teams_with_events


class Command(BaseCommand):
    help = "Check that no event of the audit log was changed or removed, and say where it ends."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", type=UUID, help="only this team's log (default: all)")
        parser.add_argument(
            "--since",
            type=Path,
            metavar="FILE",
            help="what this command printed before: every end in it must still be in its chain",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        marks = _marks_in(options["since"]) if options["since"] else {}
        teams = [options["team"]] if options["team"] else {*teams_with_events(), *marks}
        faults = sum(self._check(ChainCheck(team, marks.get(team))) for team in sorted(teams))
        if faults:
            raise CommandError(f"The audit log is not as it was written: {faults} fault(s).")

    def _check(self, check: ChainCheck) -> int:
        faults = 0
        for fault in check.faults():
            faults += 1
            self.stderr.write(f"{fault.team_id} event {fault.number}: {fault.what}")
        end = f"{check.team_id} {check.mark.number} {check.mark.hash.hex()}"
        removed = f"{check.removed} removed, " if check.removed else ""
        erased = f"{check.details_erased} details erased"
        self.stdout.write(f"{end}  {check.events} events, {removed}{erased}, {faults} faults")
        return faults


def _marks_in(path: Path) -> dict[UUID, Mark]:
    marks = {}
    for line in path.read_text().splitlines():
        try:
            team_id, number, hash = line.split()[:3]
            marks[UUID(team_id)] = Mark(int(number), bytes.fromhex(hash))
        except ValueError as error:
            raise CommandError(f"{path} is not what verify_audit prints: {line!r}") from error
    return marks
