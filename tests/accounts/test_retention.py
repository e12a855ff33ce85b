"""Old events may go, oldest first; what stays is proven from where they ended, and nothing else can be taken out."""

import datetime as dt
import re
import threading

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts import retention, tasks
from accounts.models import AuditCheck, Event, EventAnchor, EventDetail, EventLink, Team
from licensing import handbook
from tests.accounts.audit.conftest import (
    assert_denied,
    chain_now,
    fetch,
    output_of,
    sql,
    tamper,
    verify,
)

A_DAY = dt.timedelta(days=1)
REMOVE = "SELECT accounts_remove_old_events(%s, now() - interval '100 days', 500)"


def write_events(team: Team, *days_ago: int) -> list[Event]:
    """Events as they were written so many days ago, each with what it tells of a person, in this order in their chain."""
    for days in days_ago:
        sql(
            """WITH event AS (
                INSERT INTO accounts_event
                    (id, team_id, actor_kind, action, target_type, target_id, target_label, before, after, created_at)
                VALUES (gen_random_uuid(), %s, 'system', 'x.happened', 'team', %s, '', '{}', '{}',
                    now() - make_interval(days => %s))
                RETURNING id
            )
            INSERT INTO accounts_eventdetail (event_id, about, salt, facts)
            SELECT id, 'actor', gen_random_uuid(), '{"email": "ada@example.com"}' FROM event""",
            [team.pk, team.pk, days],
        )
        chain_now()
    numbers = EventLink.objects.filter(team_id=team.pk).order_by("number")
    return [Event.objects.get(pk=link.event_id) for link in numbers]


@pytest.fixture
def log(db: None) -> list[Event]:
    """Three events of a year ago, then two of this month."""
    return write_events(Team.objects.create(name="Ada & Co"), 400, 390, 380, 20, 10)


def remove_older_than(days: int) -> int:
    return retention.remove_old_events(older_than=timezone.now() - days * A_DAY)


def test_what_is_older_goes_with_what_it_tells_of_persons(log: list[Event]) -> None:
    assert remove_older_than(365) == 3

    kept = [event.pk for event in log[3:]]
    assert set(Event.objects.values_list("pk", flat=True)) == set(kept)
    assert set(EventLink.objects.values_list("event_id", flat=True)) == set(kept)
    assert set(EventDetail.objects.values_list("event_id", flat=True)) == set(kept)


def test_what_stays_is_proven_from_the_hash_where_the_others_ended(log: list[Event]) -> None:
    third = EventLink.objects.get(event_id=log[2].pk)

    remove_older_than(365)

    anchor = EventAnchor.objects.get()
    assert (anchor.team_id, anchor.number, bytes(anchor.hash)) == (log[0].team_id, 3, third.hash)
    assert verify() == ""
    assert "2 events, 3 removed, 0 details erased, 0 faults" in output_of("verify_audit")


def test_a_chain_goes_on_when_all_of_it_went(log: list[Event]) -> None:
    team = Team.objects.create(name="Old")
    write_events(team, 200, 200)
    remove_older_than(100)
    assert verify() == ""

    write_events(team, 0)

    assert EventLink.objects.get(team_id=team.pk).number == 3
    assert verify() == ""


def test_a_flipped_bit_behind_the_anchor_is_found(log: list[Event]) -> None:
    remove_older_than(365)

    tamper("UPDATE accounts_event SET after = '{\"x\": 1}' WHERE id = %s", [log[3].pk])

    assert "event 4: the event or the link before it was changed" in verify()


@pytest.mark.parametrize("index", [3, 4])
def test_a_missing_event_behind_the_anchor_is_found(log: list[Event], index: int) -> None:
    remove_older_than(365)

    tamper("DELETE FROM accounts_eventlink WHERE event_id = %s", [log[index].pk])
    tamper("DELETE FROM accounts_event WHERE id = %s", [log[index].pk])

    assert verify() != ""


def test_an_anchor_that_was_changed_or_forgotten_is_found(log: list[Event]) -> None:
    remove_older_than(365)

    tamper("UPDATE accounts_eventanchor SET hash = %s", [bytes(32)])
    assert "event 4: the event or the link before it was changed" in verify()

    tamper("DELETE FROM accounts_eventanchor", [])
    assert "event 1: missing, as all up to 3 are" in verify()


def test_an_anchor_that_covers_too_much_is_found(log: list[Event]) -> None:
    link = EventLink.objects.get(event_id=log[3].pk)

    tamper(
        "INSERT INTO accounts_eventanchor (team_id, number, hash, removed_at) VALUES (%s, 4, %s, now())",
        [link.team_id, link.hash],
    )

    assert "event 4: what came before the chain begins is still there" in verify()


def test_ends_that_were_noted_down_still_agree(log: list[Event], tmp_path) -> None:  # type: ignore[no-untyped-def]
    noted = tmp_path / "audit.txt"
    noted.write_text(output_of("verify_audit"))
    write_events(Team.objects.get(pk=log[0].team_id), 0)

    remove_older_than(365)

    assert verify(since=noted) == ""


