"""`POST /api/v1/init`: the door that a program enters by."""

import datetime as dt
import re
import uuid
from typing import Any, LiteralString

import pytest
from django.utils import timezone

from licensing import applications, licenses, opening
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Device, Event, License, Session
from licensing.opening_statements import LOCK_LICENSE
from licensing.statements import Question, Row, Steps
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

RFC_3339_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_init_answers_with_everything_a_program_needs(program: Program) -> None:
    response = program.init(device_name="Ada's PC", platform="linux", app_version="1.2.3")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert body["success"] is True
    assert body["code"] == "ok"
    assert body["message"] == "Authentication successful"
    assert uuid.UUID(body["session_token"]).version == 4
    assert body["username"] == "Ada"
    assert body["metadata"] == {"tier": "pro"}
    assert body["heartbeat_interval"] == 300
    assert body["license"] == {
        "id": str(program.license.pk),
        "status": "active",
        "expires_at": None,
        "grace_until": None,
        "policy": "Standard",
        "entitlements": {},
    }
    assert RFC_3339_IN_UTC.fullmatch(body["expires_at"])
    assert RFC_3339_IN_UTC.fullmatch(body["server_time"])


def test_init_remembers_device_and_session(program: Program) -> None:
    program.init(device_name="Ada's PC", platform="linux", app_version="1.2.3")

    device, session = Device.objects.get(), Session.objects.get()
    assert (device.name, device.platform) == ("Ada's PC", "linux")
    assert (session.device, session.app_version) == (device, "1.2.3")
    assert session.ip_address == "127.0.0.1"
    assert Event.objects.filter(action="device.bound", license_id=program.license.pk).count() == 1


def test_a_session_lasts_a_day_unless_a_heartbeat_comes(program: Program) -> None:
    expires_at = dt.datetime.fromisoformat(program.init().json()["expires_at"])

    lifetime = expires_at - timezone.now()
    assert dt.timedelta(hours=23, minutes=59) < lifetime <= dt.timedelta(hours=24)


def test_a_session_never_outlives_its_license(program: Program) -> None:
    end = timezone.now() + dt.timedelta(hours=1)
    License.objects.update(expires_at=end)

    body = program.init().json()

    assert body["expires_at"] == body["license"]["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_the_first_init_tells_the_developer_that_the_program_is_connected(
    program: Program,
) -> None:
    assert program.license.application.first_init_at is None

    program.init()

    program.license.application.refresh_from_db()
    assert program.license.application.first_init_at is not None


def test_a_known_device_is_always_welcome(program: Program) -> None:
    first = program.init().json()["session_token"]

    second = program.init()

    assert second.status_code == 200
    assert second.json()["session_token"] != first
    assert Device.objects.count() == 1


@pytest.mark.parametrize("typed", ["lower", "spaced", "dashless", "misread", "typeset"])
def test_a_typed_license_key_is_forgiven(program: Program, typed: str) -> None:
    key = program.license_key
    forms = {
        "lower": key.lower(),
        "spaced": f"  {key.replace('-', ' ')}\n",
        "dashless": key.replace("-", ""),
        "misread": key.replace("1", "l").replace("0", "O"),
        "typeset": key.replace("-", "\u2013"),
    }

    assert program.init(license_key=forms[typed]).status_code == 200


def test_trailing_slash_or_not_never_a_redirect(program: Program) -> None:
    body = {
        "api_key": program.api_key,
        "license_key": program.license_key,
        "hwid": "device-1",
    }

    response = program.call("init/", body)

    assert response.status_code == 200


def test_an_unknown_api_key_is_refused(program: Program) -> None:
    response = program.init(api_key="lck_pk_" + "0" * 32)

    assert_refused(response, 401, "invalid_api_key", "Invalid API key")


def test_a_disabled_application_is_refused(program: Program) -> None:
    applications.disable_application(application=program.license.application, actor=SYSTEM)

    assert_refused(program.init(), 403, "application_disabled", "Application disabled")


def test_an_unknown_license_key_is_refused(program: Program) -> None:
    response = program.init(license_key="AAAAA-AAAAA-AAAAA-AAAAA")

    assert_refused(response, 404, "license_not_found", "Invalid license key")


