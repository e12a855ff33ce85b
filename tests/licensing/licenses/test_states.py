"""Licenses are suspended, restored, revoked and reinstated."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.events import user_actor
from accounts.models import Event, User
from licensing import errors, licenses
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories
from tests.licensing.licenses.conftest import actions


def suspend(license: License) -> bool:
    return licenses.suspend_license(license=license, actor=SYSTEM)


def restore(license: License) -> bool:
    return licenses.restore_license(license=license, actor=SYSTEM)


def revoke(license: License) -> bool:
    return licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())


@pytest.mark.parametrize(
    ("before", "act", "after", "action"),
    [
        ("active", suspend, "suspended", "license.suspended"),
        ("suspended", restore, "active", "license.restored"),
        ("active", revoke, "revoked", "license.revoked"),
        ("suspended", revoke, "revoked", "license.revoked"),
    ],
)
def test_the_moves_that_are_allowed(
    license: License, before: str, act: Callable[[License], bool], after: str, action: str
) -> None:
    License.objects.update(status=before)

    assert act(license)

    event = Event.objects.get(action=action)
    assert License.objects.get().status == license.status == after
    assert (event.before, event.after) == ({"status": before}, {"status": after})


@pytest.mark.parametrize(
    ("status", "act"), [("active", restore), ("suspended", suspend), ("revoked", revoke)]
)
def test_what_is_done_already_is_not_done_again(
    license: License, status: str, act: Callable[[License], bool]
) -> None:
    License.objects.update(status=status)
    before = actions(license.application)

    assert not act(license)
    assert actions(license.application) == before


@pytest.mark.parametrize("act", [suspend, restore])
def test_revoked_is_the_end(license: License, act: Callable[[License], bool]) -> None:
    revoke(license)

    with pytest.raises(errors.LicenseStateError):
        act(license)
    assert License.objects.get().status == "revoked"


def test_a_page_that_shows_an_old_state_does_no_harm(license: License) -> None:
    stale = License.objects.get()
    revoke(license)

    with pytest.raises(errors.LicenseStateError):
        suspend(stale)


def test_a_revocation_ends_the_licenses_sessions_and_no_others(
    application: Application, license: License
) -> None:
    session = factories.make_session(license)
    other = factories.make_session(factories.make_license(application))

    revoke(license)

    session.refresh_from_db()
    other.refresh_from_db()
    assert (session.ended_reason, other.ended_reason) == ("revoked", "")


def test_a_suspension_keeps_sessions_and_devices(license: License) -> None:
    session = factories.make_session(license)

    suspend(license)

    session.refresh_from_db()
    assert session.ended_at is None
    assert license.devices.get().is_bound()


def test_revealing_a_key_is_told_without_the_key(license: License, developer: User) -> None:
    key = licenses.reveal_license_key(license=license, actor=user_actor(developer))

    event = Event.objects.get(action="license.key_revealed")
    assert key == license.reveal()
    assert (event.actor, event.before, event.after) == (developer, {}, {})