@pytest.mark.parametrize(
    "statement",
    [
        # Too young, whoever asks.
        "SELECT accounts_remove_old_events(team_id, now() - interval '89 days', 500) FROM accounts_eventchain",
        "SELECT accounts_remove_old_events(team_id, now(), 500) FROM accounts_eventchain",
        "DELETE FROM accounts_event WHERE created_at < now() - interval '365 days'",
        "DELETE FROM accounts_eventlink WHERE number = 1",
        # Anchors are no way around it: only over what is old, where it should be, and true.
        "INSERT INTO accounts_eventanchor (team_id, number, hash, removed_at)"
        " SELECT team_id, number, hash, now() FROM accounts_eventlink WHERE number = 5",
        "INSERT INTO accounts_eventanchor (team_id, number, hash, removed_at)"
        " SELECT team_id, 9, hash, now() FROM accounts_eventlink WHERE number = 3",
        "INSERT INTO accounts_eventanchor (team_id, number, hash, removed_at)"
        " SELECT team_id, 3, '', now() FROM accounts_eventlink WHERE number = 3",
        "INSERT INTO accounts_eventanchor (team_id, number, hash, removed_at)"
        " VALUES (gen_random_uuid(), 1, '', now())",
    ],
)
def test_the_database_lets_nothing_else_go(log: list[Event], statement: str) -> None:
    write_events(Team.objects.get(pk=log[0].team_id), 95)
    with pytest.raises(ProgrammingError, match="audit log"), transaction.atomic():
        sql(statement)

    assert Event.objects.count() == 6
    assert verify() == ""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_eventanchor SET number = 5",
        "DELETE FROM accounts_eventanchor",
        "TRUNCATE accounts_eventanchor",
    ],
)
def test_anchors_stay_as_they_were_written(log: list[Event], statement: str) -> None:
    remove_older_than(365)
    sql("SET LOCAL lockence.may_empty_events = 'no'")

    with pytest.raises(ProgrammingError, match="audit log"), transaction.atomic():
        sql(statement)


def test_an_old_event_behind_a_young_one_waits_for_it(db: None) -> None:
    write_events(Team.objects.create(name="Ada & Co"), 400, 20, 380)

    assert remove_older_than(365) == 1
    assert verify() == ""


def test_what_was_tampered_with_stays_as_evidence(log: list[Event]) -> None:
    tamper("DELETE FROM accounts_eventlink WHERE event_id = %s", [log[1].pk])

    assert remove_older_than(365) == 1
    assert "event 2: missing" in verify()

    AuditCheck.objects.create(checked_at=timezone.now(), events=5, faults=1)
    assert remove_older_than(365) == 0


def test_more_go_than_fit_into_one_transaction(
    log: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_ROWS_PER_TRANSACTION", 2)

    assert remove_older_than(365) == 3
    assert [anchor.number for anchor in EventAnchor.objects.order_by("number")] == [2, 3]
    assert verify() == ""


def test_the_runtime_role_removes_nothing_until_the_owner_says_what_the_page_has(
    log: list[Event],
) -> None:
    sql("CREATE ROLE lockence_test_web")
    roles = (settings.BASE_DIR / "ops" / "roles.sql").read_text()
    sql(roles.replace(':"runtime"', "lockence_test_web"))
    sql("SET LOCAL ROLE lockence_test_web")

    assert_denied(f"SELECT accounts_remove_old_events('{log[0].team_id}', '2000-01-01', 1)")
    for verb in ("DELETE FROM", "TRUNCATE"):
        assert_denied(f"{verb} accounts_eventanchor")
    assert_denied("INSERT INTO accounts_eventanchor VALUES (1, gen_random_uuid(), 1, '', now())")

    sql("RESET ROLE")
    page = handbook.sources()["how-to/audit-log"].read_text()
    (grant,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    sql(grant.replace("lockence_web", "lockence_test_web"))
    sql("SET LOCAL ROLE lockence_test_web")
    assert remove_older_than(365) == 3
    assert_denied("DELETE FROM accounts_event")
    assert verify() == ""


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_removal() -> None:
    """While one is under way, the team's next events are written and chained, and another removal finds nothing to do."""
    team = Team.objects.create(name="Ada & Co")
    with transaction.atomic():
        write_events(team, 400, 390)
    done: list[object] = []

    def meanwhile() -> None:
        sql("SET lock_timeout = '1s'")
        with transaction.atomic():
            write_events(team, 0)
        done.append(fetch(REMOVE, [team.pk])[0])
        connection.close()

    with transaction.atomic():
        removed = fetch(REMOVE, [team.pk])[0]
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join(30)

    assert (removed, done) == (2, [0])
    assert EventLink.objects.get().number == 3
    assert verify() == ""


@pytest.mark.parametrize(("days", "left"), [(0, 5), (365, 2), (385, 3)])
def test_the_worker_removes_what_is_older_than_the_setting_says(
    log: list[Event],
    settings: pytest.FixtureRequest,
    days: int,
    left: int,
) -> None:
    settings.EVENTS_KEPT_DAYS = days  # type: ignore[attr-defined]

    tasks.remove_old_events(timestamp=0)

    assert Event.objects.count() == left
