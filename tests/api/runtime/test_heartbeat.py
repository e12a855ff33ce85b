"""`POST /api/v1/heartbeat`: a session lives on as long as its program says so in time."""

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from licensing import applications, licenses
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Device, License, Policy, Session
from licensing.sessions import end_session
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

AN_HOUR = dt.timedelta(hours=1)
A_SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def program(program: Program) -> Program:
    """A program in an open session that was opened two hours ago and would end in one."""
    program.init()
    now = timezone.now()
    Session.objects.update(
        opened_at=now - 2 * AN_HOUR, last_seen_at=now - AN_HOUR, expires_at=now + AN_HOUR
    )
    return program


def test_a_heartbeat_gives_a_session_another_lifetime(program: Program) -> None:
    response = program.heartbeat()

    assert response.status_code == 200
    body = response.json()
    assert body["success"] is True
    assert (body["code"], body["message"]) == ("ok", "Heartbeat received")
    assert body["heartbeat_interval"] == 300
    session = Session.objects.get()
    assert body["expires_at"] == f"{session.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert session.expires_at - session.last_seen_at == dt.timedelta(days=1)
    assert timezone.now() - session.last_seen_at < 5 * A_SECOND


def test_a_heartbeat_says_only_what_a_heartbeat_is_for(program: Program) -> None:
    body = program.heartbeat().json()

    assert not {"username", "metadata", "license", "session_token"} & body.keys()
    assert body["server_time"].endswith("Z")