def test_foreign_and_malformed_license_keys_answer_like_unknown_ones(program: Program) -> None:
    foreign = factories.make_license().reveal()

    unknown, *others = (
        program.init(license_key=key).json() | {"server_time": ""}
        for key in ("AAAAA-AAAAA-AAAAA-AAAAA", foreign, "no such form", "-")
    )

    assert all(other == unknown for other in others)


@pytest.mark.parametrize("code", ["license_suspended", "license_revoked"])
def test_a_disabled_license_is_refused(program: Program, code: str) -> None:
    License.objects.update(status=code.removeprefix("license_"))

    assert_refused(program.init(), 403, code, "License disabled")


def test_an_expired_license_is_refused(program: Program) -> None:
    License.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))

    assert_refused(program.init(), 403, "license_expired", "License expired")


def test_another_device_is_refused_and_leaves_nothing_behind(program: Program) -> None:
    program.init(hwid="device-1")

    response = program.init(hwid="device-2")

    assert_refused(response, 403, "hwid_mismatch", "HWID mismatch")
    assert Device.objects.count() == Session.objects.count() == 1


def test_one_session_too_many_is_refused_and_binds_no_device(program: Program) -> None:
    License.objects.update(devices_max=2, sessions_max=1)
    program.init(hwid="device-1")

    response = program.init(hwid="device-2")

    assert_refused(response, 403, "session_limit_reached", "Session limit reached")
    assert License.objects.get().devices_used == Device.objects.count() == 1


def test_a_policy_may_end_the_oldest_session_instead(program: Program) -> None:
    program.license.policy.sessions_overflow = "end_oldest"
    program.license.policy.sessions_max = 2
    program.license.policy.save()
    oldest = program.init().json()["session_token"]
    second = program.init().json()["session_token"]

    newest = program.init().json()["session_token"]

    assert program.validate(session_token=newest).status_code == 200
    assert program.validate(session_token=second).status_code == 200
    assert_refused(program.validate(session_token=oldest), 404, "session_ended", "Session ended")
    assert Session.objects.filter(ended_reason="replaced").count() == 1


