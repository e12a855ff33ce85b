"""The end of a license moves, and what that means for who runs with it."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Event
from licensing import errors, licenses, reports
from licensing.events import SYSTEM
from licensing.models import Application, License, Session
from tests import factories
from tests.licensing.licenses.conftest import A_DAY, NOW, actions


@pytest.mark.parametrize("before", [None, NOW - A_DAY, NOW + A_DAY])
@pytest.mark.parametrize("after", [None, NOW + 2 * A_DAY])
def test_the_end_moves_to_another_moment(
    license: License, before: dt.datetime | None, after: dt.datetime | None
) -> None:
    License.objects.update(expires_at=before)

    extended = licenses.extend_license(license=license, expires_at=after, actor=SYSTEM, now=NOW)

    assert extended.expires_at == License.objects.get().expires_at == after
    assert actions(license.application).count("license.extended") == (before != after)


def test_extending_tells_the_end_before_and_after(license: License) -> None:
    licenses.extend_license(license=license, expires_at=NOW + A_DAY, actor=SYSTEM, now=NOW)

    event = Event.objects.get(action="license.extended")
    assert event.before == {"expires_at": None}
    assert event.after == {"expires_at": "2026-03-02T12:00:00+00:00"}


def test_extending_twice_to_the_same_end_tells_once(license: License) -> None:
    for _ in range(2):
        licenses.extend_license(license=license, expires_at=NOW + A_DAY, actor=SYSTEM, now=NOW)

    assert actions(license.application).count("license.extended") == 1


def test_nobody_moves_an_end_into_the_past(license: License) -> None:
    with pytest.raises(errors.InvalidRequestError, match="must be in the future"):
        licenses.extend_license(license=license, expires_at=NOW, actor=SYSTEM, now=NOW)


def test_a_revoked_license_cannot_be_extended(license: License) -> None:
    License.objects.update(status="revoked")

    with pytest.raises(errors.LicenseStateError):
        licenses.extend_license(license=license, expires_at=None, actor=SYSTEM, now=NOW)


def test_an_earlier_end_reaches_open_sessions_only(license: License) -> None:
    over, open_session = factories.make_session(license), factories.make_session(license)
    now = timezone.now()
    Session.objects.filter(pk=over.pk).update(ended_at=now, ended_reason="logout")
    end = now + dt.timedelta(hours=1)

    licenses.extend_license(license=license, expires_at=end, actor=SYSTEM, now=now)

    assert Session.objects.get(pk=open_session.pk).expires_at == end
    assert Session.objects.get(pk=over.pk).expires_at == over.expires_at


def test_an_earlier_end_cuts_sessions_where_the_grace_ends(application: Application) -> None:
    policy = factories.make_policy(application, grace_seconds=3_600)
    session = factories.make_session(factories.make_license(application, policy=policy))
    now = timezone.now()

    licenses.extend_license(
        license=session.license, expires_at=now + dt.timedelta(minutes=1), actor=SYSTEM, now=now
    )

    session.refresh_from_db()
    assert session.expires_at == now + dt.timedelta(minutes=61)


@pytest.mark.parametrize(
    ("expires_in", "policy", "own", "state", "warning"),
    [
        (None, {}, {}, "active", ""),
        (1, {}, {}, "active", ""),
        (-1, {}, {}, "expired", ""),
        (-1, {"grace_seconds": 60}, {}, "active", "license_in_grace"),
        (-1, {"grace_seconds": 60}, {"grace_seconds": 0}, "expired", ""),
        (-61, {"grace_seconds": 60}, {}, "expired", ""),
        (-61, {"expiry_strategy": "fall_back"}, {}, "active", "license_fallen_back"),
        (-61, {"expiry_strategy": "fall_back"}, {"expiry_strategy": "refuse"}, "expired", ""),
        (-61, {}, {"grace_seconds": 62}, "active", "license_in_grace"),
    ],
)
def test_pages_lists_and_counts_agree_on_what_has_expired(
    application: Application,
    expires_in: int | None,
    policy: dict[str, Any],
    own: dict[str, Any],
    state: str,
    warning: str,
) -> None:
    now = timezone.now()
    license = factories.make_license(
        application, policy=factories.make_policy(application, **policy), **own
    )
    if expires_in is not None:
        license.expires_at = now + dt.timedelta(seconds=expires_in)
        license.save(update_fields=["expires_at"])

    licenses_of = License.objects.for_application(application)
    numbers = reports.numbers_of([application], now)[application.pk]

    assert (license.state(now), license.warning(now)) == (state, warning)
    assert list(licenses_of.usable(now)) == ([license] if state == "active" else [])
    assert list(licenses_of.expired(now)) == ([license] if state == "expired" else [])
    assert (numbers.active.value, numbers.expired.value) == (
        (1, 0) if state == "active" else (0, 1)
    )
