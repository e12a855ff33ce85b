"""`POST /api/v1/validate`: is this session good, this very moment? It reads and extends nothing."""

import datetime as dt
import re
import uuid

import pytest
from django.utils import timezone

from licensing import applications, licenses
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Device, License, Policy, Session
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

RFC_3339_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
AN_HOUR = dt.timedelta(hours=1)


@pytest.fixture
def program(program: Program) -> Program:
    """A program in an open session."""
    program.init()
    return program


def test_validate_tells_all_that_a_program_needs(program: Program) -> None:
    response = program.validate()

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"].startswith("no-store")
    body = response.json()
    assert body["success"] is True
    assert (body["code"], body["message"]) == ("ok", "Session is valid")
    assert (body["username"], body["metadata"]) == ("Ada", {"tier": "pro"})
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


def test_username_is_a_string_and_metadata_an_object_when_unset(program: Program) -> None:
    License.objects.update(username="", metadata={})

    body = program.validate().json()

    assert (body["username"], body["metadata"]) == ("", {})


def test_metadata_comes_back_as_it_was_written(program: Program) -> None:
    metadata = {"größe": "∞ 𝄞", "n": 2**63, "pi": 3.25, "none": None, "deep": [[{"a": True}]]}
    License.objects.update(metadata=metadata)

    assert program.validate().json()["metadata"] == metadata


def test_validate_extends_nothing_and_writes_nothing(program: Program) -> None:
    before = Session.objects.values().get(), Device.objects.values().get()

    program.validate()

    assert (Session.objects.values().get(), Device.objects.values().get()) == before


def test_validate_tells_the_end_that_init_told(program: Program) -> None:
    end = timezone.now() + AN_HOUR
    Session.objects.update(expires_at=end)

    assert program.validate().json()["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_changes_of_the_license_show_at_once(program: Program) -> None:
    policy = factories.make_policy(
        program.license.application, name="Gold", heartbeat_interval_seconds=60
    )
    terms = licenses.LicenseTerms(username="Grace", metadata={"tier": "gold"})
    licenses.change_license(license=program.license, policy=policy, terms=terms, actor=SYSTEM)

    body = program.validate().json()

    assert (body["username"], body["metadata"]) == ("Grace", {"tier": "gold"})
    assert (body["license"]["policy"], body["heartbeat_interval"]) == ("Gold", 60)


def test_trailing_slash_or_not_never_a_redirect(program: Program) -> None:
    body = {"api_key": program.api_key, "session_token": program.session_token}

    assert program.call("validate/", body).status_code == 200


def test_the_tokens_case_does_not_matter(program: Program) -> None:
    assert program.validate(session_token=program.session_token.upper()).status_code == 200


def test_a_nonce_comes_back_with_a_yes_and_with_a_no(program: Program) -> None:
    nonce = "0123456789abcdef"

    assert program.validate(nonce=nonce).json()["nonce"] == nonce
    assert program.validate(nonce=nonce, session_token=str(uuid.uuid4())).json()["nonce"] == nonce


def test_an_unknown_api_key_is_refused(program: Program) -> None:
    assert_refused(program.validate(api_key="x"), 401, "invalid_api_key", "Invalid API key")


def test_a_retired_api_key_is_refused(program: Program) -> None:
    applications.rotate_api_key(
        application=program.license.application,
        overlap=dt.timedelta(0),
        actor=SYSTEM,
        now=timezone.now(),
    )

    assert_refused(program.validate(), 401, "invalid_api_key", "Invalid API key")
    new_key = factories.api_key_of(program.license.application)
    assert program.validate(api_key=new_key).status_code == 200


def test_a_disabled_application_is_refused_by_the_very_next_call(program: Program) -> None:
    applications.disable_application(application=program.license.application, actor=SYSTEM)

    assert_refused(program.validate(), 403, "application_disabled", "Application disabled")
    applications.enable_application(application=program.license.application, actor=SYSTEM)
    assert program.validate().status_code == 200


def test_an_unknown_session_is_refused(program: Program) -> None:
    response = program.validate(session_token=str(uuid.uuid4()))

    assert_refused(response, 404, "session_not_found", "Session not found")


def test_another_applications_session_is_not_found(program: Program) -> None:
    foreign = factories.open_session(factories.make_license())

    response = program.validate(session_token=str(foreign))

    assert_refused(response, 404, "session_not_found", "Session not found")


def test_a_suspension_shows_in_the_very_next_call_and_lifts_as_fast(program: Program) -> None:
    licenses.suspend_license(license=program.license, actor=SYSTEM)
    assert_refused(program.validate(), 403, "license_suspended", "License disabled")

    licenses.restore_license(license=program.license, actor=SYSTEM)
    assert program.validate().status_code == 200


def test_a_revocation_shows_in_the_very_next_call(program: Program) -> None:
    licenses.revoke_license(license=program.license, actor=SYSTEM, now=timezone.now())

    assert_refused(program.validate(), 403, "license_revoked", "License disabled")


def test_a_license_that_ended_during_the_session_is_expired(program: Program) -> None:
    License.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))

    assert_refused(program.validate(), 403, "license_expired", "License expired")