def test_a_session_limit_that_comes_while_a_program_asks_holds(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.init()
    limit_once_found(monkeypatch, sessions_max=1)
    locked = spy_on_locks(monkeypatch)

    refused = program.init(idempotency_key="found and opened apart")

    assert_refused(refused, 403, "session_limit_reached", "Session limit reached")
    assert Session.objects.count() == 1
    assert locked == [LOCK_LICENSE]


def test_a_limit_of_users_that_comes_while_a_program_asks_holds(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    License.objects.update(users_max=1)
    program.init(user="Ada")
    License.objects.update(users_max=None)
    limit_once_found(monkeypatch, users_max=1)

    refused = program.init(user="Bob", idempotency_key="found and opened apart")

    assert refused.json()["code"] == "user_limit_reached"
    assert Session.objects.count() == 1


def spy_on_locks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the locks that are taken from now on."""
    fetch_row, locked = opening.fetch_row, []

    def fetching_row(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
        locked.append(statement)
        return fetch_row(statement, parameters)

    monkeypatch.setattr(opening, "fetch_row", fetching_row)
    return locked


def limit_once_found(monkeypatch: pytest.MonkeyPatch, **limit: int) -> None:
    """Let the developer limit the license right after the first statement of each call, which finds it."""
    asking, [(name, value)] = opening.asking, limit.items()

    def asking_and_limiting(*asked: Any, **how: Any) -> Steps[Row | None]:
        row = yield from asking(*asked, **how)
        yield Question(f"UPDATE licensing_license SET {name} = {value}", {})  # noqa: S608
        return row

    monkeypatch.setattr(opening, "asking", asking_and_limiting)


def test_ended_and_expired_sessions_take_no_seat(program: Program) -> None:
    License.objects.update(sessions_max=1)
    program.init()
    program.logout()
    program.init()
    Session.objects.filter(ended_at=None).update(
        opened_at=timezone.now() - dt.timedelta(hours=2),
        expires_at=timezone.now() - dt.timedelta(hours=1),
    )

    assert program.init().status_code == 200


def test_a_released_device_gives_its_place_to_another_and_may_come_back(program: Program) -> None:
    License.objects.update(devices_max=1)
    program.init(hwid="device-1")
    release_the_device()

    assert program.init(hwid="device-2").status_code == 200
    release_the_device()
    assert program.init(hwid="device-1").status_code == 200
    assert License.objects.get().devices_used == Device.objects.bound().count() == 1


def test_the_clock_of_a_first_use_license_starts_with_its_first_init(program: Program) -> None:
    policy = factories.make_policy(
        program.license.application, duration_seconds=3600, clock_start="first_use"
    )
    license = factories.make_license(program.license.application, policy=policy)
    assert license.expires_at is None

    program.init(license_key=license.reveal())

    license.refresh_from_db()
    assert license.first_used_at is not None
    assert license.expires_at == license.first_used_at + dt.timedelta(hours=1)


def test_a_second_device_does_not_move_the_first_use_clock(program: Program) -> None:
    policy = factories.make_policy(
        program.license.application, duration_seconds=3600, clock_start="first_use", devices_max=2
    )
    license = factories.make_license(program.license.application, policy=policy)
    program.init(license_key=license.reveal(), hwid="device-1")
    License.objects.filter(pk=license.pk).update(
        first_used_at=timezone.now() - dt.timedelta(minutes=30),
        expires_at=timezone.now() + dt.timedelta(minutes=30),
    )
    license.refresh_from_db()

    program.init(license_key=license.reveal(), hwid="device-2")

    assert License.objects.get(pk=license.pk).expires_at == license.expires_at


def test_old_and_new_api_key_both_answer_during_the_overlap(program: Program) -> None:
    application = program.license.application
    old = program.api_key
    applications.rotate_api_key(
        application=application, overlap=dt.timedelta(days=1), actor=SYSTEM, now=timezone.now()
    )

    assert program.init(api_key=old).status_code == 200
    assert program.init(api_key=factories.api_key_of(application)).status_code == 200

    retired = application.api_keys.exclude(expires_at=None).get()
    applications.retire_api_key(api_key=retired, actor=SYSTEM, now=timezone.now())
    assert_refused(program.init(api_key=old), 401, "invalid_api_key", "Invalid API key")


def test_a_nonce_comes_back(program: Program) -> None:
    nonce = "abcdefghijklmnop-_012345"

    assert program.init(nonce=nonce).json()["nonce"] == nonce
    assert program.init(nonce=nonce, api_key="wrong").json()["nonce"] == nonce


def test_refusals_come_in_the_order_of_precedence(program: Program) -> None:
    """Everything is wrong at once; each thing that is put right uncovers the next."""
    application = program.license.application
    program.init(hwid="bound")
    license = License.objects.get()
    licenses.suspend_license(license=license, actor=SYSTEM)
    License.objects.update(sessions_max=1, expires_at=timezone.now() - dt.timedelta(seconds=1))
    applications.disable_application(application=application, actor=SYSTEM)
    wrong = {"api_key": "wrong", "license_key": "wrong", "hwid": 7}

    codes = []
    for right in [
        lambda: wrong.update(hwid="other"),
        lambda: wrong.update(api_key=program.api_key),
        lambda: applications.enable_application(application=application, actor=SYSTEM),
        lambda: wrong.update(license_key=program.license_key),
        lambda: licenses.restore_license(license=license, actor=SYSTEM),
        lambda: License.objects.update(expires_at=None),
        lambda: wrong.update(hwid="bound"),
        lambda: License.objects.update(sessions_max=2),
    ]:
        codes.append(program.init(**wrong).json()["code"])
        right()

    assert codes == [
        "invalid_request",
        "invalid_api_key",
        "application_disabled",
        "license_not_found",
        "license_suspended",
        "license_expired",
        "hwid_mismatch",
        "session_limit_reached",
    ]
    assert program.init(**wrong).status_code == 200


def release_the_device() -> None:
    [device] = Device.objects.bound()
    assert release_device(device=device, actor=SYSTEM, now=timezone.now())
