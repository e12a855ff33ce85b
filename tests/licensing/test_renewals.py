"""Renewing and converting, by their verbs: every way to count, and everything that is refused."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Event
from licensing import errors, licenses, renewals
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories

DAY = dt.timedelta(days=1)


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


def subscription(application: Application, **rules: Any) -> License:
    rules = {"duration_seconds": 10 * 86_400} | rules
    return factories.make_license(application, policy=factories.make_policy(application, **rules))


def renew(license: License, now: dt.datetime, **facts: Any) -> bool:
    return renewals.renew_license(license=license, actor=SYSTEM, now=now, **facts)


@pytest.mark.parametrize(
    ("renewal", "grace_days", "at", "expected"),
    [
        ("from_expiry", 0, -1, 10),
        ("from_expiry", 0, 25, 10),
        ("from_now", 0, -1, 9),
        ("from_now", 0, 25, 35),
        ("from_now", 0, -50, 0),
        ("from_now_if_expired", 0, -1, 10),
        ("from_now_if_expired", 0, 0, 10),
        ("from_now_if_expired", 0, 5, 15),
        ("from_now_if_expired", 7, 5, 10),
        ("from_now_if_expired", 7, 7, 17),
    ],
)
def test_a_renewal_counts_as_the_policy_says(
    application: Application, renewal: str, grace_days: int, at: int, expected: int
) -> None:
    """`at` and `expected` are days from the end that the license has."""
    license = subscription(application, renewal=renewal, grace_seconds=grace_days * 86_400)
    end = license.expires_at
    assert end is not None

    assert renew(license, end + at * DAY)

    license.refresh_from_db()
    assert license.expires_at == end + expected * DAY
    assert Event.objects.filter(action="license.renewed").count() == 1


def test_an_end_that_is_another_by_now_is_not_renewed(application: Application) -> None:
    license = subscription(application)

    assert not renew(license, timezone.now(), seen_end=timezone.now())
    assert not Event.objects.filter(action="license.renewed").exists()


def test_what_has_no_end_is_not_renewed(application: Application) -> None:
    waiting = subscription(application, clock_start="first_use")
    fixed = subscription(
        application, duration_seconds=None, ends_at=dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    )

    with pytest.raises(errors.LicenseStateError, match="no end"):
        renew(waiting, timezone.now())
    with pytest.raises(errors.InvalidRequestError, match="no duration"):
        renew(fixed, timezone.now())


def test_no_renewal_leads_past_the_calendar(application: Application) -> None:
    license = subscription(application)
    License.objects.update(expires_at=dt.datetime(9999, 12, 31, tzinfo=dt.UTC))

    with pytest.raises(errors.InvalidRequestError, match="9999"):
        renew(license, timezone.now())


def test_a_revoked_license_is_neither_renewed_nor_converted(application: Application) -> None:
    license = subscription(application, is_trial=True)
    licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())

    with pytest.raises(errors.LicenseStateError, match="revoked"):
        renew(license, timezone.now())
    with pytest.raises(errors.LicenseStateError, match="revoked"):
        convert(license, application)


def convert(license: License, application: Application, **rules: Any) -> bool:
    policy = factories.make_policy(application, **rules)
    return renewals.convert_trial(license=license, policy=policy, actor=SYSTEM, now=timezone.now())


def test_only_a_trial_is_converted_and_only_to_what_is_none(application: Application) -> None:
    trial = subscription(application, is_trial=True)

    with pytest.raises(errors.LicenseStateError, match="no trial"):
        convert(subscription(application), application)
    with pytest.raises(errors.InvalidRequestError, match="a trial itself"):
        convert(trial, application, is_trial=True)
    with pytest.raises(errors.InvalidRequestError, match="another application's"):
        convert(trial, factories.make_application())


def test_converting_twice_does_no_harm(application: Application) -> None:
    trial = subscription(application, is_trial=True)
    policy = factories.make_policy(application)

    def act() -> bool:
        return renewals.convert_trial(
            license=trial, policy=policy, actor=SYSTEM, now=timezone.now()
        )

    assert act()
    assert not act()
    assert Event.objects.filter(action="license.converted").count() == 1
    trial.refresh_from_db()
    assert (trial.policy, trial.expires_at) == (policy, None)


@pytest.mark.parametrize("was_used", [True, False])
def test_a_clock_that_first_use_starts_starts_with_the_purchase_of_what_was_used(
    application: Application, was_used: bool
) -> None:
    trial = subscription(application, is_trial=True, clock_start="first_use")
    if was_used:
        factories.open_session(trial)

    convert(trial, application, duration_seconds=86_400, clock_start="first_use")

    trial.refresh_from_db()
    assert (trial.expires_at is not None) is was_used


def test_time_that_stood_still_is_given_back(application: Application) -> None:
    license = subscription(application, suspension_freezes_time=True)
    end = license.expires_at
    licenses.suspend_license(license=license, actor=SYSTEM)
    License.objects.update(frozen_at=License.objects.get().frozen_at - 3 * DAY)

    licenses.restore_license(license=license, actor=SYSTEM)

    license.refresh_from_db()
    assert end is not None
    assert license.expires_at is not None
    assert 3 * DAY < license.expires_at - end < 3 * DAY + dt.timedelta(minutes=1)
    assert license.frozen_at is None
    assert "expires_at" in Event.objects.get(action="license.restored").after


def test_without_that_rule_the_end_does_not_move(application: Application) -> None:
    license = subscription(application)
    end = license.expires_at

    licenses.suspend_license(license=license, actor=SYSTEM)
    licenses.restore_license(license=license, actor=SYSTEM)

    license.refresh_from_db()
    assert (license.expires_at, license.frozen_at) == (end, None)


def test_a_license_for_ever_freezes_and_thaws(application: Application) -> None:
    license = subscription(application, duration_seconds=None, suspension_freezes_time=True)

    licenses.suspend_license(license=license, actor=SYSTEM)
    licenses.restore_license(license=license, actor=SYSTEM)

    license.refresh_from_db()
    assert license.expires_at is None


def test_a_frozen_license_is_renewed_as_of_when_it_froze(application: Application) -> None:
    license = subscription(application, suspension_freezes_time=True, renewal="from_now")
    licenses.suspend_license(license=license, actor=SYSTEM)
    frozen_at = License.objects.get().frozen_at

    renew(license, timezone.now() + 100 * DAY)

    license.refresh_from_db()
    assert frozen_at is not None
    assert license.expires_at == frozen_at + 10 * DAY


def test_an_end_that_was_chosen_meanwhile_is_the_end(application: Application) -> None:
    license = subscription(application, suspension_freezes_time=True)
    licenses.suspend_license(license=license, actor=SYSTEM)
    License.objects.update(frozen_at=License.objects.get().frozen_at - 3 * DAY)
    now = timezone.now()

    licenses.extend_license(license=license, expires_at=now + DAY, actor=SYSTEM, now=now)
    licenses.restore_license(license=license, actor=SYSTEM)

    license.refresh_from_db()
    assert license.expires_at is not None
    assert license.expires_at - now < DAY + dt.timedelta(minutes=1)


def test_a_revocation_has_its_reason_and_can_be_undone(application: Application) -> None:
    license = subscription(application)
    session = factories.make_session(license)
    licenses.revoke_license(
        license=license, actor=SYSTEM, now=timezone.now(), reason="Charged back"
    )
    license.refresh_from_db()
    assert license.revoked_reason == "Charged back"
    assert Event.objects.with_persons().get(action="license.revoked").full_after["reason"] == (
        "Charged back"
    )

    assert licenses.reinstate_license(license=license, actor=SYSTEM)

    license.refresh_from_db()
    session.refresh_from_db()
    assert (license.status, license.revoked_reason) == ("active", "")
    assert session.ended_reason == "revoked"
    assert factories.open_session(license)


def test_reinstating_is_for_revoked_licenses_only(application: Application) -> None:
    license = subscription(application)

    assert not licenses.reinstate_license(license=license, actor=SYSTEM)
    licenses.suspend_license(license=license, actor=SYSTEM)
    with pytest.raises(errors.LicenseStateError, match="suspended"):
        licenses.reinstate_license(license=license, actor=SYSTEM)


def test_a_reason_that_is_too_long_is_refused(application: Application) -> None:
    license = subscription(application)

    with pytest.raises(errors.InvalidRequestError, match="too long"):
        licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now(), reason="x" * 501)
    license.refresh_from_db()
    assert license.status == "active"


def test_an_event_tells_what_changed_and_not_what_the_asker_had_not_seen(
    application: Application,
) -> None:
    license = subscription(application)
    License.objects.update(expires_at=timezone.now() + DAY)

    licenses.suspend_license(license=license, actor=SYSTEM)

    event = Event.objects.get(action="license.suspended")
    assert (event.before, event.after) == ({"status": "active"}, {"status": "suspended"})


def test_a_license_that_is_refused_warns_of_nothing(application: Application) -> None:
    license = subscription(application, grace_seconds=86_400)
    assert license.expires_at is not None
    assert license.warning(license.expires_at) == "license_in_grace"

    licenses.suspend_license(license=license, actor=SYSTEM)

    assert license.warning(license.expires_at) == ""
