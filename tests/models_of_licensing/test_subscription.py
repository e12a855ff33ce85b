"""docs/how-to/subscriptions.md: paid by the month, with grace, renewals and pauses."""

import datetime as dt

import pytest

from licensing.models import License
from tests.api.runtime.conftest import Program
from tests.models_of_licensing.conftest import Vendor, time_passes

MONTH = dt.timedelta(days=30)


@pytest.fixture
def program(vendor: Vendor) -> Program:
    return vendor.sell(vendor.policy_of("subscriptions"))


def end_of(program: Program) -> dt.datetime:
    end = License.objects.get(pk=program.license.pk).expires_at
    assert end is not None
    return end


def pay(vendor: Vendor, program: Program, seen_end: dt.datetime | None = None) -> None:
    body = {"seen_end": seen_end.isoformat()} if seen_end else {}
    renewed = vendor.call("post", f"licenses/{program.license.pk}/renew", body)
    assert renewed.status_code == 200, renewed.content


def test_who_pays_in_time_loses_no_day(vendor: Vendor, program: Program) -> None:
    time_passes(program.license, days=25)
    before = end_of(program)

    pay(vendor, program)

    assert end_of(program) == before + MONTH


def test_a_webhook_that_comes_twice_renews_once(vendor: Vendor, program: Program) -> None:
    before = end_of(program)

    pay(vendor, program, before)
    pay(vendor, program, before)

    assert end_of(program) == before + MONTH


def test_a_card_that_fails_locks_nobody_out_and_the_grace_is_no_gift(
    vendor: Vendor, program: Program
) -> None:
    program.init()
    time_passes(program.license, days=33)
    answer = program.init().json()
    assert answer["warnings"] == ["license_in_grace"]
    before = end_of(program)

    pay(vendor, program)

    assert end_of(program) == before + MONTH
    assert program.validate().json()["warnings"] == []


def test_who_comes_back_later_pays_from_then_on(vendor: Vendor, program: Program) -> None:
    time_passes(program.license, days=100)
    assert program.init().json()["code"] == "license_expired"

    pay(vendor, program)

    assert abs(end_of(program) - dt.datetime.now(dt.UTC) - MONTH) < dt.timedelta(minutes=1)
    assert program.init().json()["success"]


def test_a_pause_takes_no_day(vendor: Vendor, program: Program) -> None:
    time_passes(program.license, days=18)
    left = end_of(program) - dt.datetime.now(dt.UTC)

    vendor.call("post", f"licenses/{program.license.pk}/suspend")
    time_passes(program.license, days=90)
    assert program.init().json()["code"] == "license_suspended"
    vendor.call("post", f"licenses/{program.license.pk}/restore")

    assert abs(end_of(program) - dt.datetime.now(dt.UTC) - left) < dt.timedelta(minutes=1)
    assert program.init().json()["success"]
