"""`POST /api/v1/logout`: a program leaves, and its seat is free."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from licensing import applications
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Device, License, Session
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused


@pytest.fixture
def program(program: Program) -> Program:
    """A program in an open session."""
    program.init()
    return program


def test_logout_ends_the_session(program: Program) -> None:
    response = program.logout()

    assert response.status_code == 200
    body = response.json()
    assert body["success"] is True
    assert (body["code"], body["message"]) == ("ok", "Logged out")
    assert body["server_time"].endswith("Z")
    session = Session.objects.get()
    assert session.ended_reason == "logout"
    assert abs(timezone.now() - session.ended_at) < dt.timedelta(seconds=5)


def test_repeating_it_gives_the_same_answer_and_changes_nothing(program: Program) -> None:
    first = program.logout().json()
    before = Session.objects.values().get()

    second = program.logout()

    assert second.status_code == 200
    assert second.json() | {"server_time": ""} == first | {"server_time": ""}
    assert Session.objects.values().get() == before


def test_logout_ends_one_session_only(program: Program) -> None:
    first = program.session_token
    program.init()

    program.logout()

    assert program.validate(session_token=first).status_code == 200
    assert program.validate().status_code == 404


def test_the_device_stays_bound(program: Program) -> None:
    program.logout()

    assert Device.objects.get().is_bound()
    assert License.objects.get().devices_used == 1
    assert program.init().status_code == 200


def test_the_seat_is_free_at_once(program: Program) -> None:
    License.objects.update(sessions_max=1)
    assert program.init().json()["code"] == "session_limit_reached"

    program.logout()

    assert program.init().status_code == 200


def test_trailing_slash_or_not_never_a_redirect(program: Program) -> None:
    body = {"api_key": program.api_key, "session_token": program.session_token}

    assert program.call("logout/", body).status_code == 200


def test_a_nonce_comes_back(program: Program) -> None:
    assert program.logout(nonce="0123456789abcdef").json()["nonce"] == "0123456789abcdef"


@pytest.mark.parametrize("status", ["suspended", "revoked"])
def test_a_disabled_licenses_program_may_leave(program: Program, status: str) -> None:
    License.objects.update(status=status)

    assert program.logout().status_code == 200
    assert Session.objects.get().ended_reason == "logout"


def test_an_expired_licenses_program_may_leave(program: Program) -> None:
    License.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))

    assert program.logout().status_code == 200


def test_leaving_an_expired_session_is_no_error(program: Program) -> None:
    now = timezone.now()
    Session.objects.update(
        opened_at=now - dt.timedelta(hours=2), expires_at=now - dt.timedelta(hours=1)
    )

    assert program.logout().status_code == 200


def test_leaving_a_session_that_others_ended_keeps_their_reason(program: Program) -> None:
    release_device(device=Device.objects.get(), actor=SYSTEM, now=timezone.now())

    assert program.logout().status_code == 200
    assert Session.objects.get().ended_reason == "released"


def test_an_unknown_api_key_is_refused(program: Program) -> None:
    assert_refused(program.logout(api_key="x"), 401, "invalid_api_key", "Invalid API key")
    assert program.validate().status_code == 200


def test_a_disabled_application_is_refused(program: Program) -> None:
    applications.disable_application(application=program.license.application, actor=SYSTEM)

    assert_refused(program.logout(), 403, "application_disabled", "Application disabled")
    assert Session.objects.get().ended_at is None


def test_an_unknown_session_is_refused(program: Program) -> None:
    response = program.logout(session_token=str(uuid.uuid4()))

    assert_refused(response, 404, "session_not_found", "Session not found")


def test_another_applications_session_is_not_found_and_stays_open(program: Program) -> None:
    other = factories.make_license()
    token = factories.open_session(other)

    response = program.logout(session_token=str(token))

    assert_refused(response, 404, "session_not_found", "Session not found")
    assert other.sessions.get().ended_at is None


@pytest.mark.parametrize("name", ["api_key", "session_token"])
def test_a_missing_field_is_named(program: Program, name: str) -> None:
    response = program.logout(**{name: None})

    assert_refused(response, 400, "invalid_request", f"{name} is required")


def test_refusals_come_in_the_order_of_precedence(program: Program) -> None:
    application, token = program.license.application, program.session_token
    applications.disable_application(application=application, actor=SYSTEM)
    wrong = {"api_key": "wrong", "session_token": "wrong"}

    codes = []
    for right in [
        lambda: wrong.update(session_token=str(uuid.uuid4())),
        lambda: wrong.update(api_key=program.api_key),
        lambda: applications.enable_application(application=application, actor=SYSTEM),
        lambda: wrong.update(session_token=token),
    ]:
        codes.append(program.logout(**wrong).json()["code"])
        right()

    assert codes == [
        "invalid_request",
        "invalid_api_key",
        "application_disabled",
        "session_not_found",
    ]
    assert program.logout(**wrong).status_code == 200
