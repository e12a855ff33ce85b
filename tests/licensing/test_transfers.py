"""docs/how-to/transfer.md: a license goes to another customer, and what was the old one's is gone."""

import datetime as dt
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from licensing import errors, licenses, sessions, transfers, trials
from licensing.events import SYSTEM, forget_customer, history_of
from licensing.models import Device, License, Session
from tests import factories
from tests.api.runtime.conftest import Program
from tests.threads import at_once

GRACE = {"username": "Grace", "email": "grace@example.com"}


@pytest.fixture
def license(db: None) -> License:
    application = factories.make_application()
    policy = factories.make_policy(application, devices_max=2, license_file_seconds=None)
    terms = {"username": "Ada", "email": "ada@example.com", "metadata": {"plan": "pro"}}
    return factories.make_license(application, policy=policy, **terms)


def transfer(license: License, **to: str) -> bool:
    facts = {"username": "", "email": ""} | (to or GRACE)
    return transfers.transfer_license(license=license, actor=SYSTEM, now=timezone.now(), **facts)


def test_it_has_another_customer_no_session_and_every_place_free(license: License) -> None:
    old = Program(Client(), license, "desktop")
    old.init()
    Program(Client(), license, "laptop").init()

    assert transfer(license)

    license.refresh_from_db()
    assert (license.username, license.email) == ("Grace", "grace@example.com")
    assert (license.devices_used, license.metadata) == (0, {"plan": "pro"})
    assert not Device.objects.bound().exists()
    assert set(Session.objects.values_list("ended_reason", flat=True)) == {"transfer"}
    assert old.heartbeat().json()["code"] == "session_ended"
    answers = [Program(Client(), license, hwid).init().json() for hwid in ("mine", "hers", "its")]
    assert [answer["code"] for answer in answers] == ["ok", "ok", "hwid_mismatch"]
    assert answers[0]["username"] == "Grace"


def test_a_device_in_parts_is_let_go_of_as_well(license: License) -> None:
    parts = {"board": "b-1", "disk": "d-1"}
    Program(Client(), license).init(hwid=parts)

    transfer(license)

    assert not Device.objects.get().is_bound()
    assert Program(Client(), license).init(hwid=parts | {"disk": "d-2"}).json()["success"]
    assert Device.objects.count() == 2


def test_nobody_is_named_on_it_any_more(license: License) -> None:
    License.objects.update(users_max=1)
    factories.open_session(license, user_name="ada")

    transfer(license)

    assert not license.named_users.exists()
    factories.open_session(license, user_name="grace")


def test_a_running_license_file_keeps_its_place(license: License) -> None:
    License.objects.update(policy=license.application.default_policy(), devices_max=1)
    Program(Client(), license, "old").init()

    transfer(license)

    assert Program(Client(), license, "new").init().json()["code"] == "hwid_mismatch"
    over = (timezone.now() - dt.timedelta(days=1)).isoformat()
    License.objects.update(places_held={str(Device.objects.get().pk): over})
    assert Program(Client(), license, "new").init().json()["success"]


def test_twice_to_the_same_customer_is_once(license: License) -> None:
    assert transfer(license)
    factories.open_session(license)

    assert not transfer(license)

    assert Session.objects.open(timezone.now()).count() == 1
    assert history_of(license).filter(action="license.transferred").count() == 1


def test_the_event_counts_devices_and_its_names_can_be_erased(license: License) -> None:
    factories.open_session(license)

    transfer(license)

    [event] = history_of(license).filter(action="license.transferred")
    assert (event.before, event.after) == ({}, {"devices_released": 1})
    assert event.full_before["username"] == "Ada"
    assert event.full_after["email"] == "grace@example.com"
    forget_customer(license=license, actor=SYSTEM)
    [event] = history_of(license).filter(action="license.transferred")
    assert "username" not in event.full_before


@pytest.mark.parametrize(
    "to",
    [
        {"username": ""},
        {"username": "x" * 151},
        {"username": "nul\0"},
        {"email": "nobody"},
        {"email": f"{'x' * 250}@example.com"},
    ],
)
def test_nobody_and_what_is_no_name_get_nothing(license: License, to: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidRequestError, match="username|email"):
        transfer(license, **to)

    license.refresh_from_db()
    assert license.username == "Ada"


def test_a_revoked_license_is_not_handed_over(license: License) -> None:
    licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())

    with pytest.raises(errors.LicenseStateError, match="cannot be transferred"):
        transfer(license)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_nobody_comes_through_while_it_changes_hands() -> None:
    application = factories.make_application()
    policy = factories.make_policy(application, devices_max=3)
    api_key = factories.api_key_of(application)
    for _ in range(10):
        license = factories.make_license(application, policy=policy)
        key = license.reveal()
        factories.open_session(license, "device-0")
        programs = [
            partial(
                sessions.open_session,
                api_key=api_key,
                license_key=key,
                program=sessions.Program(hwid=f"device-{number}"),
            )
            for number in range(3)
        ]

        at_once([partial(transfer, license), *programs])

        license.refresh_from_db()
        held = len(license.places_held)
        bound = Device.objects.filter(license=license).bound()
        # Who came before is out, who came after is in, and the count is right for both.
        assert license.devices_used == bound.count()
        assert license.devices_used + held <= 3
        open = Session.objects.filter(license=license).open(timezone.now())
        assert set(open.values_list("device_id", flat=True)) <= set(
            bound.values_list("pk", flat=True)
        )


def test_a_trial_that_is_forgotten_can_be_had_once_more(db: None) -> None:
    application = factories.make_application()
    policy = factories.make_policy(application, is_trial=True)
    first, second, third = factories.make_licenses(application, 3, policy=policy)
    Program(Client(), first).init()
    assert Program(Client(), second).init().json()["code"] == "trial_used"

    done = [trials.reset_trial(license=first, actor=SYSTEM) for _ in range(2)]

    assert done == [True, False]
    assert history_of(first).filter(action="license.trial_reset").count() == 1
    assert Program(Client(), second).init().json()["success"]
    assert Program(Client(), third).init().json()["code"] == "trial_used"
