"""docs/how-to/entitlements.md: three editions, one customer who differs, and something for a while."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from licensing import entitlements, licenses
from licensing.events import SYSTEM
from licensing.models import Application, Entitlement, Policy
from tests import factories
from tests.api.runtime.conftest import Program

AN_HOUR = dt.timedelta(hours=1)


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def export(application: Application) -> Entitlement:
    return factories.make_entitlement(application, "export", "boolean")


@pytest.fixture
def projects(application: Application) -> Entitlement:
    return factories.make_entitlement(application, "projects", "integer")


@pytest.fixture
def editions(
    application: Application, export: Entitlement, projects: Entitlement
) -> dict[str, Policy]:
    editions = {
        name: factories.make_policy(application, name=name) for name in ("Free", "Pro", "Studio")
    }
    for name, count in (("Free", 3), ("Pro", 50), ("Studio", 1000)):
        factories.grant(editions[name], projects, count)
    for name in ("Pro", "Studio"):
        factories.grant(editions[name], export, True)
    return editions


def values(program: Program) -> dict[str, Any]:
    program.init()
    told = program.validate().json()["license"]["entitlements"]
    return {name: entitlement["value"] for name, entitlement in told.items()}


def program_of(policy: Policy) -> Program:
    return Program(Client(), factories.make_license(policy.application, policy=policy))


def test_three_editions(editions: dict[str, Policy]) -> None:
    assert values(program_of(editions["Free"])) == {"projects": 3}
    assert values(program_of(editions["Pro"])) == {"export": True, "projects": 50}
    assert values(program_of(editions["Studio"])) == {"export": True, "projects": 1000}


def test_an_upgrade_is_another_policy(editions: dict[str, Policy]) -> None:
    program = program_of(editions["Free"])
    assert values(program) == {"projects": 3}

    licenses.change_some_terms(
        license=program.license, policy=editions["Pro"], changes={}, actor=SYSTEM
    )

    assert values(program) == {"export": True, "projects": 50}


def test_one_customer_differs(
    editions: dict[str, Policy], export: Entitlement, projects: Entitlement
) -> None:
    program = program_of(editions["Pro"])
    factories.grant(program.license, projects, 80)
    factories.grant(program.license, export, False)
    assert values(program) == {"export": False, "projects": 80}

    for entitlement in (export, projects):
        entitlements.take_from_license(
            license=program.license, entitlement=entitlement, actor=SYSTEM
        )

    assert values(program) == {"export": True, "projects": 50}


def test_for_a_while(
    editions: dict[str, Policy], export: Entitlement, projects: Entitlement
) -> None:
    program = program_of(editions["Free"])
    for entitlement, value in ((export, True), (projects, 1000)):
        factories.grant(program.license, entitlement, value, expires_at=timezone.now() + AN_HOUR)
    assert values(program) == {"export": True, "projects": 1000}

    program.license.entitlements.update(expires_at=timezone.now())

    assert values(program) == {"projects": 3}