def test_a_heartbeat_never_reaches_past_the_licenses_end(program: Program) -> None:
    end = timezone.now() + AN_HOUR / 2
    License.objects.update(expires_at=end)

    body = program.heartbeat().json()

    assert body["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"
    assert Session.objects.get().expires_at == end


def test_an_extended_license_reaches_the_session_with_its_next_heartbeat(program: Program) -> None:
    now = timezone.now()
    License.objects.update(expires_at=now + AN_HOUR)
    program.heartbeat()
    licenses.extend_license(
        license=program.license, expires_at=now + 2 * AN_HOUR, actor=SYSTEM, now=now
    )

    program.heartbeat()

    assert Session.objects.get().expires_at == now + 2 * AN_HOUR


def test_a_shortened_license_shortens_its_sessions_at_once(program: Program) -> None:
    now = timezone.now()
    licenses.extend_license(
        license=program.license, expires_at=now + AN_HOUR / 2, actor=SYSTEM, now=now
    )

    assert Session.objects.get().expires_at == now + AN_HOUR / 2


def test_a_changed_policy_counts_from_the_next_heartbeat_on(program: Program) -> None:
    Policy.objects.update(session_lifetime_seconds=600, heartbeat_interval_seconds=60)

    body = program.heartbeat().json()

    session = Session.objects.get()
    assert body["heartbeat_interval"] == 60
    assert session.expires_at - session.last_seen_at == dt.timedelta(seconds=600)


def test_one_sessions_heartbeat_is_not_anothers(program: Program) -> None:
    first, before = program.session_token, Session.objects.values().get()
    program.init()

    program.heartbeat()

    assert Session.objects.values().get(pk=before["id"]) == before
    assert program.validate(session_token=first).status_code == 200


def test_trailing_slash_or_not_never_a_redirect(program: Program) -> None:
    body = {"api_key": program.api_key, "session_token": program.session_token}

    assert program.call("heartbeat/", body).status_code == 200


def test_a_nonce_comes_back(program: Program) -> None:
    assert program.heartbeat(nonce="0123456789abcdef").json()["nonce"] == "0123456789abcdef"


def test_a_heartbeat_after_logout_revives_nothing(program: Program) -> None:
    program.logout()
    before = Session.objects.values().get()

    assert_refused(program.heartbeat(), 404, "session_ended", "Session ended")
    assert Session.objects.values().get() == before


def test_a_heartbeat_after_the_end_revives_nothing(program: Program) -> None:
    Session.objects.update(expires_at=timezone.now() - A_SECOND)
    before = Session.objects.values().get()

    assert_refused(program.heartbeat(), 404, "session_expired", "Session expired")
    assert Session.objects.values().get() == before


def test_a_heartbeat_after_the_developers_word_revives_nothing(program: Program) -> None:
    end_session(session=Session.objects.get(), actor=SYSTEM, now=timezone.now())

    assert_refused(program.heartbeat(), 404, "session_ended", "Session ended")


def test_a_heartbeat_from_a_released_device_revives_nothing(program: Program) -> None:
    release_device(device=Device.objects.get(), actor=SYSTEM, now=timezone.now())

    assert_refused(program.heartbeat(), 404, "session_ended", "Session ended")
    assert not Device.objects.bound().exists()


def test_a_replaced_session_stays_replaced(program: Program) -> None:
    Policy.objects.update(sessions_max=1, sessions_overflow="end_oldest")
    old = program.session_token
    program.init()

    assert_refused(program.heartbeat(session_token=old), 404, "session_ended", "Session ended")
    assert program.heartbeat().status_code == 200


@pytest.mark.parametrize("status", ["suspended", "revoked"])
def test_a_disabled_license_is_refused_by_the_very_next_heartbeat(
    program: Program, status: str
) -> None:
    License.objects.update(status=status)
    before = Session.objects.values().get()

    assert_refused(program.heartbeat(), 403, f"license_{status}", "License disabled")
    assert Session.objects.values().get() == before


def test_a_session_survives_a_suspension(program: Program) -> None:
    licenses.suspend_license(license=program.license, actor=SYSTEM)
    program.heartbeat()
    licenses.restore_license(license=program.license, actor=SYSTEM)

    assert program.heartbeat().status_code == 200


def test_a_revocation_ends_the_sessions_for_good(program: Program) -> None:
    licenses.revoke_license(license=program.license, actor=SYSTEM, now=timezone.now())

    assert_refused(program.heartbeat(), 403, "license_revoked", "License disabled")
    assert Session.objects.get().ended_reason == "revoked"


def test_a_license_that_ended_during_the_session_is_refused(program: Program) -> None:
    License.objects.update(expires_at=timezone.now() - A_SECOND)
    before = Session.objects.values().get()

    assert_refused(program.heartbeat(), 403, "license_expired", "License expired")
    assert Session.objects.values().get() == before


def test_a_disabled_application_is_refused_by_the_very_next_heartbeat(program: Program) -> None:
    applications.disable_application(application=program.license.application, actor=SYSTEM)
    before = Session.objects.values().get()

    assert_refused(program.heartbeat(), 403, "application_disabled", "Application disabled")
    assert Session.objects.values().get() == before


def test_an_unknown_api_key_is_refused(program: Program) -> None:
    assert_refused(program.heartbeat(api_key="x"), 401, "invalid_api_key", "Invalid API key")


def test_an_unknown_session_is_refused(program: Program) -> None:
    response = program.heartbeat(session_token=str(uuid.uuid4()))

    assert_refused(response, 404, "session_not_found", "Session not found")


def test_another_applications_session_is_not_found_and_not_touched(program: Program) -> None:
    other = factories.make_license()
    token = factories.open_session(other)
    before = other.sessions.values().get()

    response = program.heartbeat(session_token=str(token))

    assert_refused(response, 404, "session_not_found", "Session not found")
    assert other.sessions.values().get() == before


@pytest.mark.parametrize("name", ["api_key", "session_token"])
def test_a_missing_field_is_named(program: Program, name: str) -> None:
    response = program.heartbeat(**{name: None})

    assert_refused(response, 400, "invalid_request", f"{name} is required")


def test_refusals_come_in_the_order_of_precedence(program: Program) -> None:
    """Everything is wrong at once; each thing that is put right uncovers the next."""
    application, token, now = program.license.application, program.session_token, timezone.now()
    Session.objects.update(expires_at=now - A_SECOND, ended_at=now, ended_reason="logout")
    Device.objects.update(released_at=now)
    License.objects.update(status=License.Status.REVOKED, expires_at=now - A_SECOND)
    applications.disable_application(application=application, actor=SYSTEM)
    wrong = {"api_key": "wrong", "session_token": "wrong"}

    codes = []
    for right in [
        lambda: wrong.update(session_token=str(uuid.uuid4())),
        lambda: wrong.update(api_key=program.api_key),
        lambda: applications.enable_application(application=application, actor=SYSTEM),
        lambda: wrong.update(session_token=token),
        lambda: License.objects.update(status=License.Status.ACTIVE),
        lambda: License.objects.update(expires_at=None),
        lambda: Session.objects.update(ended_at=None, ended_reason=""),
        lambda: Session.objects.update(expires_at=now + AN_HOUR),
        lambda: Device.objects.update(released_at=None),
    ]:
        codes.append(program.heartbeat(**wrong).json()["code"])
        right()

    assert codes == [
        "invalid_request",
        "invalid_api_key",
        "application_disabled",
        "session_not_found",
        "license_revoked",
        "license_expired",
        "session_ended",
        "session_expired",
        "hwid_mismatch",
    ]
    assert program.heartbeat().status_code == 200


def test_where_nobody_may_write_a_program_comes_again_later(program: Program) -> None:
    """As on a standby that has not taken over yet."""
    program.init()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")

    answer = program.heartbeat()

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["code"] == "temporarily_unavailable"
