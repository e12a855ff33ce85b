"""Block lists and allow lists, as programs meet them: at init, and while they run."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from lockence_client import request_code
from pytest_django import Settings

from licensing import access_rules, licenses
from licensing.events import SYSTEM
from licensing.models import AccessRule, Device, License, Session
from tests import factories
from tests.api.runtime.adaptors import FastLaneClient
from tests.api.runtime.conftest import Program, assert_refused
from tests.api.runtime.test_budgets import statements

HERE, ELSEWHERE = "127.0.0.1", "198.51.100.7"
PARTS = {"board": "b-1", "disk": "d-1", "mac": "m-1"}
CALLS = ("validate", "heartbeat", "checkout", "consume", "variables")


def block(program: Program, kind: str, value: Any) -> AccessRule:
    return factories.make_access_rule(program.license.application, kind, value)


def allow(program: Program, kind: str, value: Any) -> AccessRule:
    license = program.license
    return factories.make_access_rule(license.application, kind, value, license=license)


def assert_denied(response: Any) -> None:
    assert_refused(response, 403, "access_denied", "Access denied")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("hwid", "device-1"), ("network", HERE), ("network", "127.0.0.0/8")],
)
def test_a_blocked_program_is_refused_with_its_next_call(
    program: Program, kind: str, value: str
) -> None:
    assert program.init().status_code == 200

    rule = block(program, kind, value)

    for call in CALLS:
        assert_denied(getattr(program, call)())
    assert_denied(program._in_session("borrow", {"until": "2099-01-01T00:00:00Z"}))
    assert_denied(program._in_session("release", {}))
    assert_denied(program.init())
    assert Device.objects.get().released_at is None
    access_rules.delete_rule(rule=rule, actor=SYSTEM)
    assert program.validate().status_code == program.init().status_code == 200


def test_a_blocked_program_may_log_out(program: Program) -> None:
    program.init()
    block(program, "hwid", "device-1")

    assert program.logout().status_code == 200


def test_a_new_device_that_is_blocked_takes_no_place(program: Program) -> None:
    block(program, "hwid", "device-1")

    assert_denied(program.init())

    assert not Device.objects.exists()
    program.license.refresh_from_db()
    assert (program.license.devices_used, program.license.first_used_at) == (0, None)
    assert program.init(hwid="device-2").status_code == 200


@pytest.mark.parametrize("sessions_max", [None, 1])
def test_a_full_license_says_denied_and_not_full(program: Program, sessions_max: int) -> None:
    License.objects.update(sessions_max=sessions_max)
    program.init()
    block(program, "network", HERE)

    assert_denied(program.init())
    assert_denied(program.init(hwid="device-2"))


def test_what_is_wrong_with_the_license_is_told_first(program: Program) -> None:
    program.init()
    block(program, "network", HERE)
    licenses.suspend_license(license=program.license, actor=SYSTEM)

    assert program.init().json()["code"] == "license_suspended"
    assert program.validate().json()["code"] == "license_suspended"
    assert program.init(license_key="wrong").json()["code"] == "license_not_found"


def test_a_session_that_is_over_says_so_first(program: Program) -> None:
    program.init()
    block(program, "network", HERE)
    Session.objects.update(ended_at=timezone.now(), ended_reason="developer")

    assert program.heartbeat().json()["code"] == "session_ended"


def test_others_come_in(program: Program) -> None:
    block(program, "network", "198.51.100.0/24")
    block(program, "network", "2001:db8::/32")
    block(program, "country", "DE")
    block(program, "hwid", "another")

    assert program.init().status_code == program.heartbeat().status_code == 200
    program.client.defaults["REMOTE_ADDR"] = ELSEWHERE
    assert_denied(program.heartbeat())
    program.client.defaults["REMOTE_ADDR"] = "2001:db8:7::1"
    assert_denied(program.heartbeat())
    assert_denied(program.init())


def test_a_block_is_for_its_own_application(program: Program) -> None:
    other = factories.make_license()
    factories.make_access_rule(other.application, "hwid", "device-1")
    factories.make_access_rule(other.application, "network", HERE)

    assert program.init().status_code == 200


@pytest.mark.parametrize(
    ("matching", "is_blocked"), [("any", True), ("two", True), ("most", True), ("all", False)]
)
@pytest.mark.parametrize("is_typed", [True, False])
def test_a_blocked_device_with_a_swapped_part_is_the_same_by_the_policy(
    program: Program, matching: str, is_blocked: bool, is_typed: bool
) -> None:
    policy = factories.make_policy(program.license.application, hwid_matching=matching)
    License.objects.update(policy=policy, devices_max=5)
    if is_typed:
        block(program, "hwid", PARTS)
    else:
        program.init(hwid=PARTS)
        access_rules.block_device(device=Device.objects.get(), actor=SYSTEM)

    assert_denied(program.init(hwid=PARTS))
    swapped = program.init(hwid=PARTS | {"disk": "d-2"})
    assert swapped.json()["code"] == ("access_denied" if is_blocked else "ok")
    assert program.init(hwid={"board": "b-2", "disk": "d-3", "mac": "m-2"}).status_code == 200


def test_a_rule_of_one_part_meets_every_device_with_it(program: Program) -> None:
    License.objects.update(devices_max=5)
    block(program, "hwid", {"disk": "d-1"})

    assert_denied(program.init(hwid=PARTS))
    assert program.init(hwid={"board": "d-1"}).status_code == 200


def test_an_allow_list_is_for_nobody_else_of_its_kind(program: Program) -> None:
    License.objects.update(devices_max=5)
    allow(program, "hwid", "device-1")
    allow(program, "hwid", "device-2")
    allow(program, "user", "ann")

    assert_denied(program.init())
    assert_denied(program.init(hwid="device-3", user="ann"))
    assert program.init(hwid="device-2", user="ann").status_code == 200
    assert_denied(program.init(user="Ann"))
    assert program.init(user="ann").status_code == program.heartbeat().status_code == 200
    other = factories.make_license(program.license.application)
    assert Program(program.client, other, "device-3").init().status_code == 200


def test_a_running_program_that_is_no_longer_allowed_stops(program: Program) -> None:
    program.init(user="bob")
    rule = allow(program, "user", "ann")

    assert_denied(program.heartbeat())
    access_rules.delete_rule(rule=rule, actor=SYSTEM)
    assert program.heartbeat().status_code == 200


def test_a_block_goes_before_an_allow_list(program: Program) -> None:
    allow(program, "network", HERE)
    assert program.init().status_code == 200

    block(program, "network", "127.0.0.0/8")

    assert_denied(program.heartbeat())


@pytest.fixture
def behind_a_proxy(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.COUNTRY_HEADER = "HTTP_CF_IPCOUNTRY"


@pytest.mark.parametrize(
    ("told", "blocked", "allowed"),
    [("DE", 403, 200), ("de", 403, 200), ("FR", 200, 403), ("XX", 200, 403), ("", 200, 403)],
)
def test_a_country_is_told_by_the_proxy(
    application: Any, behind_a_proxy: None, told: str, blocked: int, allowed: int
) -> None:
    license, only = factories.make_licenses(application, 2)
    client = Client(headers={"cf-ipcountry": told})
    factories.make_access_rule(application, "country", "de", license=only)
    assert Program(client, only).init().status_code == allowed

    factories.make_access_rule(application, "country", "DE")

    assert Program(client, license).init().status_code == blocked


def test_anybody_else_tells_no_country(application: Any, behind_a_proxy: None) -> None:
    license = factories.make_license(application)
    factories.make_access_rule(application, "country", "DE", license=license)
    client = Client(headers={"cf-ipcountry": "DE"}, REMOTE_ADDR=ELSEWHERE)

    assert_denied(Program(client, license).init())


def test_the_exchange_for_a_license_file_is_judged_too(program: Program) -> None:
    block(program, "hwid", "device-1")
    code = request_code(str(program.license.application_id), "device-1")
    body = {"api_key": program.api_key, "license_key": program.license_key}

    assert_denied(program.call("offline", {**body, "request_code": code}))

    page = Client().post("/offline/", {"request_code": code, "license_key": program.license_key})
    assert "Access denied." in page.content.decode()
    assert not Device.objects.exists()


def test_rules_cost_no_statement(program: Program) -> None:
    # What is given up in steps is asked anew.
    program.client = FastLaneClient()
    allow(program, "network", "127.0.0.0/8")
    for number in range(20):
        block(program, "hwid", f"another-{number}")

    with statements() as new:
        assert program.init().status_code == 200
    with statements() as sent:
        assert program.init().status_code == 200
        assert program.validate().status_code == 200
        assert program.heartbeat().status_code == 200

    assert len(new) == 6
    assert len(sent) == 1 + 1 + 1


def test_a_key_that_is_changed_loses_no_rule(program: Program, settings: Settings) -> None:
    """The device itself brings the newer digest, blocked or not; then the older key can go."""
    old, new = {"old": b"o" * 32}, {"new": b"n" * 32}
    license = factories.make_license(program.license.application, devices_max=5)
    allowed = Program(program.client, license, "allowed")
    settings.HWID_KEYS = old
    allowed.init(hwid=PARTS)
    block(program, "hwid", "device-1")
    allow(allowed, "hwid", PARTS)

    settings.HWID_KEYS = new | old
    assert_denied(program.init())
    assert allowed.init(hwid=PARTS).status_code == allowed.heartbeat().status_code == 200
    settings.HWID_KEYS = new

    assert_denied(program.init())
    assert allowed.heartbeat().status_code == 200
    assert allowed.init(hwid=PARTS | {"disk": "d-2"}).status_code == 200
    assert set(AccessRule.objects.values_list("hwid_key_id", flat=True)) == {"new"}


def test_what_is_typed_while_two_keys_are_there_is_known_under_both(
    program: Program, settings: Settings
) -> None:
    settings.HWID_KEYS = {"old": b"o" * 32}
    program.init()
    settings.HWID_KEYS = {"new": b"n" * 32, "old": b"o" * 32}

    block(program, "hwid", "device-1")

    assert_denied(program.heartbeat())
    settings.HWID_KEYS = {"old": b"o" * 32}
    assert_denied(program.init())


def test_a_license_file_that_is_out_there_still_counts(program: Program) -> None:
    """As after a revocation: offline nobody asks us."""
    answer = program.init().json()
    block(program, "hwid", "device-1")

    assert answer["license_file"]
    assert Device.objects.get().license_file_ends_at > timezone.now() + dt.timedelta(days=2)
