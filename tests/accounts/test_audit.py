# ruff: noqa: S608 (statements are put together from constants of this file alone)
"""The audit log: it only grows, and `verify_audit` finds whatever was done to it behind the database's back."""

import io
import itertools
import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.events import SYSTEM, Place, record, user_actor
from accounts.models import Event, EventChain, EventDetail, EventLink, Team, User
from licensing import applications, licenses, policies
from licensing.devices import release_device
from licensing.events import forget_customer
from tests import factories

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


@pytest.fixture
def log(team: Team, developer: User) -> list[Event]:
    """What happens to one license: the events of a team, in their order."""
    actor = user_actor(developer, "203.0.113.7")
    application = applications.create_application(team=team, name="Äpp\n☃", actor=actor)
    license = factories.make_license(application, username="Ada", email="ada@example.com")
    factories.open_session(license, ip_address="198.51.100.9")
    licenses.change_license(
        license=license,
        policy=license.policy,
        terms=licenses.LicenseTerms(username="Ada Lovelace", metadata={"π": 3.14, "n": None}),
        actor=actor,
    )
    licenses.suspend_license(license=license, actor=actor)
    licenses.restore_license(license=license, actor=actor)
    release_device(device=license.devices.get(), actor=actor, now=timezone.now())
    chain_now()
    return list(Event.objects.filter(team_id=team.pk).order_by("id"))


# What it holds


def test_every_act_is_in_the_log_of_its_team(log: list[Event], team: Team, developer: User) -> None:
    assert [event.action for event in log] == [
        "team.created",
        "application.created",
        "licenses.issued",
        "device.bound",
        "license.changed",
        "license.suspended",
        "license.restored",
        "device.released",
    ]
    suspended = log[5]
    assert (suspended.actor, suspended.actor_email) == (developer, "developer@example.com")
    assert suspended.ip_address == "203.0.113.7"
    assert (suspended.before, suspended.after) == ({"status": "active"}, {"status": "suspended"})


def test_what_tells_of_a_person_lies_apart(log: list[Event]) -> None:
    bound, changed, released = log[3], log[4], log[7]

    assert changed.before == changed.after == {}
    assert changed.full_before["username"] == "Ada"
    assert changed.full_after["username"] == "Ada Lovelace"
    assert bound.ip_address == "198.51.100.9"
    assert (released.before.keys(), released.full_before.keys()) == (
        {"fingerprint"},
        {"fingerprint", "name"},
    )
    told = json.dumps(list(Event.objects.values()), default=str)
    for personal in ("Ada", "ada@", "developer@", "203.0.113.7", "198.51.100.9"):
        assert personal not in told


def test_every_event_has_its_place_in_the_chain(log: list[Event], team: Team) -> None:
    links = EventLink.objects.filter(team_id=team.pk).order_by("number")

    assert [link.number for link in links] == list(range(1, len(log) + 1))
    assert {link.event_id for link in links} == {event.pk for event in log}
    chain = EventChain.objects.get(team_id=team.pk)
    assert (chain.length, bytes(chain.head)) == (len(log), bytes(links[len(log) - 1].hash))
    assert verify() == ""


def test_events_written_by_hand_are_chained_as_well(team: Team) -> None:
    chain_now()
    before = EventLink.objects.count()
    sql(
        """INSERT INTO accounts_event
            (id, team_id, actor_kind, action, target_type, target_id, target_label, before, after, created_at)
        VALUES (gen_random_uuid(), %s, 'system', 'by.hand', 'team', %s, '', '{"x": 1.50}', '{}', now())""",
        [team.pk, team.pk],
    )
    chain_now()

    assert EventLink.objects.count() == before + 1
    assert verify() == ""


def test_events_outlive_what_they_tell_of(log: list[Event], team: Team, developer: User) -> None:
    application = team.applications.get()
    application.licenses.all().delete()
    application.delete()
    team.delete()
    developer.delete()
    chain_now()

    assert Event.objects.count() == len(log)
    assert verify() == ""


def test_the_chain_comes_last_so_that_acts_never_wait_for_each_other(team: Team) -> None:
    record("x.happened", place=Place(team.pk), target=team, actor=SYSTEM)

    assert not EventLink.objects.exists()
    chain_now()
    assert EventLink.objects.exists()


def test_a_chains_end_is_written_once_however_many_events_a_transaction_has(team: Team) -> None:
    """Were it written with each, every event would walk past the versions that all others left, and take longer."""
    chain_now()
    before = updates_of_chains()
    sql(
        """INSERT INTO accounts_event
            (id, team_id, actor_kind, action, target_type, target_id, target_label, before, after, created_at)
        SELECT gen_random_uuid(), %s, 'system', 'by.hand', 'team', %s, '', '{}', '{}', now()
        FROM generate_series(1, 500)""",
        [team.pk, team.pk],
    )
    chain_now()

    assert updates_of_chains() == before + 1
    assert EventChain.objects.get().length == EventLink.objects.count() == 501
    assert verify() == ""


