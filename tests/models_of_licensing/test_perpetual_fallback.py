"""docs/how-to/perpetual-fallback.md: what remains of a subscription that was not renewed."""

import pytest

from tests import factories
from tests.api.runtime.conftest import Program
from tests.models_of_licensing.conftest import Vendor, time_passes


@pytest.fixture
def program(vendor: Vendor) -> Program:
    policy = vendor.policy_of("perpetual-fallback")
    sync = factories.make_entitlement(vendor.application, "cloud-sync")
    factories.grant(policy, sync, True)
    return vendor.sell(policy)


def told(program: Program) -> tuple[list[str], list[str]]:
    """What a program that runs and one that starts are told alike: warnings, and names of entitlements."""
    started = program.init().json()
    running = program.validate().json()
    beating = program.heartbeat().json()
    assert started["license"] == running["license"]
    assert started["warnings"] == running["warnings"] == beating["warnings"]
    return running["warnings"], list(running["license"]["entitlements"])


def test_a_year_then_grace_then_what_remains_for_ever(program: Program) -> None:
    assert told(program) == ([], ["cloud-sync"])

    time_passes(program.license, days=366)
    assert told(program) == (["license_in_grace"], ["cloud-sync"])

    time_passes(program.license, days=14)
    assert told(program) == (["license_fallen_back"], [])

    time_passes(program.license, days=10 * 365)
    assert told(program) == (["license_fallen_back"], [])


def test_a_program_that_runs_is_not_ended_by_the_end(program: Program) -> None:
    program.init()
    time_passes(program.license, days=364.5)
    program.init()

    time_passes(program.license, days=15)
    program.init()
    time_passes(program.license, hours=23)

    assert program.heartbeat().json()["warnings"] == ["license_fallen_back"]


def test_suspending_counts_all_the_same(program: Program, vendor: Vendor) -> None:
    time_passes(program.license, days=1_000)

    vendor.call("post", f"licenses/{program.license.pk}/suspend")

    assert program.init().json()["code"] == "license_suspended"
