# ruff: noqa: S608 (statements are put together from constants of this file alone)
"""The audit log: every act is in it, in its place, and it only grows."""

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts.events import SYSTEM, Place, record
from accounts.models import Event, EventChain, EventDetail, EventLink, Team, User
from licensing import licenses, policies
from tests import factories
from tests.accounts.audit.conftest import (
    assert_denied,
    chain_now,
    fetch,
    remove,
    sql,
    updates_of_chains,
    verify,
)


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