def test_a_chain_goes_on_behind_a_gap_so_that_it_shows(log: list[Event], team: Team) -> None:
    remove(log[6:])

    record("x.happened", place=Place(team.pk), target=team, actor=SYSTEM)
    chain_now()

    assert "event 7: missing, as all up to 8 are" in verify()


# What the database refuses


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_event SET action = 'nothing'",
        "UPDATE accounts_event SET action = 'nothing' WHERE false",
        "DELETE FROM accounts_event",
        "TRUNCATE accounts_event",
        "TRUNCATE accounts_event CASCADE",
        "UPDATE accounts_eventlink SET number = number + 1",
        "DELETE FROM accounts_eventlink",
        "TRUNCATE accounts_eventlink",
        "INSERT INTO accounts_eventlink SELECT gen_random_uuid(), team_id, 99, '{}', hash FROM accounts_eventlink LIMIT 1",
        "UPDATE accounts_eventchain SET length = 0",
        "INSERT INTO accounts_eventchain VALUES (gen_random_uuid(), 0, '')",
        "DELETE FROM accounts_eventchain",
        "TRUNCATE accounts_eventchain",
        "UPDATE accounts_eventdetail SET facts = '{}'",
        "TRUNCATE accounts_eventdetail",
        "TRUNCATE accounts_team, accounts_event, accounts_eventdetail, accounts_eventlink CASCADE",
    ],
)
def test_the_log_only_grows(log: list[Event], statement: str) -> None:
    sql("RESET lockence.may_empty_events")
    sql("SET LOCAL lockence.may_empty_events = 'no'")

    with pytest.raises(ProgrammingError, match="audit log|chain of events"), transaction.atomic():
        sql(statement)

    assert verify() == ""


@pytest.mark.django_db
def test_only_a_test_database_can_be_emptied_at_all() -> None:
    source = fetch("SELECT prosrc FROM pg_proc WHERE proname = 'accounts_refuse_change'", [])[0]

    assert r"current_database() LIKE 'test\_%' AND current_setting(" in " ".join(source.split())


def test_two_details_of_the_same_are_refused(log: list[Event]) -> None:
    detail = EventDetail.objects.filter(about="actor").first()

    with pytest.raises(IntegrityError, match="event_tells_once_of_each"), transaction.atomic():
        EventDetail.objects.create(event_id=detail.event_id, about="actor", facts={})


def test_the_runtime_role_writes_events_and_can_do_no_more_to_them(log: list[Event]) -> None:
    """ops/roles.sql, with a role that owns nothing."""
    sql("CREATE ROLE lockence_test_web")
    roles = (settings.BASE_DIR / "ops" / "roles.sql").read_text()
    for _ in range(2):
        sql(roles.replace(':"runtime"', "lockence_test_web"))
    sql("SET LOCAL ROLE lockence_test_web")

    for table, column in [
        ("event", "action"),
        ("eventlink", "number"),
        ("eventchain", "length"),
        ("eventdetail", "about"),
    ]:
        assert_denied(f"UPDATE accounts_{table} SET {column} = {column}")
        assert_denied(f"TRUNCATE accounts_{table}")
        assert_denied(f"ALTER TABLE accounts_{table} DISABLE TRIGGER ALL")
        assert_denied(f"DROP TABLE accounts_{table}")
        if table != "eventdetail":
            assert_denied(f"DELETE FROM accounts_{table}")
    assert_denied("INSERT INTO accounts_eventchain VALUES (gen_random_uuid(), 0, '')")
    assert_denied("SET session_replication_role = replica")
    assert_denied(
        "CREATE OR REPLACE FUNCTION accounts_chain_event() RETURNS trigger AS '' LANGUAGE sql"
    )

    factories.open_session(factories.make_license())
    chain_now()
    assert verify() == ""


# What verify_audit finds


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


# What can be erased


def test_a_users_account_takes_along_what_events_tell_of_them(
    log: list[Event], developer: User
) -> None:
    details = EventDetail.objects.count()

    developer.delete()

    assert EventDetail.objects.count() < details
    assert not EventDetail.objects.filter(facts__icontains="developer@").exists()
    [event] = Event.objects.filter(action="license.suspended")
    assert (event.actor_email, event.ip_address) == ("", "")
    # What they wrote of others stays.
    assert Event.objects.get(action="license.changed").full_before["username"] == "Ada"
    chain_now()
    assert verify() == ""
    assert "6 details erased, 0 faults" in output_of("verify_audit")


