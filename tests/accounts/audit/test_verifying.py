# ruff: noqa: S608 (statements are put together from constants of this file alone)
"""What `verify_audit` finds of what was done to the log behind the database's back."""

import uuid
from pathlib import Path

import pytest

from accounts.events import SYSTEM, Place, record
from accounts.models import Event
from tests import factories
from tests.accounts.audit.conftest import (
    chain_now,
    fetch,
    output_of,
    remove,
    tamper,
    turn_back,
    verify,
)

EVENT_COLUMNS = {
    "id": uuid.UUID(int=7),
    "team_id": uuid.UUID(int=7),
    "application_id": uuid.UUID(int=7),
    "license_id": None,
    "actor_kind": "system",
    "actor_id": None,
    "action": "license.restored",
    "target_type": "device",
    "target_id": uuid.UUID(int=7),
    "target_label": "…AAAAB",
    "before": '{"status": "revoked"}',
    "after": "{}",
    "created_at": "2001-01-01T00:00:00Z",
}


def test_no_column_of_an_event_is_left_out() -> None:
    assert EVENT_COLUMNS.keys() == {field.column for field in Event._meta.concrete_fields}


@pytest.mark.parametrize("column", EVENT_COLUMNS)
def test_a_change_to_any_column_is_found(log: list[Event], column: str) -> None:
    tamper(
        f"UPDATE accounts_event SET {column} = %s WHERE id = %s",
        [EVENT_COLUMNS[column], log[5].pk],
    )

    assert "event 6:" in verify()


def test_one_flipped_bit_is_found(log: list[Event]) -> None:
    [before] = fetch("SELECT action FROM accounts_event WHERE id = %s", [log[5].pk])
    flipped = chr(ord(before[0]) ^ 1) + before[1:]
    tamper("UPDATE accounts_event SET action = %s WHERE id = %s", [flipped, log[5].pk])

    assert "event 6: the event or the link before it was changed" in verify()


@pytest.mark.parametrize(
    "change", ["hash = set_bit(hash, 0, 1 - get_bit(hash, 0))", "detail_digests = '{}'"]
)
def test_a_changed_link_is_found(log: list[Event], change: str) -> None:
    tamper(f"UPDATE accounts_eventlink SET {change} WHERE event_id = %s", [log[4].pk])

    assert "event 5:" in verify()


def test_a_missing_event_is_found(log: list[Event]) -> None:
    tamper("DELETE FROM accounts_event WHERE id = %s", [log[3].pk])

    assert "event 4: the event is missing" in verify()


@pytest.mark.parametrize("gone", [slice(0, 1), slice(3, 4), slice(2, 5)])
def test_events_missing_with_their_links_are_found(log: list[Event], gone: slice) -> None:
    remove(log[gone])

    assert f"event {gone.start + 1}: missing, as all up to {gone.stop} are" in verify()


def test_a_gap_that_was_closed_is_found(log: list[Event]) -> None:
    remove(log[3:4])
    for number in range(5, len(log) + 1):
        tamper("UPDATE accounts_eventlink SET number = number - 1 WHERE number = %s", [number])

    assert "event 4: the event or the link before it was changed" in verify()


def test_a_cut_off_tail_is_found(log: list[Event]) -> None:
    remove(log[6:])

    assert "event 6: the chain ends here, and should at event 8" in verify()


def test_a_forgotten_end_is_found(log: list[Event]) -> None:
    tamper("DELETE FROM accounts_eventchain", [])

    assert "the end of the chain is not on record" in verify()


def test_an_end_that_was_turned_back_is_found(log: list[Event]) -> None:
    turn_back(log[5])

    assert "event 6: the chain should end here, and goes on" in verify()


def test_an_event_that_came_in_past_the_chain_is_found(log: list[Event]) -> None:
    tamper(
        "INSERT INTO accounts_event SELECT (jsonb_populate_record(event, jsonb_build_object('id', gen_random_uuid()))).* "
        "FROM accounts_event event WHERE id = %s",
        [log[3].pk],
    )

    assert "1 of the team's events are not in its chain" in verify()


def test_events_that_changed_places_are_found(log: list[Event]) -> None:
    tamper("UPDATE accounts_eventlink SET number = -1 WHERE event_id = %s", [log[3].pk])
    tamper("UPDATE accounts_eventlink SET number = 4 WHERE event_id = %s", [log[4].pk])
    tamper("UPDATE accounts_eventlink SET number = 5 WHERE event_id = %s", [log[3].pk])

    faults = verify()
    assert "event 4:" in faults
    assert "event 5:" in faults


def test_a_log_that_was_forged_as_a_whole_differs_from_what_was_noted(
    log: list[Event], tmp_path: Path
) -> None:
    noted = tmp_path / "audit.txt"
    noted.write_text(output_of("verify_audit"))
    remove(log[5:])
    turn_back(log[4])
    assert verify() == ""

    assert "event 5: the chain ends here, and reached event 8 before" in verify(since=noted)

    record("x.happened", place=Place(log[0].team_id), target=log[0], actor=SYSTEM)
    record("y.happened", place=Place(log[0].team_id), target=log[0], actor=SYSTEM)
    record("z.happened", place=Place(log[0].team_id), target=log[0], actor=SYSTEM)
    chain_now()
    assert verify() == ""
    assert "event 8: the hash is not the one that was noted down before" in verify(since=noted)


def test_a_team_whose_whole_log_is_gone_is_missed(log: list[Event], tmp_path: Path) -> None:
    noted = tmp_path / "audit.txt"
    noted.write_text(output_of("verify_audit"))
    remove(log)
    tamper("DELETE FROM accounts_eventchain", [])

    assert verify() == ""
    assert "reached event 8 before" in verify(since=noted)


def test_one_team_at_a_time(log: list[Event]) -> None:
    other = factories.make_team()
    chain_now()
    tamper("DELETE FROM accounts_event WHERE id = %s", [log[3].pk])

    assert verify(team=other.pk) == ""
    assert "event 4:" in verify(team=log[0].team_id)
