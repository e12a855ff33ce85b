"""Sessions that are long over are deleted, and no others."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.ids import lowest_id_at, uuid7
from licensing import clearing, tasks
from licensing.models import License, Session
from tests import factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def license(db: None) -> License:
    return factories.make_license()


def session(license: License, opened_at: dt.datetime, **facts: Any) -> Session:
    """As one that was opened then: its id tells the time."""
    row = factories.make_session(license)
    Session.objects.filter(pk=row.pk).delete()
    row.pk = type(row.pk)(int=lowest_id_at(opened_at).int | uuid7().int & (1 << 80) - 1)
    row.opened_at = row.last_seen_at = opened_at
    row.expires_at = opened_at + A_DAY
    for name, value in facts.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row


def ended(at: dt.datetime) -> dict[str, Any]:
    return {"ended_at": at, "ended_reason": Session.EndedReason.LOGOUT}


def test_what_ended_or_ran_out_before_goes(license: License) -> None:
    session(license, NOW - 40 * A_DAY)
    session(license, NOW - 40 * A_DAY, **ended(NOW - 39 * A_DAY))

    assert clearing.clear_sessions(over_before=NOW - 30 * A_DAY) == 2
    assert not Session.objects.exists()


def test_what_lives_or_is_over_for_less_stays(license: License) -> None:
    session(license, NOW - 40 * A_DAY, expires_at=NOW + A_DAY)
    session(license, NOW - 40 * A_DAY, expires_at=NOW - 29 * A_DAY)
    session(license, NOW - 40 * A_DAY, expires_at=NOW - A_DAY, **ended(NOW - 29 * A_DAY))
    session(license, NOW)

    assert clearing.clear_sessions(over_before=NOW - 30 * A_DAY) == 0
    assert Session.objects.count() == 4


def test_more_go_than_fit_into_one_transaction(
    license: License, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "_ROWS_PER_TRANSACTION", 2)
    for day in range(5):
        session(license, NOW - (40 + day) * A_DAY)

    assert clearing.clear_sessions(over_before=NOW - 30 * A_DAY) == 5


def test_over_a_month_of_traffic_no_more_stays_than_is_kept(license: License) -> None:
    counts = []
    for day in range(31):
        today = NOW + day * A_DAY
        session(license, today, **ended(today + A_DAY / 2))
        session(license, today)
        clearing.clear_sessions(over_before=today - 7 * A_DAY)
        counts.append(Session.objects.count())

    assert max(counts) == counts[-1] == 17


@pytest.mark.django_db(transaction=True)
def test_a_session_that_a_program_holds_is_left_for_the_next_time() -> None:
    held = session(factories.make_license(), NOW - 40 * A_DAY)
    cleared: list[int] = []

    def clear() -> None:
        cleared.append(clearing.clear_sessions(over_before=NOW))
        connection.close()

    with transaction.atomic():
        Session.objects.select_for_update().get(pk=held.pk)
        thread = threading.Thread(target=clear)
        thread.start()
        thread.join(30)

    assert cleared == [0]


def test_the_worker_clears_what_is_older_than_the_setting_says(
    license: License, settings: Any
) -> None:
    settings.SESSIONS_KEPT_DAYS = 10
    session(license, timezone.now() - 20 * A_DAY)
    session(license, timezone.now() - 5 * A_DAY)

    tasks.clear_program_sessions(timestamp=0)

    assert Session.objects.count() == 1
