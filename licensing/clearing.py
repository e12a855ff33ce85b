"""Sessions that are long over go, a few at a time, so that tables stay as large as what goes on."""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import Q

from accounts.ids import lowest_id_at
from licensing.models import Session

# So few rows are locked at once, and for so short a time, that no program notices.
_ROWS_PER_TRANSACTION = 500


def clear_sessions(*, over_before: dt.datetime) -> int:
    """Delete the sessions that ended, or ran out, before a moment; return how many that were.

    Whatever is locked meanwhile is left for the next time. An interrupted run keeps what it did.
    """
    # Ids tell when a session was opened, so the primary key leads through all that can be over. An index on the end of a
    # session would make each heartbeat write another row into it.
    last, deleted = uuid.UUID(int=0), 0
    while ids := _next_ids(last, lowest_id_at(over_before)):
        last = ids[-1]
        deleted += _delete_those_over(ids, over_before)
    return deleted


def _next_ids(after: uuid.UUID, before: uuid.UUID) -> list[uuid.UUID]:
    sessions = Session.objects.filter(pk__gt=after, pk__lt=before).order_by("pk")
    return list(sessions.values_list("pk", flat=True)[:_ROWS_PER_TRANSACTION])


@transaction.atomic
def _delete_those_over(ids: list[uuid.UUID], moment: dt.datetime) -> int:
    over = Q(ended_at__lt=moment) | Q(ended_at=None, expires_at__lt=moment)
    sessions = Session.objects.filter(over, pk__in=ids).select_for_update(skip_locked=True)
    deleted, _ = Session.objects.filter(pk__in=[session.pk for session in sessions]).delete()
    return deleted
