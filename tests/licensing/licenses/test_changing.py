"""What is written on a license is changed, and nothing else with it."""

from typing import Any

import pytest

from accounts.models import Event
from licensing import errors, licenses
from licensing.events import SYSTEM
from licensing.licenses import LicenseTerms
from licensing.models import Application, License
from tests import factories
from tests.licensing.licenses.conftest import A_DAY, NOW, actions


def test_a_change_writes_and_tells_only_what_differs(license: License) -> None:
    changed = licenses.change_license(
        license=license,
        policy=license.policy,
        terms=LicenseTerms(username="Ada", devices_max=5),
        actor=SYSTEM,
    )

    event = Event.objects.get(action="license.changed")
    assert changed.devices_max == License.objects.get().devices_max == 5
    assert (event.before, event.after) == ({"devices_max": None}, {"devices_max": 5})


def test_a_change_to_the_same_is_none(license: License) -> None:
    terms = LicenseTerms(username="Ada")

    licenses.change_license(license=license, policy=license.policy, terms=terms, actor=SYSTEM)

    assert "license.changed" not in actions(license.application)


def test_a_change_of_policy_keeps_the_end(license: License) -> None:
    License.objects.update(expires_at=NOW + A_DAY)
    policy = factories.make_policy(license.application, duration_seconds=60)

    licenses.change_license(license=license, policy=policy, terms=LicenseTerms(), actor=SYSTEM)

    license.refresh_from_db()
    assert (license.policy, license.expires_at) == (policy, NOW + A_DAY)


def test_another_applications_policy_is_refused(license: License) -> None:
    foreign = factories.make_policy(factories.make_application())

    with pytest.raises(errors.InvalidRequestError, match="another application's"):
        licenses.change_license(license=license, policy=foreign, terms=LicenseTerms(), actor=SYSTEM)
    assert License.objects.get().policy != foreign


def test_a_change_does_not_undo_what_happened_meanwhile(license: License) -> None:
    """The page that was open for an hour knows nothing of the suspension and of the devices since."""
    License.objects.update(status="suspended", devices_used=3)

    licenses.change_license(
        license=license, policy=license.policy, terms=LicenseTerms(note="x"), actor=SYSTEM
    )

    assert License.objects.filter(status="suspended", devices_used=3, note="x").exists()


BROKEN = [
    ({"devices_max": 0}, "devices_max must be at least 1"),
    ({"devices_max": -1}, "out of bounds|devices_max must"),
    ({"devices_max": 2**31}, "too large"),
    ({"sessions_max": 0}, "sessions_max must be at least 1"),
    ({"username": "x" * 151}, "too long"),
    ({"username": "nul \0"}, "too long or too large|NUL"),
    ({"metadata": []}, "metadata must be an object"),
    ({"grace_seconds": 366 * 86_400 + 1}, "grace_seconds must be"),
    ({"expiry_strategy": "maybe"}, "expiry_strategy must be"),
    ({"app_version_max": "newest"}, "app_version_max must be a version"),
]


@pytest.mark.parametrize(("terms", "message"), BROKEN)
def test_broken_terms_are_refused(
    application: Application, license: License, terms: dict[str, Any], message: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match=message):
        factories.make_license(application, **terms)
    with pytest.raises(errors.InvalidRequestError, match=message):
        licenses.change_license(
            license=license, policy=license.policy, terms=LicenseTerms(**terms), actor=SYSTEM
        )
    with pytest.raises(errors.InvalidRequestError, match=message):
        licenses.change_some_terms(license=license, changes=terms, actor=SYSTEM)
    assert License.objects.count() == 1
