"""What a license says itself goes before its policy: of parts that make a device, of seats and whom they are for, of borrowing."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from licensing import errors, licenses
from licensing.events import SYSTEM
from licensing.models import Device, License
from tests import factories
from tests.api.runtime.conftest import Program

PARTS = {"board": "b-1", "disk": "d-1", "mac": "m-1"}


@pytest.fixture
def license(db: None) -> License:
    return factories.make_license()


def say(license: License, **terms: Any) -> None:
    licenses.change_some_terms(license=license, changes=terms, actor=SYSTEM)


def program(license: License, hwid: str = "device-1") -> Program:
    license.refresh_from_db()
    return Program(Client(), license, hwid)


@pytest.mark.parametrize(("own", "code"), [("", "ok"), ("any", "ok"), ("all", "hwid_mismatch")])
def test_how_many_parts_make_a_device(license: License, own: str, code: str) -> None:
    say(license, hwid_matching=own)
    program(license).init(hwid=PARTS)

    assert program(license).init(hwid=PARTS | {"disk": "d-2"}).json()["code"] == code


@pytest.mark.parametrize(
    ("own", "code"),
    [("", "session_limit_reached"), ("user", "ok"), ("license", "session_limit_reached")],
)
def test_whom_seats_are_counted_for(license: License, own: str, code: str) -> None:
    say(license, sessions_max=1, sessions_per=own)
    program(license).init(user="ann")

    assert program(license).init(user="bob").json()["code"] == code
    assert program(license).init(user="ann").json()["code"] == "session_limit_reached"


@pytest.mark.parametrize(
    ("of_the_policy", "own", "is_lent"),
    [
        (None, None, False),
        (None, 7_200, True),
        (7_200, None, True),
        (7_200, 0, False),
        (7_200, 60, False),
    ],
)
def test_how_long_a_seat_may_be_borrowed(
    license: License, of_the_policy: int | None, own: int | None, is_lent: bool
) -> None:
    policy = factories.make_policy(license.application, borrow_max_seconds=of_the_policy)
    License.objects.update(policy=policy)
    say(license, borrow_max_seconds=own)
    running = program(license)
    running.init()
    until = timezone.now() + dt.timedelta(hours=1)

    answer = running._in_session("borrow", {"until": until.isoformat()}).json()

    assert answer["code"] == ("ok" if is_lent else "borrow_not_allowed")
    assert running.license.borrowing_allowed() == (of_the_policy if own is None else own or None)


@pytest.mark.parametrize(
    "terms",
    [{"hwid_matching": "some"}, {"sessions_per": "team"}, {"borrow_max_seconds": 366 * 86_400 + 1}],
)
def test_what_no_policy_could_say_a_license_cannot_either(
    license: License, terms: dict[str, Any]
) -> None:
    [name] = terms

    with pytest.raises(errors.InvalidRequestError, match=name):
        say(license, **terms)


def test_a_blocked_device_is_the_same_by_the_licenses_own_word(license: License) -> None:
    say(license, hwid_matching="all", devices_max=5)
    factories.make_access_rule(license.application, "hwid", PARTS)

    assert program(license).init(hwid=PARTS).json()["code"] == "access_denied"
    assert program(license).init(hwid=PARTS | {"disk": "d-2"}).json()["code"] == "ok"
    assert Device.objects.count() == 1
