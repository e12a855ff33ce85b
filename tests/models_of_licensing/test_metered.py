"""docs/how-to/metered.md: a hundred pages a month, asking again, credits, and a count that is set right."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from licensing import entitlements
from licensing.events import SYSTEM
from licensing.models import Entitlement, Usage
from tests import factories
from tests.api.runtime.conftest import Program


@pytest.fixture
def program(db: None) -> Program:
    program = Program(Client(), factories.make_license())
    program.init()
    return program


@pytest.fixture
def pages(program: Program) -> Entitlement:
    application = program.license.application
    pages = factories.make_entitlement(application, "pages", "metered", period="month")
    factories.grant(application.default_policy(), pages, 100)
    return pages


def test_a_hundred_pages_a_month(program: Program, pages: Entitlement) -> None:
    assert program.consume(amount=30).json()["remaining"] == 70
    assert program.consume(amount=50).json()["remaining"] == 20

    refused = program.consume(amount=30).json()

    assert (refused["code"], refused["remaining"]) == ("entitlement_limit_reached", 20)
    assert refused["resets_at"].endswith("-01T00:00:00Z")
    assert program.consume(amount=20).json()["remaining"] == 0


def test_it_starts_anew_with_the_month_in_utc(program: Program, pages: Entitlement) -> None:
    program.consume(amount=100)
    usage = Usage.objects.get()
    assert usage.starts_at == timezone.now().replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )

    # A month later what was counted belongs to the month before.
    Usage.objects.update(starts_at=usage.starts_at - dt.timedelta(days=31), ends_at=usage.starts_at)

    assert program.consume(amount=100).json()["remaining"] == 0


def test_asking_again_counts_once(program: Program, pages: Entitlement) -> None:
    first = program.consume(amount=30, idempotency_key="job 4711").json()
    program.logout()
    program.init()

    again = program.consume(amount=30, idempotency_key="job 4711").json()

    assert (first["used"], again["used"]) == (30, 30)
    assert program.consume(amount=31, idempotency_key="job 4711").status_code == 422


def test_credits(program: Program) -> None:
    credits = factories.make_entitlement(program.license.application, "credits", "metered")
    factories.grant(program.license.policy, credits, 5_000)
    assert program.consume(entitlement="credits", amount=5_000).json()["resets_at"] is None
    assert program.consume(entitlement="credits").status_code == 403

    factories.grant(program.license, credits, 10_000)

    assert program.consume(entitlement="credits", amount=5_000).json()["remaining"] == 0


def test_a_count_is_set_right_and_a_limit_lowered(program: Program, pages: Entitlement) -> None:
    program.consume(amount=90)
    entitlements.set_usage(
        license=program.license, entitlement=pages, used=40, actor=SYSTEM, now=timezone.now()
    )
    assert program.consume().json()["remaining"] == 59

    factories.grant(program.license, pages, 10)

    refused = program.consume().json()
    assert (refused["code"], refused["used"], refused["remaining"]) == (
        *("entitlement_limit_reached", 41, 0),
    )
