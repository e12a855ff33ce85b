"""The same act, or two that contradict each other, at the same moment: one of them counts, and it is told once."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.utils import timezone

from accounts.models import Event
from licensing import applications, licenses, policies, renewals, sessions
from licensing.devices import release_device
from licensing.errors import RefusalError
from licensing.events import SYSTEM
from licensing.models import ApiKey, Application, License, Policy
from licensing.policies import Rules
from tests import factories
from tests.threads import at_once

pytestmark = pytest.mark.race

TIMES = 8
ROUNDS = 10


@pytest.fixture
def application(transactional_db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application)


def test_one_batch_is_issued_once(application: Application) -> None:
    batch_id, policy = uuid.uuid4(), application.default_policy()

    batches = at_once(
        [
            lambda: licenses.issue_licenses(
                policy=policy, count=3, batch_id=batch_id, actor=SYSTEM, now=timezone.now()
            )
        ]
        * TIMES
    )

    assert {batch.pk for batch in batches} == {batch_id}
    assert License.objects.count() == 3
    assert told("licenses.issued") == 1


def test_one_application_is_created_once(transactional_db: None) -> None:
    team, id = factories.make_team(), uuid.uuid4()

    created = at_once(
        [lambda: applications.create_application(team=team, name="x", actor=SYSTEM, id=id)] * TIMES
    )

    assert {application.pk for application in created} == {id}
    assert ApiKey.objects.count() == Policy.objects.count() == 1
    assert told("application.created") == 1


def test_one_policy_is_created_once(application: Application) -> None:
    id = uuid.uuid4()

    at_once(
        [
            lambda: policies.create_policy(
                application=application, rules=Rules(name="Gold"), actor=SYSTEM, id=id
            )
        ]
        * TIMES
    )

    assert Policy.objects.filter(name="Gold").count() == told("policy.created") == 1


def test_one_of_many_policies_gets_a_name(application: Application) -> None:
    outcomes = at_once(
        [
            lambda: outcome(
                lambda: policies.create_policy(
                    application=application, rules=Rules(name="Gold"), actor=SYSTEM
                )
            )
        ]
        * TIMES
    )

    assert Counter(outcomes) == {"done": 1, "invalid_request": TIMES - 1}


@pytest.mark.parametrize(
    ("act", "action"),
    [
        (licenses.suspend_license, "license.suspended"),
        (
            lambda **given: licenses.revoke_license(now=timezone.now(), **given),
            "license.revoked",
        ),
    ],
)
def test_a_license_is_moved_once(license: License, act: Callable[..., bool], action: str) -> None:
    moved = at_once([lambda: act(license=License.objects.get(), actor=SYSTEM)] * TIMES)

    assert Counter(moved) == {True: 1, False: TIMES - 1}
    assert told(action) == 1


def test_a_revocation_outlives_whatever_else_is_done(application: Application) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        factories.open_session(license)

        at_once(
            [
                lambda id=license.pk: licenses.revoke_license(
                    license=License.objects.get(pk=id), actor=SYSTEM, now=timezone.now()
                ),
                *[
                    lambda id=license.pk, act=act: outcome(
                        lambda: act(license=License.objects.get(pk=id), actor=SYSTEM)
                    )
                    for act in [licenses.suspend_license, licenses.restore_license] * 3
                ],
            ]
        )

        license.refresh_from_db()
        assert license.status == "revoked"
        assert license.sessions.get().ended_reason == "revoked"


def test_a_device_gets_one_trial_of_many_at_once(application: Application) -> None:
    policy = factories.make_policy(application, is_trial=True)
    # Few rounds: too many failures from one network are refused as such.
    for number in range(3):
        trials = factories.make_licenses(application, TIMES, policy=policy)

        outcomes = at_once(
            [
                lambda license=license, number=number: outcome(
                    lambda: factories.open_session(license, f"device-{number}")
                )
                for license in trials
            ]
        )

        assert Counter(outcomes) == {"done": 1, "trial_used": TIMES - 1}
        used = License.objects.filter(pk__in=[license.pk for license in trials])
        assert sorted(used.values_list("devices_used", flat=True)) == [0] * (TIMES - 1) + [1]


def test_one_payment_renews_once(application: Application) -> None:
    policy = factories.make_policy(application, duration_seconds=86_400)
    license = factories.make_license(application, policy=policy)
    end = license.expires_at
    assert end is not None

    renewed = at_once(
        [
            lambda: renewals.renew_license(
                license=license, actor=SYSTEM, now=timezone.now(), seen_end=end
            )
        ]
        * TIMES
    )

    assert Counter(renewed) == {True: 1, False: TIMES - 1}
    assert License.objects.get().expires_at == end + dt.timedelta(days=1)
    assert told("license.renewed") == 1


def test_frozen_time_is_given_back_once(application: Application) -> None:
    policy = factories.make_policy(
        application, duration_seconds=86_400, suspension_freezes_time=True
    )
    license = factories.make_license(application, policy=policy)
    end = license.expires_at
    licenses.suspend_license(license=license, actor=SYSTEM)
    License.objects.update(frozen_at=timezone.now() - dt.timedelta(hours=5))
    assert end is not None

    restored = at_once(
        [lambda: licenses.restore_license(license=License.objects.get(), actor=SYSTEM)] * TIMES
    )

    assert Counter(restored) == {True: 1, False: TIMES - 1}
    given_back = License.objects.get().expires_at - end
    assert dt.timedelta(hours=5) < given_back < dt.timedelta(hours=5, minutes=5)


def test_a_device_is_released_once(license: License) -> None:
    device = factories.make_session(license).device

    released = at_once(
        [lambda: release_device(device=device, actor=SYSTEM, now=timezone.now())] * TIMES
    )

    assert Counter(released) == {True: 1, False: TIMES - 1}
    assert License.objects.get().devices_used == 0
    assert told("device.released") == 1


def test_a_session_is_ended_once(license: License) -> None:
    session = factories.make_session(license)

    ended = at_once(
        [lambda: sessions.end_session(session=session, actor=SYSTEM, now=timezone.now())] * TIMES
    )

    assert Counter(ended) == {True: 1, False: TIMES - 1}
    assert told("session.ended") == 1


def test_a_key_is_replaced_and_retired_once(application: Application) -> None:
    old = application.api_keys.get()

    at_once(
        [
            lambda: applications.rotate_api_key(
                application=application,
                overlap=dt.timedelta(days=1),
                actor=SYSTEM,
                now=timezone.now(),
                replaces=old.pk,
            )
        ]
        * TIMES
    )
    now = timezone.now()
    retired = at_once(
        [lambda: applications.retire_api_key(api_key=old, actor=SYSTEM, now=now)] * TIMES
    )

    assert ApiKey.objects.count() == 2
    assert Counter(retired) == {True: 1, False: TIMES - 1}
    assert told("api_key.rotated") == told("api_key.retired") == 1


def test_one_of_many_policies_becomes_the_default(application: Application) -> None:
    for _ in range(ROUNDS):
        chosen = [factories.make_policy(application) for _ in range(3)]

        at_once(
            [
                lambda policy=policy: policies.make_default_policy(policy=policy, actor=SYSTEM)
                for policy in chosen
            ]
        )

        assert application.default_policy() in chosen


def test_an_application_never_loses_its_default_policy(application: Application) -> None:
    for _ in range(ROUNDS):
        policy = factories.make_policy(application)

        outcomes = at_once([partial(make_default, policy), partial(delete, policy)])

        assert outcomes in (["done", "policy_is_default"], ["not_found", "done"])
        assert Policy.objects.filter(application=application, is_default=True).count() == 1


def test_a_policy_is_given_to_licenses_or_deleted_but_not_both(application: Application) -> None:
    for _ in range(ROUNDS):
        policy = factories.make_policy(application)

        outcomes = at_once([partial(issue_under, policy), partial(delete, policy)])

        assert outcomes in (["done", "policy_in_use"], ["invalid_request", "done"])


def test_a_license_changes_to_a_policy_or_the_policy_is_deleted(license: License) -> None:
    for _ in range(ROUNDS):
        policy = factories.make_policy(license.application)

        outcomes = at_once([partial(change_to, policy, license), partial(delete, policy)])

        assert outcomes in (["done", "policy_in_use"], ["invalid_request", "done"])


def make_default(policy: Policy) -> str:
    return outcome(lambda: policies.make_default_policy(policy=policy, actor=SYSTEM))


def delete(policy: Policy) -> str:
    return outcome(lambda: policies.delete_policy(policy=policy, actor=SYSTEM))


def issue_under(policy: Policy) -> str:
    return outcome(
        lambda: licenses.issue_licenses(policy=policy, count=20, actor=SYSTEM, now=timezone.now())
    )


def change_to(policy: Policy, license: License) -> str:
    return outcome(
        lambda: licenses.change_license(
            license=license, policy=policy, terms=licenses.LicenseTerms(), actor=SYSTEM
        )
    )


def outcome(act: Callable[[], object]) -> str:
    """Act, and return "done" or the code of the refusal."""
    try:
        act()
    except RefusalError as refusal:
        return refusal.code
    return "done"


def told(action: str) -> int:
    return Event.objects.filter(action=action).count()
