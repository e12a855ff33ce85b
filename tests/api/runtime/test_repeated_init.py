"""An `init` whose answer was lost is asked again: the program gets the session that it has already, and no second seat."""

import datetime as dt
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Device, License, Session
from licensing.sessions import end_session
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

KEY = "9f8b3c4d-5e6f-4a8b-9c1d-2e3f4a5b6c7d"


@pytest.mark.parametrize("sessions_max", [None, 1])
def test_asked_again_init_gives_the_same_session(
    program: Program, sessions_max: int | None
) -> None:
    License.objects.update(sessions_max=sessions_max)
    first = program.init(idempotency_key=KEY).json()

    second = program.init(idempotency_key=KEY).json()

    told = ("session_token", "expires_at", "license", "overdraft", "borrowed_until", "username")
    assert [first[name] for name in told] == [second[name] for name in told]
    assert second["license_file"]
    assert Session.objects.count() == 1
    assert program.validate().status_code == 200


def test_a_token_that_can_be_told_again_is_a_uuid_like_any_other(program: Program) -> None:
    token = uuid.UUID(program.init(idempotency_key=KEY).json()["session_token"])

    assert (token.version, token.variant) == (4, uuid.RFC_4122)


def test_only_the_same_program_is_given_it_again(program: Program, client: Client) -> None:
    License.objects.update(devices_max=5)
    application = program.license.application
    another_license = Program(client, factories.make_license(application))
    program.init(idempotency_key=KEY)
    token = program.session_token

    others = [
        program.init(idempotency_key=KEY + "1"),
        program.init(idempotency_key=KEY, hwid="another"),
        program.init(idempotency_key=KEY, user="Ada"),
        program.init(),
        another_license.init(idempotency_key=KEY),
    ]

    assert len({token, *(answer.json()["session_token"] for answer in others)}) == 6


def test_a_session_that_is_over_is_never_revived(program: Program) -> None:
    program.init(idempotency_key=KEY)
    session, token = Session.objects.get(), program.session_token
    end_session(session=session, actor=SYSTEM, now=timezone.now())

    answer = program.init(idempotency_key=KEY)

    assert answer.json()["session_token"] != token
    session.refresh_from_db()
    assert session.ended_reason == "developer"
    assert Session.objects.open(timezone.now()).count() == 1


@pytest.mark.parametrize(
    "past",
    [
        {"opened_at": dt.timedelta(minutes=61)},
        {"opened_at": dt.timedelta(minutes=30), "expires_at": dt.timedelta(seconds=1)},
    ],
)
def test_long_afterwards_it_is_a_new_session(
    program: Program, past: dict[str, dt.timedelta]
) -> None:
    program.init(idempotency_key=KEY)
    token = program.session_token
    Session.objects.update(**{name: timezone.now() - ago for name, ago in past.items()})

    assert program.init(idempotency_key=KEY).json()["session_token"] != token
    assert Session.objects.count() == 2


def test_after_fifty_nine_minutes_it_is_the_same_still(program: Program) -> None:
    program.init(idempotency_key=KEY)
    token = program.session_token
    Session.objects.update(opened_at=timezone.now() - dt.timedelta(minutes=59))

    assert program.init(idempotency_key=KEY).json()["session_token"] == token


def test_the_license_and_its_limit_are_judged_as_ever(program: Program) -> None:
    License.objects.update(sessions_max=1)
    program.init(idempotency_key=KEY)

    refused = program.init(idempotency_key=KEY + "1")
    assert_refused(refused, 403, "session_limit_reached", "Session limit reached")

    License.objects.update(status="suspended")
    assert program.init(idempotency_key=KEY).json()["code"] == "license_suspended"


def test_a_released_device_is_bound_anew_with_a_new_session(program: Program) -> None:
    program.init(idempotency_key=KEY)
    token = program.session_token
    release_device(device=Device.objects.get(), actor=SYSTEM, now=timezone.now())

    assert program.init(idempotency_key=KEY).json()["session_token"] != token
    assert Device.objects.get().is_bound()


@pytest.mark.parametrize("key", [1, ["x"], {"x": 1}, "x" * 101, "x\0", True])
def test_a_key_that_is_none_is_refused(program: Program, key: object) -> None:
    answer = program.init(idempotency_key=key)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert Session.objects.count() == 0


def test_the_token_is_not_kept(program: Program) -> None:
    token = uuid.UUID(program.init(idempotency_key=KEY).json()["session_token"])

    kept = Session.objects.values_list().get()

    assert token.bytes not in map(
        bytes, (value for value in kept if isinstance(value, memoryview | bytes))
    )
    assert str(token) not in map(str, kept)
