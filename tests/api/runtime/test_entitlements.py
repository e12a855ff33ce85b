"""What init and validate tell of a license's entitlements: its own word, else its policy's, at this moment."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from licensing import entitlements
from licensing.events import SYSTEM
from licensing.models import License, Policy, Usage
from tests import factories
from tests.api.runtime.conftest import Program

AN_HOUR = dt.timedelta(hours=1)


@pytest.fixture
def policy(program: Program) -> Policy:
    return program.license.policy


def told(program: Program) -> dict[str, Any]:
    """What both calls tell, which is the same."""
    first = program.init().json()["license"]["entitlements"]
    second = program.validate().json()["license"]["entitlements"]
    assert first == second
    return first


def test_a_license_has_what_its_policy_says(program: Program, policy: Policy) -> None:
    application = policy.application
    factories.grant(policy, factories.make_entitlement(application, "export"), True)
    factories.grant(policy, factories.make_entitlement(application, "projects", "integer"), 12)
    factories.grant(policy, factories.make_entitlement(application, "tier", "text"), "größe 𝄞")
    factories.make_entitlement(application, "not-said")

    assert told(program) == {
        "export": {"kind": "boolean", "value": True, "expires_at": None},
        "projects": {"kind": "integer", "value": 12, "expires_at": None},
        "tier": {"kind": "text", "value": "größe 𝄞", "expires_at": None},
    }


def test_the_first_entitlement_of_an_application_shows_at_the_very_next_call(
    program: Program, policy: Policy
) -> None:
    assert told(program) == {}

    factories.grant(policy, factories.make_entitlement(policy.application, "export"), True)

    assert program.validate().json()["license"]["entitlements"]["export"]["value"] is True


def test_the_licenses_own_word_counts_instead(program: Program, policy: Policy) -> None:
    entitlement = factories.make_entitlement(policy.application)
    factories.grant(policy, entitlement, True)
    factories.grant(program.license, entitlement, False)

    assert told(program)["export"]["value"] is False

    entitlements.take_from_license(license=program.license, entitlement=entitlement, actor=SYSTEM)
    assert told(program)["export"]["value"] is True


def test_what_has_expired_is_as_if_it_had_never_been_said(program: Program, policy: Policy) -> None:
    entitlement = factories.make_entitlement(policy.application, "tier", "text")
    soon, now = timezone.now() + AN_HOUR, timezone.now()
    factories.grant(policy, entitlement, "basic", expires_at=soon)
    factories.grant(program.license, entitlement, "pro", expires_at=soon)
    assert told(program)["tier"] == {
        "kind": "text",
        "value": "pro",
        "expires_at": f"{soon:%Y-%m-%dT%H:%M:%SZ}",
    }

    factories.grant(program.license, entitlement, "pro", expires_at=now)
    assert told(program)["tier"]["value"] == "basic"

    factories.grant(policy, entitlement, "basic", expires_at=now)
    assert told(program) == {}


def test_another_license_s_word_is_none_of_ours(program: Program, policy: Policy) -> None:
    other = factories.make_license(policy.application)
    factories.grant(other, factories.make_entitlement(policy.application), True)
    factories.grant(
        factories.make_policy(policy.application),
        factories.make_entitlement(policy.application, "b"),
    )

    assert told(program) == {}


def test_a_metered_one_tells_what_is_left(program: Program, policy: Policy) -> None:
    entitlement = factories.make_entitlement(policy.application, "pages", "metered", period="month")
    factories.grant(policy, entitlement, 100)
    now = timezone.now()
    starts_at = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends_at = (starts_at + dt.timedelta(days=32)).replace(day=1)
    count_of(program.license, entitlement, starts_at, 30)
    count_of(program.license, entitlement, starts_at - dt.timedelta(days=1), 99)

    assert told(program)["pages"] == {
        "kind": "metered",
        "limit": 100,
        "used": 30,
        "remaining": 70,
        "resets_at": f"{ends_at:%Y-%m-%dT00:00:00Z}",
        "expires_at": None,
    }


def test_a_limit_below_what_is_used_leaves_nothing(program: Program, policy: Policy) -> None:
    entitlement = factories.make_entitlement(policy.application, "pages", "metered")
    factories.grant(policy, entitlement, 10)
    count_of(program.license, entitlement, dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 30)

    pages = told(program)["pages"]
    assert (pages["used"], pages["remaining"], pages["resets_at"]) == (30, 0, None)

    factories.grant(policy, entitlement, None)
    pages = told(program)["pages"]
    assert (pages["limit"], pages["used"], pages["remaining"]) == (None, 30, None)


def test_a_heartbeat_tells_of_no_entitlement(program: Program, policy: Policy) -> None:
    factories.grant(policy, factories.make_entitlement(policy.application))
    program.init()

    assert "license" not in program.heartbeat().json()


def count_of(license: License, entitlement: Any, starts_at: dt.datetime, used: int) -> None:
    Usage.objects.create(
        application=license.application,
        license=license,
        entitlement=entitlement,
        starts_at=starts_at,
        used=used,
        changed_at=timezone.now(),
    )
