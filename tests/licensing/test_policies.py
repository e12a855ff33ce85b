"""Acts on policies, by their verbs."""

import datetime as dt
from typing import Any

import pytest

from accounts.models import Event
from licensing import errors, policies
from licensing.events import SYSTEM
from licensing.models import Application, Policy
from licensing.policies import Rules
from tests import factories

A_HUNDRED_YEARS_SECONDS = 100 * 366 * 86_400


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def policy(application: Application) -> Policy:
    return factories.make_policy(application, name="Gold", devices_max=3)


def test_an_application_starts_with_one_policy(application: Application) -> None:
    standard = Policy.objects.get(application=application)

    assert (standard.name, standard.is_default) == ("Standard", True)
    assert (standard.duration_seconds, standard.devices_max, standard.sessions_max) == (
        None,
        1,
        None,
    )


def test_a_policy_holds_every_rule_it_was_made_with(application: Application) -> None:
    rules = Rules(
        name="Trial",
        duration_seconds=14 * 86_400,
        clock_start="first_use",
        devices_max=None,
        sessions_max=5,
        sessions_overflow="end_oldest",
        session_lifetime_seconds=3_600,
        heartbeat_interval_seconds=60,
    )

    policy = policies.create_policy(application=application, rules=rules, actor=SYSTEM)

    policy.refresh_from_db()
    assert {name: getattr(policy, name) for name in Rules.__slots__} == {
        name: getattr(rules, name) for name in Rules.__slots__
    }
    assert not policy.is_default
    assert Event.objects.get(action="policy.created").after["name"] == "Trial"


BROKEN = [
    ({"name": "Standard"}, "name is taken"),
    ({"name": ""}, "name must not be empty"),
    ({"name": "x" * 101}, "too long"),
    ({"duration_seconds": 0}, "duration must be"),
    ({"duration_seconds": -1}, "duration must be"),
    ({"duration_seconds": A_HUNDRED_YEARS_SECONDS + 1}, "duration must be"),
    ({"duration_seconds": 2**63}, "too large"),
    ({"clock_start": "never"}, "the clock starts"),
    ({"duration_seconds": 60, "ends_at": dt.datetime(2099, 1, 1, tzinfo=dt.UTC)}, "exclude"),
    ({"grace_seconds": 366 * 86_400 + 1}, "grace period must"),
    ({"grace_seconds": -1}, "out of bounds|grace period must"),
    ({"expiry_strategy": "maybe"}, "refused or falls back"),
    ({"app_version_min": "x"}, "app_version_min must be a version"),
    ({"app_version_max": "2", "app_version_min": "3"}, "must not come after"),
    ({"download_url": "https://" + "x" * 500}, "too long"),
    ({"devices_max": 0}, "devices must be at least 1"),
    ({"devices_max": -1}, "out of bounds"),
    ({"devices_max": 2**31}, "too large"),
    ({"sessions_max": 0}, "sessions at once must be at least 1"),
    ({"sessions_max": -1}, "out of bounds"),
    ({"sessions_overflow": "maybe"}, "a new session is"),
    ({"session_lifetime_seconds": 59, "heartbeat_interval_seconds": 10}, "session lifetime must"),
    ({"session_lifetime_seconds": 366 * 86_400 + 1}, "session lifetime must"),
    ({"session_lifetime_seconds": -1}, "out of bounds"),
    ({"license_file_seconds": 3_599}, "license files last"),
    ({"license_file_seconds": 90 * 86_400 + 1}, "license files last"),
    ({"heartbeat_interval_seconds": 9}, "heartbeat interval must be"),
    ({"heartbeat_interval_seconds": 86_400}, "heartbeat interval must be"),
]


@pytest.mark.parametrize(("rules", "message"), BROKEN)
def test_broken_rules_are_refused(
    application: Application, rules: dict[str, Any], message: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match=message):
        policies.create_policy(
            application=application, rules=Rules(**{"name": "New", **rules}), actor=SYSTEM
        )
    assert Policy.objects.count() == 1


@pytest.mark.parametrize(("rules", "message"), BROKEN)
def test_no_change_breaks_a_rule(policy: Policy, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match=message):
        policies.change_policy(
            policy=policy, rules=Rules(**{"name": "Gold", **rules}), actor=SYSTEM
        )
    assert Policy.objects.get(pk=policy.pk).devices_max == 3


def test_two_applications_may_use_the_same_name(policy: Policy) -> None:
    other = factories.make_policy(factories.make_application(), name="Gold")

    assert other.name == policy.name


def test_a_change_writes_and_tells_only_what_differs(policy: Policy) -> None:
    policies.change_policy(policy=policy, rules=Rules(name="Gold", devices_max=5), actor=SYSTEM)

    event = Event.objects.get(action="policy.changed")
    assert Policy.objects.get(pk=policy.pk).devices_max == 5
    assert (event.before, event.after) == ({"devices_max": 3}, {"devices_max": 5})


def test_a_change_to_the_same_is_none(policy: Policy) -> None:
    policies.change_policy(policy=policy, rules=Rules(name="Gold", devices_max=3), actor=SYSTEM)

    assert not Event.objects.filter(action="policy.changed").exists()


def test_a_policy_that_is_gone_cannot_be_changed(policy: Policy) -> None:
    Policy.objects.filter(pk=policy.pk).delete()

    with pytest.raises(errors.NotFoundError):
        policies.change_policy(policy=policy, rules=Rules(name="Gold"), actor=SYSTEM)


def test_one_policy_is_the_default(application: Application, policy: Policy) -> None:
    assert policies.make_default_policy(policy=policy, actor=SYSTEM)

    assert application.default_policy() == policy
    assert Event.objects.filter(action="policy.made_default").count() == 1


def test_making_it_the_default_twice_is_told_once(policy: Policy) -> None:
    policies.make_default_policy(policy=policy, actor=SYSTEM)

    assert not policies.make_default_policy(policy=policy, actor=SYSTEM)
    assert Event.objects.filter(action="policy.made_default").count() == 1


def test_a_policy_that_is_gone_does_not_become_the_default(
    application: Application, policy: Policy
) -> None:
    Policy.objects.filter(pk=policy.pk).delete()

    with pytest.raises(errors.NotFoundError):
        policies.make_default_policy(policy=policy, actor=SYSTEM)
    assert application.default_policy().name == "Standard"


def test_a_policy_that_nobody_follows_can_be_deleted(policy: Policy) -> None:
    policies.delete_policy(policy=policy, actor=SYSTEM)

    assert not Policy.objects.filter(pk=policy.pk).exists()
    assert Event.objects.get(action="policy.deleted").target_id == policy.pk


def test_deleting_it_twice_does_no_harm(policy: Policy) -> None:
    policies.delete_policy(policy=policy, actor=SYSTEM)
    policies.delete_policy(policy=policy, actor=SYSTEM)

    assert Event.objects.filter(action="policy.deleted").count() == 1


def test_the_default_policy_stays(application: Application) -> None:
    with pytest.raises(errors.PolicyIsDefaultError):
        policies.delete_policy(policy=application.default_policy(), actor=SYSTEM)


def test_a_policy_that_licenses_follow_stays(application: Application, policy: Policy) -> None:
    factories.make_license(application, policy=policy)

    with pytest.raises(errors.PolicyInUseError):
        policies.delete_policy(policy=policy, actor=SYSTEM)
    assert Policy.objects.filter(pk=policy.pk).exists()
