"""docs/how-to/trials.md: two weeks, once on each device, and then a license without a new key."""

import datetime as dt

import pytest
from django.test import Client

from licensing.models import License, Policy, TrialUse
from tests import factories
from tests.api.runtime.conftest import Program
from tests.models_of_licensing.conftest import Vendor, time_passes


@pytest.fixture
def policy(vendor: Vendor) -> Policy:
    return vendor.policy_of("trials")


def test_the_two_weeks_begin_with_the_first_use(vendor: Vendor, policy: Policy) -> None:
    program = vendor.sell(policy)
    time_passes(program.license, days=30)

    end = dt.datetime.fromisoformat(program.init().json()["license"]["expires_at"])

    assert abs(end - dt.datetime.now(dt.UTC) - dt.timedelta(days=14)) < dt.timedelta(minutes=1)


def test_a_second_key_gives_no_second_trial(vendor: Vendor, policy: Policy) -> None:
    assert vendor.sell(policy).init().json()["success"]
    second = vendor.sell(policy)

    refusal = second.init()

    assert (refusal.status_code, refusal.json()["code"]) == (403, "trial_used")
    assert second.init(hwid="another").json()["success"]


def test_nor_does_deleting_the_first_license(vendor: Vendor, policy: Policy) -> None:
    first = vendor.sell(policy)
    first.init()
    License.objects.filter(pk=first.license.pk).delete()

    assert vendor.sell(policy).init().json()["code"] == "trial_used"


def test_a_refusal_costs_the_second_license_nothing(vendor: Vendor, policy: Policy) -> None:
    vendor.sell(policy).init()
    second = vendor.sell(policy)

    second.init()

    second.license.refresh_from_db()
    assert (second.license.devices_used, second.license.first_used_at) == (0, None)
    assert second.license.expires_at is None
    assert TrialUse.objects.count() == 1


def test_a_device_goes_on_with_the_license_it_began_with(vendor: Vendor, policy: Policy) -> None:
    program = vendor.sell(policy)
    program.init()
    vendor.call("post", f"devices/{program.license.devices.get().pk}/release")

    assert program.init().json()["success"]


def test_each_application_has_its_own_trial(vendor: Vendor, policy: Policy) -> None:
    vendor.sell(policy).init()
    other = Vendor(factories.make_application())

    assert other.sell(other.policy_of("trials")).init().json()["success"]


def test_a_paid_license_works_on_a_device_that_tried(vendor: Vendor, policy: Policy) -> None:
    vendor.sell(policy).init()
    paid = Program(Client(), factories.make_license(vendor.application))

    assert paid.init().json()["success"]


def test_buying_keeps_key_device_and_session(vendor: Vendor, policy: Policy) -> None:
    program = vendor.sell(policy)
    program.init()
    time_passes(program.license, days=13.9)
    program.init()
    yearly = factories.make_policy(vendor.application, name="Yearly", duration_seconds=365 * 86_400)

    body = {"policy": str(yearly.pk)}
    converted = vendor.call("post", f"licenses/{program.license.pk}/convert", body)
    assert converted.status_code == 200

    answer = program.validate().json()
    end = dt.datetime.fromisoformat(answer["license"]["expires_at"])
    assert answer["license"]["policy"] == "Yearly"
    assert abs(end - dt.datetime.now(dt.UTC) - dt.timedelta(days=365)) < dt.timedelta(minutes=1)
    assert program.heartbeat().json()["success"]


@pytest.mark.parametrize(
    ("matching", "code"),
    [("any", "trial_used"), ("two", "trial_used"), ("most", "trial_used"), ("all", "ok")],
)
def test_a_swapped_part_gives_no_second_trial(
    vendor: Vendor, policy: Policy, matching: str, code: str
) -> None:
    Policy.objects.filter(pk=policy.pk).update(hwid_matching=matching)
    device = {"board": "b-1", "disk": "d-1", "mac": "m-1"}
    assert vendor.sell(policy).init(hwid=device).json()["success"]

    assert vendor.sell(policy).init(hwid=device | {"disk": "d-2"}).json()["code"] == code
    other = {"board": "b-2", "disk": "d-3", "mac": "m-2"}
    assert vendor.sell(policy).init(hwid=other).json()["success"]
