"""Old events go where an operator wants that: oldest first, a few at a time, and the proof begins where they ended."""

import datetime as dt
import logging
import uuid

from django.db import connection, transaction

from accounts.models import AuditCheck, EventChain

logger = logging.getLogger(__name__)

# So few rows are locked at once, and for so short a time, that nobody notices.
_ROWS_PER_TRANSACTION = 500


def remove_old_events(*, older_than: dt.datetime) -> int:
    """Remove the events from before a moment, with what they tell of persons; return how many that were.

    The database removes none that is younger than 90 days, and none out of its order (accounts, migration 0012). Where the last
    check of the log found a fault, all stay as they are, for they are evidence. An interrupted run keeps what it did.
    """
    last_check = AuditCheck.objects.first()
    if last_check and last_check.faults:
        logger.error("No old events are removed: the last check of the audit log found faults")
        return 0
    teams = EventChain.objects.order_by("team_id").values_list("team_id", flat=True)
    return sum(_remove_of_team(team_id, older_than) for team_id in list(teams))


def _remove_of_team(team_id: uuid.UUID, older_than: dt.datetime) -> int:
    removed = 0
    while count := _remove_some(team_id, older_than):
        removed += count
    return removed


@transaction.atomic
def _remove_some(team_id: uuid.UUID, older_than: dt.datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT accounts_remove_old_events(%s, %s, %s)",
            [team_id, older_than, _ROWS_PER_TRANSACTION],
        )
        return int(cursor.fetchone()[0])
