"""docs/models/node-locked.md, read out loud: a license belongs to its machine, and moves with its customer."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from licensing.devices import release_device
from licensing.events import SYSTEM, history_of
from licensing.hardware_ids import whole
from licensing.models import Device, License, Policy
from tests import factories
from tests.api.runtime.conftest import Program

DAY = dt.timedelta(days=1)


@pytest.fixture
def license(db: None) -> License:
    application = factories.make_application()
    policy = factories.make_policy(application, license_file_seconds=None)
    return factories.make_license(application, policy=policy)


def machine(license: License, hwid: str | dict[str, str]) -> Program:
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


def file_ends(license: License) -> None:
    license.refresh_from_db()
    over = (timezone.now() - DAY).isoformat()
    license.places_held = dict.fromkeys(license.places_held, over)
    license.save(update_fields=["places_held"])


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


@pytest.mark.parametrize("desktop", ["desktop", {"board": "B-1", "disk": "D-1"}])
def test_with_license_files_the_place_is_free_when_the_file_ends(
    license: License, desktop: str | dict[str, str]
) -> None:
    Policy.objects.update(license_file_seconds=3_600)
    release(machine(license, desktop))

    assert machine(license, "laptop").answer.json()["code"] == "hwid_mismatch"
    # The device itself may come back any time: the place is held for it.
    assert machine(license, desktop).answer.json()["code"] == "ok"
    release(machine(license, desktop))
    file_ends(license)
    assert machine(license, "laptop").answer.json()["code"] == "ok"


def test_the_developer_frees_such_a_place_by_hand(license: License) -> None:
    Policy.objects.update(license_file_seconds=3_600)
    release(machine(license, "desktop"))
    device = Device.objects.get()
    assert device.place_held_until == device.license_file_ends_at

    freed = [release_device(device=device, actor=SYSTEM, now=timezone.now()) for _ in range(2)]

    assert freed == [True, False]
    assert history_of(license).filter(action="device.place_freed").count() == 1
    assert machine(license, "laptop").answer.json()["code"] == "ok"


def test_a_device_that_the_developer_releases_gives_up_its_place_at_once(license: License) -> None:
    Policy.objects.update(license_file_seconds=3_600)
    machine(license, "desktop")

    release_device(device=license.devices.get(), actor=SYSTEM, now=timezone.now())

    assert machine(license, "laptop").answer.json()["code"] == "ok"


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
        license.application,
        releases_max=None,
        releases_pause_seconds=86_400,
        license_file_seconds=None,
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


PARTS = {"board": "PF2XK9", "disk": "S4EWNX0", "mac": "3c:52:82:aa:10:7f"}


def parts(license: License, **changed: str | None) -> str:
    """Start a program on a machine in parts, and return what it is told."""
    hwid = {name: value for name, value in (PARTS | changed).items() if value is not None}
    return machine(license, hwid).answer.json()["code"]


@pytest.mark.parametrize(
    ("matching", "swapped_at_most"), [("any", 2), ("two", 1), ("most", 1), ("all", 0)]
)
def test_a_machine_is_known_again_by_its_parts(
    license: License, matching: str, swapped_at_most: int
) -> None:
    policy = factories.make_policy(license.application, hwid_matching=matching)
    for swapped in range(4):
        license = factories.make_license(license.application, policy=policy)
        assert parts(license) == "ok"

        answer = parts(license, **dict.fromkeys(list(PARTS)[:swapped], "new"))

        assert answer == ("ok" if swapped <= swapped_at_most else "hwid_mismatch")
        license.refresh_from_db()
        assert license.devices_used == license.devices.count() == 1


def test_a_machine_may_be_renewed_part_by_part_and_the_developer_sees_it(license: License) -> None:
    for changed in ({}, {"disk": "new"}, {"disk": "new", "mac": "new"}):
        assert parts(license, **changed) == "ok"
    assert parts(license, disk="new", mac="new", board="new") == "ok"

    device = license.devices.get()
    assert (device.parts, device.drifted) == (["board", "disk", "mac"], ["board"])
    assert device.drifted_at
    changes = history_of(license).filter(action="device.drifted").values_list("after", flat=True)
    assert [change["parts"] for change in changes] == ["board", "mac", "disk"]
    assert parts(license) == "hwid_mismatch"


def test_a_part_is_only_the_same_under_its_own_name(license: License) -> None:
    assert parts(license, disk="x", mac="y") == "ok"

    assert parts(license, board="new", disk="y", mac="x") == "hwid_mismatch"


def test_a_part_more_is_no_new_device(license: License) -> None:
    assert parts(license, mac=None) == "ok"
    assert parts(license, tpm="1f") == "ok"

    assert license.devices.get().parts == ["board", "disk", "mac", "tpm"]


@pytest.mark.parametrize("sessions_max", [None, 5])
def test_parts_in_one_text_are_the_same_machine_and_stay_known(
    license: License, sessions_max: int | None
) -> None:
    License.objects.update(sessions_max=sessions_max)
    assert parts(license) == "ok"

    in_one_text = machine(license, whole(PARTS)).answer.json()

    assert in_one_text["code"] == "ok"
    assert parts(license, disk="new") == "ok"
    assert license.devices.get().drifted == ["disk"]


def test_another_text_is_another_machine(license: License) -> None:
    assert parts(license) == "ok"
    assert machine(license, PARTS["board"]).answer.json()["code"] == "hwid_mismatch"

    release_device(device=license.devices.get(), actor=SYSTEM, now=timezone.now())

    assert machine(license, PARTS["board"]).answer.json()["code"] == "ok"


def test_a_released_machine_comes_back_whatever_was_swapped_meanwhile(license: License) -> None:
    assert parts(license) == "ok"
    release_device(device=license.devices.get(), actor=SYSTEM, now=timezone.now())
    assert parts(license, disk="new") == "ok"

    assert parts(license) == "ok"

    license.refresh_from_db()
    assert license.devices_used == license.devices.bound().count() == 1


def test_a_part_that_is_swapped_back_makes_it_no_released_machine(license: License) -> None:
    parts(license)
    release_device(device=Device.objects.get(), actor=SYSTEM, now=timezone.now())
    assert parts(license, disk="new") == "ok"

    assert parts(license) == "ok"

    assert [device.is_bound() for device in Device.objects.order_by("id")] == [False, True]
    license.refresh_from_db()
    assert license.devices_used == 1


def test_among_two_machines_the_more_alike_is_known_again(license: License) -> None:
    policy = factories.make_policy(license.application, hwid_matching="any", devices_max=2)
    License.objects.update(policy=policy)
    assert parts(license) == "ok"
    assert parts(license, board="b", disk="d", mac="m") == "ok"

    assert parts(license, mac="m", disk="d") == "ok"

    assert license.devices.count() == 2
    assert license.devices.exclude(drifted=[]).get().drifted == ["board"]


def test_of_a_part_nothing_is_kept_but_its_digest(license: License) -> None:
    parts(license)

    row = str(license.devices.values().get())

    assert not [value for value in PARTS.values() if value in row]
    other = factories.make_license()
    parts(other)
    assert not set(license.devices.get().components) & set(other.devices.get().components)


@pytest.mark.parametrize(
    ("hwid", "message"),
    [
        ({}, "hwid must be an object of 1 to 8 parts"),
        ({f"part{n}": "x" for n in range(9)}, "hwid must be an object of 1 to 8 parts"),
        ({"Board": "x"}, "hwid must name its parts with 1 to 32 characters of a-z, 0-9 and _"),
        ({"x" * 33: "x"}, "hwid must name its parts with 1 to 32 characters of a-z, 0-9 and _"),
        ({"board": ""}, "hwid.board must not be empty"),
        ({"board": 5}, "hwid.board must be a string"),
        ({"board": None}, "hwid.board is required"),
        ({"board": "x" * 257}, "hwid.board must be at most 256 characters long"),
        ([], "hwid must be a string"),
    ],
)
def test_parts_have_bounds(license: License, hwid: object, message: str) -> None:
    answer = machine(license, hwid).answer.json()

    assert (answer["code"], answer["message"]) == ("invalid_request", message)
