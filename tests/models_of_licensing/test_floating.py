"""docs/models/floating.md, read out loud: five seats, any number of machines."""

import datetime as dt

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from licensing.events import SYSTEM, history_of
from licensing.models import Application, License, Session
from licensing.sessions import end_session
from tests import factories
from tests.api.runtime.conftest import Program

FIFTEEN_MINUTES = 15 * 60
A_DAY = 86_400


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


def seats(application: Application, count: int = 5, **rules: object) -> License:
    rules |= {
        "devices_max": None,
        "sessions_max": count,
        "session_lifetime_seconds": FIFTEEN_MINUTES,
    }
    policy = factories.make_policy(application, **rules)
    return factories.make_license(application, policy=policy)


def machine(license: License, number: int, **fields: str) -> Program:
    program = Program(Client(), license, f"machine-{number}")
    program.answer = program.init(**fields).json()
    return program


def machines(license: License, count: int) -> list[Program]:
    return [machine(license, number) for number in range(count)]


def pass_time(seconds: int) -> None:
    """Let all leases grow older: the database's clock stays where it is, so they come nearer."""
    by = dt.timedelta(seconds=seconds)
    Session.objects.update(
        opened_at=F("opened_at") - by,
        expires_at=F("expires_at") - by,
        borrowed_until=F("borrowed_until") - by,
    )


def test_five_of_fifty_machines_run_and_the_sixth_is_told_so(application: Application) -> None:
    license = seats(application)
    running = machines(license, 5)

    assert machine(license, 6).answer["code"] == "session_limit_reached"

    running[0].logout()
    assert machine(license, 6).answer["code"] == "ok"


def test_an_answer_that_gets_lost_costs_nobody_their_seat(application: Application) -> None:
    license = seats(application, count=1)
    first = machine(license, 1, idempotency_key="drawn at random")

    again = machine(license, 1, idempotency_key="drawn at random")

    assert again.session_token == first.session_token
    assert machine(license, 1).answer["code"] == "session_limit_reached"


def test_the_seat_of_a_crashed_copy_is_free_the_moment_its_lease_ends(
    application: Application,
) -> None:
    license = seats(application, count=1)
    machine(license, 1)

    pass_time(FIFTEEN_MINUTES - 5)
    assert machine(license, 2).answer["code"] == "session_limit_reached"

    # No job runs, and the row of the crashed copy is as it was.
    pass_time(5)
    assert machine(license, 2).answer["code"] == "ok"
    assert license.sessions.filter(ended_at=None).count() == 2


def test_with_end_the_oldest_the_sixth_starts_and_the_first_learns_of_it(
    application: Application,
) -> None:
    license = seats(application, sessions_overflow="end_oldest")
    first, *others = machines(license, 5)

    assert machine(license, 6).answer["code"] == "ok"

    assert first.heartbeat().json()["code"] == "session_ended"
    assert {other.heartbeat().json()["code"] for other in others} == {"ok"}


def test_an_overdraft_lets_two_more_in_and_flags_them(application: Application) -> None:
    license = seats(application, sessions_overdraft=2)
    assert [program.answer["overdraft"] for program in machines(license, 5)] == [False] * 5

    more = [machine(license, number) for number in (6, 7)]

    assert [program.answer["overdraft"] for program in more] == [True, True]
    assert more[0].validate().json()["overdraft"] is True
    assert machine(license, 8).answer["code"] == "session_limit_reached"
    assert license.sessions.filter(is_overdraft=True).count() == 2
    assert history_of(license).filter(action="session.overdrawn").count() == 2


def test_a_license_may_have_an_overdraft_of_its_own(application: Application) -> None:
    license = seats(application, count=1, sessions_overdraft=2)
    License.objects.update(sessions_overdraft=0)
    machine(license, 1)

    assert machine(license, 2).answer["code"] == "session_limit_reached"


def test_per_user_the_limit_is_one_persons(application: Application) -> None:
    license = seats(application, count=1, sessions_per="user")
    assert machine(license, 1, user="ada").answer["code"] == "ok"

    assert machine(license, 2, user="ada").answer["code"] == "session_limit_reached"
    assert machine(license, 2, user="grace").answer["code"] == "ok"
    assert machine(license, 3).answer["code"] == "ok"
    assert machine(license, 4).answer["code"] == "session_limit_reached"


def test_per_device_the_limit_is_one_machines(application: Application) -> None:
    license = seats(application, count=1, sessions_per="device")
    assert machine(license, 1).answer["code"] == "ok"

    assert machine(license, 1).answer["code"] == "session_limit_reached"
    assert machine(license, 2).answer["code"] == "ok"