def test_a_customer_is_forgotten_by_a_licenses_history(log: list[Event], developer: User) -> None:
    license = factories.License.objects.get()

    assert forget_customer(license=license, actor=user_actor(developer)) == 3
    assert forget_customer(license=license, actor=user_actor(developer)) == 0
    chain_now()

    kept = json.dumps(list(EventDetail.objects.values_list("facts", flat=True)))
    for personal in ("Ada", "ada@", "198.51.100.9"):
        assert personal not in kept
    assert "developer@" in kept
    assert Event.objects.get(action="license.history_erased").after == {"count": 3}
    assert verify() == ""


def test_a_changed_detail_is_found(log: list[Event]) -> None:
    tamper(
        "UPDATE accounts_eventdetail SET facts = %s WHERE event_id = %s AND about = 'actor'",
        ['{"email": "somebody@example.com"}', log[5].pk],
    )

    assert "event 6: what is told of the actor was changed" in verify()


def test_a_detail_that_was_added_later_is_found(log: list[Event]) -> None:
    EventDetail.objects.create(event=log[5], about="target", facts={"before": {"x": 1}})

    assert "event 6: what is told of the target was changed" in verify()


# Many at once


@pytest.mark.django_db(transaction=True)
def test_many_acts_at_once_make_one_whole_chain_and_no_deadlock() -> None:
    team = factories.make_team()
    application = factories.make_application(team)
    policy = factories.make_policy(application, devices_max=None)
    some = factories.make_licenses(application, 4, policy=policy)
    numbers = itertools.count()
    start = threading.Barrier(12)

    def work(act: Callable[[], object]) -> None:
        start.wait()
        try:
            for _ in range(10):
                act()
        finally:
            connection.close()

    def open_on_a_new_device() -> None:
        factories.open_session(some[0], hwid=f"device-{next(numbers)}")

    def two_acts_in_one_transaction() -> None:
        # In either order of licenses: only the locks of licenses can then be waited for.
        with transaction.atomic():
            licenses.suspend_license(license=some[1], actor=SYSTEM)
            licenses.suspend_license(license=some[2], actor=SYSTEM)
        with transaction.atomic():
            licenses.restore_license(license=some[1], actor=SYSTEM)
            licenses.restore_license(license=some[2], actor=SYSTEM)

    def change_a_policy() -> None:
        rules = policies.Rules(name=f"{next(numbers)}", devices_max=None)
        policies.change_policy(policy=policy, rules=rules, actor=SYSTEM)

    acts = [open_on_a_new_device, two_acts_in_one_transaction, change_a_policy] * 4
    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(work, acts))

    events = Event.objects.filter(team_id=team.pk).count()
    assert events > 80
    assert EventChain.objects.get(team_id=team.pk).length == events
    assert verify() == ""


# Helpers


def chain_now() -> None:
    """Chain what this transaction recorded, as its commit would: first the events, then the ends of the chains."""
    sql("SET CONSTRAINTS chain_event IMMEDIATE")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("SET CONSTRAINTS ALL DEFERRED")


def sql(statement: str, parameters: list[object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def fetch(statement: str, parameters: list[object]) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()


def updates_of_chains() -> int:
    return fetch(
        "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'accounts_eventchain'", []
    )[0]


def tamper(statement: str, parameters: list[object]) -> None:
    """Do what only a superuser can: write past every trigger."""
    sql("SET LOCAL session_replication_role = replica")
    sql(statement, parameters)
    sql("SET LOCAL session_replication_role = origin")


def remove(events: list[Event]) -> None:
    ids = [event.pk for event in events]
    tamper("DELETE FROM accounts_eventlink WHERE event_id = ANY(%s)", [ids])
    tamper("DELETE FROM accounts_event WHERE id = ANY(%s)", [ids])


def turn_back(last: Event) -> None:
    tamper(
        """UPDATE accounts_eventchain chain SET length = link.number, head = link.hash
        FROM accounts_eventlink link WHERE link.event_id = %s AND chain.team_id = link.team_id""",
        [last.pk],
    )


def assert_denied(statement: str) -> None:
    with pytest.raises(ProgrammingError, match="denied|must be owner"), transaction.atomic():
        sql(statement)


def output_of(command: str) -> str:
    told = io.StringIO()
    call_command(command, stdout=told)
    return told.getvalue()


def verify(**options: object) -> str:
    """Return what the command complains of; it must fail exactly when it does."""
    complaints = io.StringIO()
    try:
        call_command("verify_audit", stdout=io.StringIO(), stderr=complaints, **options)
    except CommandError:
        assert complaints.getvalue()
    else:
        assert not complaints.getvalue()
    return complaints.getvalue()
