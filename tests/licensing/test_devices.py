"""Acts on devices and sessions, by their verbs."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.models import Event
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import License, Session
from licensing.sessions import end_session
from tests import factories


@pytest.fixture
def session(db: None) -> Session:
    return factories.make_session(factories.make_license(), device_name="Ada's PC")


def release(session: Session) -> bool:
    return release_device(device=session.device, actor=SYSTEM, now=timezone.now())


def end(session: Session) -> bool:
    return end_session(session=session, actor=SYSTEM, now=timezone.now())


def test_a_released_device_frees_its_place_and_ends_its_sessions(session: Session) -> None:
    assert release(session)

    session.refresh_from_db()
    session.device.refresh_from_db()
    assert not session.device.is_bound()
    assert License.objects.get().devices_used == 0
    assert session.ended_reason == "released"


def test_releasing_it_twice_frees_one_place(session: Session) -> None:
    assert [release(session), release(session)] == [True, False]

    assert License.objects.get().devices_used == 0
    assert Event.objects.filter(action="device.released").count() == 1


def test_other_devices_of_the_license_stay(session: Session) -> None:
    License.objects.update(devices_max=2)
    other = factories.make_session(session.license, hwid="device-2")

    release(session)

    other.refresh_from_db()
    assert other.is_open(timezone.now())
    assert License.objects.get().devices_used == 1


def test_a_release_tells_which_device_it_was(session: Session) -> None:
    release(session)

    event = Event.objects.get(action="device.released")
    assert (event.target_id, event.license_id) == (session.device.pk, session.license.pk)
    assert event.before["fingerprint"] == session.device.fingerprint


def test_a_session_ends_at_the_developers_word_once(session: Session) -> None:
    assert [end(session), end(session)] == [True, False]

    session.refresh_from_db()
    assert session.ended_reason == "developer"
    assert session.device.is_bound()
    assert Event.objects.filter(action="session.ended").count() == 1


def test_a_session_that_is_over_is_not_ended_again(session: Session) -> None:
    now = timezone.now()
    Session.objects.update(
        opened_at=now - dt.timedelta(hours=2), expires_at=now - dt.timedelta(hours=1)
    )

    assert not end(session)
    assert not Event.objects.filter(action="session.ended").exists()