def test_a_borrowed_seat_needs_no_heartbeat_until_its_day(application: Application) -> None:
    license = seats(application, count=1, borrow_max_seconds=14 * A_DAY)
    laptop = machine(license, 1)
    answer = borrow(laptop, days=14)
    assert (answer["code"], answer["borrowed_until"]) == ("ok", answer["expires_at"])

    pass_time(13 * A_DAY)
    assert machine(license, 2).answer["code"] == "session_limit_reached"
    assert laptop.heartbeat().json()["expires_at"] > (timezone.now() + AN_HOUR).isoformat()
    assert laptop.validate().json()["code"] == "ok"

    pass_time(A_DAY + 1)
    assert laptop.validate().json()["code"] == "session_expired"
    assert machine(license, 2).answer["code"] == "ok"


def test_a_borrowed_seat_runs_without_a_network_until_its_day(application: Application) -> None:
    fourteen_days = 14 * A_DAY
    rules = {"borrow_max_seconds": fourteen_days, "license_file_seconds": fourteen_days}
    laptop = machine(seats(application, **rules), 1)
    until = timezone.now() + dt.timedelta(days=14)

    borrow(laptop, days=14)
    file = laptop._in_session("checkout", {}).json()

    ends = dt.datetime.fromisoformat(file["license_file_expires_at"])
    assert ends >= until - dt.timedelta(seconds=1)


def test_a_borrowed_seat_is_never_ended_in_favour_of_another(application: Application) -> None:
    rules = {"sessions_overflow": "end_oldest", "borrow_max_seconds": A_DAY}
    license = seats(application, count=2, **rules)
    laptop, desktop = machines(license, 2)
    borrow(laptop, days=1)

    assert machine(license, 3).answer["code"] == "ok"

    assert laptop.validate().json()["code"] == "ok"
    assert desktop.validate().json()["code"] == "session_ended"
    newest = machine(license, 4)
    borrow(newest, days=1)
    assert machine(license, 5).answer["code"] == "session_limit_reached"
    assert newest.validate().json()["code"] == "ok"


@pytest.mark.parametrize("how", ["logout", "an earlier moment", "the developer"])
def test_a_borrowed_seat_comes_back_early(application: Application, how: str) -> None:
    license = seats(application, count=1, borrow_max_seconds=A_DAY)
    laptop = machine(license, 1)
    borrow(laptop, days=1)

    if how == "logout":
        laptop.logout()
    elif how == "the developer":
        end_session(session=license.sessions.get(), actor=SYSTEM, now=timezone.now())
    else:
        borrow(laptop, days=0, seconds=60)
        pass_time(FIFTEEN_MINUTES)

    assert machine(license, 2).answer["code"] == "ok"


def test_no_seat_is_lent_for_longer_than_the_policy_says(application: Application) -> None:
    license = seats(application, borrow_max_seconds=A_DAY)
    laptop = machine(license, 1)

    answer = borrow(laptop, days=2)

    assert (answer["code"], answer["message"]) == (
        "borrow_not_allowed",
        "Seats are lent for 86400 seconds at most",
    )
    assert borrow(machine(seats(application), 1), days=1)["code"] == "borrow_not_allowed"
    assert borrow(laptop, days=-1)["code"] == "invalid_request"
    assert license.sessions.get().borrowed_until is None


def test_a_borrowed_seat_ends_with_its_license(application: Application) -> None:
    license = seats(application, borrow_max_seconds=30 * A_DAY)
    end = timezone.now() + dt.timedelta(days=7)
    License.objects.update(expires_at=end)
    laptop = machine(license, 1)

    answer = borrow(laptop, days=20)

    assert answer["borrowed_until"] == f"{end:%Y-%m-%dT%H:%M:%SZ}" == answer["expires_at"]


def test_borrowing_twice_is_one_event(application: Application) -> None:
    license = seats(application, borrow_max_seconds=A_DAY)
    laptop = machine(license, 1)
    until = (timezone.now() + AN_HOUR).isoformat()

    answers = {
        laptop._in_session("borrow", {"until": until}).json()["borrowed_until"] for _ in "12"
    }

    assert len(answers) == 1
    [event] = history_of(license).filter(action="session.borrowed")
    assert event.actor_kind == "program"


@pytest.mark.parametrize(
    "until",
    [
        None,
        "",
        5,
        "tomorrow",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "0001-01-01T00:00:00+23:00",
        "2030-02-31T00:00:00Z",
    ],
)
def test_what_is_no_moment_is_refused(application: Application, until: object) -> None:
    laptop = machine(seats(application, borrow_max_seconds=A_DAY), 1)

    answer = laptop._in_session("borrow", {"until": until}).json()

    assert answer["code"] == "invalid_request"
    assert answer["message"].startswith("until ")


AN_HOUR = dt.timedelta(hours=1)


def borrow(program: Program, *, days: int, seconds: int = 0) -> dict[str, str]:
    until = timezone.now() + dt.timedelta(days=days, seconds=seconds - (5 if days > 0 else 0))
    return program._in_session("borrow", {"until": until.isoformat()}).json()
