"""docs/models/node-locked.md, read out loud: a license belongs to its machine, and moves with its customer."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from licensing.devices import release_device
from licensing.events import SYSTEM, history_of
from licensing.models import License
from tests import factories
from tests.api.runtime.conftest import Program

DAY = dt.timedelta(days=1)


@pytest.fixture
def license(db: None) -> License:
    return factories.make_license()


def machine(license: License, hwid: str) -> Program:
    program = Program(Client(), license, hwid)
    program.answer = program.init()
    return program


def moved(license: License, hwid: str) -> dict[str, object]:
    """Start on a machine, and leave it again."""
    return release(machine(license, hwid)).json()


def release(program: Program):
    return program._in_session("release", {})


def days_pass(license: License, days: int) -> None:
    """Let the releases grow older, for the database's clock stays where it is."""
    license.refresh_from_db()
    license.releases = [at - days * DAY for at in license.releases]
    license.save(update_fields=["releases"])


def test_the_first_machine_is_welcome_for_good_and_the_second_is_not(license: License) -> None:
    assert machine(license, "desktop").answer.json()["code"] == "ok"
    assert machine(license, "laptop").answer.json()["code"] == "hwid_mismatch"
    assert machine(license, "desktop").answer.json()["code"] == "ok"


def test_the_customer_moves_it_to_another_machine(license: License) -> None:
    desktop, again = machine(license, "desktop"), machine(license, "desktop")

    answer = release(desktop).json()

    assert (answer["code"], answer["message"]) == ("ok", "Device released")
    assert answer["releases_left"] == 2
    assert machine(license, "laptop").answer.json()["code"] == "ok"
    assert again.heartbeat().json()["code"] == "session_ended"
    [event] = history_of(license).filter(action="device.released")
    assert event.actor_kind == "program"


def test_repeating_it_is_one_release(license: License) -> None:
    desktop = machine(license, "desktop")

    answers = [release(desktop).json() for _ in range(3)]

    assert [answer["releases_left"] for answer in answers] == [2, 2, 2]
    license.refresh_from_db()
    assert (license.devices_used, len(license.releases)) == (0, 1)


def test_three_in_thirty_days_and_the_fourth_is_told_when(license: License) -> None:
    for number in range(3):
        assert moved(license, f"machine-{number}")["code"] == "ok"
        days_pass(license, 5)

    last = machine(license, "last")
    refusal = release(last)

    assert (refusal.status_code, refusal.json()["code"]) == (403, "release_limit_reached")
    assert int(refusal["Retry-After"]) == pytest.approx(15 * 86_400, abs=60)
    assert last.validate().json()["code"] == "ok"

    days_pass(license, 15)
    assert release(last).json()["releases_left"] == 0


def test_the_developers_own_releases_are_not_counted(license: License) -> None:
    License.objects.update(releases_max=0)
    desktop = machine(license, "desktop")
    refusal = release(desktop)
    assert refusal.json()["code"] == "release_limit_reached"
    assert not refusal.has_header("Retry-After")

    release_device(device=license.devices.get(), actor=SYSTEM, now=timezone.now())

    assert machine(license, "laptop").answer.json()["code"] == "ok"


def test_between_two_releases_a_pause_passes(license: License) -> None:
    policy = factories.make_policy(
        license.application, releases_max=None, releases_pause_seconds=86_400
    )
    License.objects.update(policy=policy)
    assert moved(license, "desktop")["releases_left"] is None
    laptop = machine(license, "laptop")

    refusal = release(laptop)

    assert refusal.json()["code"] == "release_limit_reached"
    assert int(refusal["Retry-After"]) == pytest.approx(86_400, abs=60)
    days_pass(license, 1)
    assert release(laptop).json()["code"] == "ok"


def test_a_session_that_ended_otherwise_releases_nothing(license: License) -> None:
    desktop = machine(license, "desktop")
    desktop.logout()

    assert release(desktop).json()["code"] == "session_ended"
    assert license.devices.get().is_bound()