def test_a_session_is_never_told_to_outlive_its_license(program: Program) -> None:
    end = timezone.now() + AN_HOUR
    # Written behind the verbs' back: a heartbeat on its way while the license was cut short.
    License.objects.update(expires_at=end)

    body = program.validate().json()

    assert body["expires_at"] == body["license"]["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_a_session_that_was_logged_out_has_ended(program: Program) -> None:
    program.logout()

    assert_refused(program.validate(), 404, "session_ended", "Session ended")


def test_a_session_without_heartbeats_expires(program: Program) -> None:
    expire_the_session()

    assert_refused(program.validate(), 404, "session_expired", "Session expired")


def test_a_released_device_ends_its_sessions(program: Program) -> None:
    release_device(device=Device.objects.get(), actor=SYSTEM, now=timezone.now())

    assert_refused(program.validate(), 404, "session_ended", "Session ended")


def test_a_session_on_a_released_device_is_a_mismatch(program: Program) -> None:
    Device.objects.update(released_at=timezone.now())

    assert_refused(program.validate(), 403, "hwid_mismatch", "HWID mismatch")


def test_a_new_session_leaves_the_old_one_good(program: Program) -> None:
    first = program.session_token
    program.init()

    assert program.validate(session_token=first).status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"api_key": None}, "api_key is required"),
        ({"api_key": ""}, "api_key must not be empty"),
        ({"api_key": 7}, "api_key must be a string"),
        ({"api_key": "x" * 257}, "api_key must be at most 256 characters long"),
        ({"session_token": None}, "session_token is required"),
        ({"session_token": ""}, "session_token must not be empty"),
        ({"session_token": True}, "session_token must be a string"),
        ({"session_token": "no uuid"}, "session_token must be a UUID"),
        ({"session_token": uuid.uuid4().hex}, "session_token must be a UUID"),
        ({"session_token": f"{{{uuid.uuid4()}}}"}, "session_token must be a UUID"),
        ({"nonce": "short"}, "nonce must be 16 to 64 characters of A-Z, a-z, 0-9, - and _"),
        ({"nonce": "=" * 20}, "nonce must be 16 to 64 characters of A-Z, a-z, 0-9, - and _"),
        (
            {"nonce": 1234567890123456},
            "nonce must be 16 to 64 characters of A-Z, a-z, 0-9, - and _",
        ),
    ],
)
def test_a_wrong_field_is_named(program: Program, fields: dict, message: str) -> None:
    assert_refused(program.validate(**fields), 400, "invalid_request", message)


def test_a_secret_key_in_a_program_is_refused_by_name(program: Program) -> None:
    response = program.validate(api_key="lck_sk_" + "0" * 38)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "never ship it in a program" in response.json()["message"]


def test_refusals_come_in_the_order_of_precedence(program: Program) -> None:
    """Everything is wrong at once; each thing that is put right uncovers the next."""
    application = program.license.application
    token = program.session_token
    now = timezone.now()
    Session.objects.update(
        opened_at=now - 2 * AN_HOUR, expires_at=now - AN_HOUR, ended_at=now, ended_reason="logout"
    )
    Device.objects.update(released_at=now)
    License.objects.update(status=License.Status.SUSPENDED, expires_at=now - AN_HOUR)
    applications.disable_application(application=application, actor=SYSTEM)
    wrong = {"api_key": "wrong", "session_token": 7}

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
        codes.append(program.validate(**wrong).json()["code"])
        right()

    assert codes == [
        "invalid_request",
        "invalid_api_key",
        "application_disabled",
        "session_not_found",
        "license_suspended",
        "license_expired",
        "session_ended",
        "session_expired",
        "hwid_mismatch",
    ]
    assert program.validate().status_code == 200


def test_the_clock_of_the_database_judges(program: Program) -> None:
    """A session that ends while nobody looks is gone at that moment, without anybody's help."""
    Session.objects.update(expires_at=timezone.now() + dt.timedelta(milliseconds=30))
    wait_for_the_databases_clock(Session.objects.get().expires_at)

    assert_refused(program.validate(), 404, "session_expired", "Session expired")


def test_a_shorter_session_lifetime_counts_from_the_next_heartbeat_on(program: Program) -> None:
    before = program.validate().json()["expires_at"]
    Policy.objects.update(session_lifetime_seconds=600)

    assert program.validate().json()["expires_at"] == before


def expire_the_session() -> None:
    now = timezone.now()
    Session.objects.update(opened_at=now - 2 * AN_HOUR, expires_at=now - AN_HOUR)


def wait_for_the_databases_clock(moment: dt.datetime) -> None:
    while timezone.now() <= moment:
        pass
