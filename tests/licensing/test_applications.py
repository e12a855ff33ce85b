"""Acts on applications and their API keys, by their verbs."""

import datetime as dt
import uuid

import pytest

from accounts.models import Event, Team
from licensing import applications, errors, keys
from licensing.events import SYSTEM
from licensing.models import ApiKey, Application
from tests import factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team)


def rotate(application: Application, overlap: dt.timedelta = A_DAY, **more: uuid.UUID) -> ApiKey:
    return applications.rotate_api_key(
        application=application, overlap=overlap, actor=SYSTEM, now=NOW, **more
    )


def test_an_application_comes_with_all_that_a_program_needs(team: Team) -> None:
    application = applications.create_application(team=team, name="Paint", actor=SYSTEM)

    assert (application.team, application.name, application.enabled) == (team, "Paint", True)
    assert keys.has_valid_checksum(application.api_keys.get().reveal())
    assert sorted(key.state for key in application.signing_keys.all()) == ["current", "next"]
    assert application.default_policy().name == "Standard"
    assert Event.objects.get(action="application.created").after == {"name": "Paint"}


def test_an_api_key_never_lies_in_clear(application: Application) -> None:
    row = ApiKey.objects.values().get()

    assert application.api_keys.get().reveal() not in str(row)


def test_asking_twice_with_one_id_creates_once(team: Team) -> None:
    id = uuid.uuid4()

    first, second = (
        applications.create_application(team=team, name="Paint", actor=SYSTEM, id=id)
        for _ in range(2)
    )

    assert first == second
    assert ApiKey.objects.count() == 1
    assert Event.objects.filter(action="application.created").count() == 1


def test_another_teams_id_is_taken(application: Application) -> None:
    with pytest.raises(errors.InvalidRequestError, match="id is taken"):
        applications.create_application(
            team=factories.make_team(), name="Paint", actor=SYSTEM, id=application.pk
        )


def test_a_new_name_is_told_with_the_old_one(application: Application) -> None:
    assert applications.rename_application(application=application, name="Draw", actor=SYSTEM)

    event = Event.objects.get(action="application.renamed")
    assert Application.objects.get().name == application.name == "Draw"
    assert (event.before, event.after) == ({"name": "Application"}, {"name": "Draw"})


def test_the_same_name_is_no_new_one(application: Application) -> None:
    assert not applications.rename_application(
        application=application, name="Application", actor=SYSTEM
    )
    assert not Event.objects.filter(action="application.renamed").exists()


def test_a_rename_tells_the_name_that_it_took_away(application: Application) -> None:
    seen_before = Application.objects.get(pk=application.pk)
    applications.rename_application(application=application, name="Draw", actor=SYSTEM)

    applications.rename_application(application=seen_before, name="Sketch", actor=SYSTEM)

    assert Event.objects.latest("id").before == {"name": "Draw"}


def test_an_application_is_switched_off_and_on_once(application: Application) -> None:
    off = [
        applications.disable_application(application=application, actor=SYSTEM) for _ in range(2)
    ]
    on = [applications.enable_application(application=application, actor=SYSTEM) for _ in range(2)]

    assert off == on == [True, False]
    assert Application.objects.get().enabled
    events = Event.objects.filter(action__in=["application.disabled", "application.enabled"])
    assert events.count() == 2


def test_a_new_api_key_is_current_and_the_old_one_answers_for_a_while(
    application: Application,
) -> None:
    old = application.api_keys.get()

    new = rotate(application)

    old.refresh_from_db()
    assert application.api_keys.current().get() == new
    assert new.reveal() != old.reveal()
    assert old.expires_at == NOW + A_DAY
    assert list(application.api_keys.usable(NOW).order_by("created_at")) == [old, new]
    assert list(application.api_keys.usable(NOW + A_DAY)) == [new]


def test_without_overlap_the_old_key_is_gone_at_once(application: Application) -> None:
    new = rotate(application, dt.timedelta(0))

    assert list(application.api_keys.usable(NOW)) == [new]


def test_a_rotation_is_told_without_any_key(application: Application) -> None:
    new = rotate(application)

    event = Event.objects.get(action="api_key.rotated")
    assert (event.target_id, event.before) == (new.pk, {})
    assert event.after == {"overlap_seconds": 86_400}


@pytest.mark.parametrize("overlap", [dt.timedelta(seconds=-1), dt.timedelta(days=366)])
def test_an_overlap_has_its_bounds(application: Application, overlap: dt.timedelta) -> None:
    with pytest.raises(errors.InvalidRequestError, match="between 0 and 365 days"):
        rotate(application, overlap)
    assert ApiKey.objects.count() == 1


def test_a_key_is_replaced_once_however_often_the_form_is_sent(application: Application) -> None:
    old = application.api_keys.get()

    first, second = rotate(application, replaces=old.pk), rotate(application, replaces=old.pk)

    assert first == second
    assert ApiKey.objects.count() == 2


def test_a_second_rotation_leaves_the_first_ones_overlap(application: Application) -> None:
    first = application.api_keys.get()
    rotate(application, A_DAY)
    rotate(application, 7 * A_DAY)

    first.refresh_from_db()
    assert first.expires_at == NOW + A_DAY


def test_a_replaced_key_can_be_retired_early_and_once(application: Application) -> None:
    old = application.api_keys.get()
    rotate(application)

    retired = [
        applications.retire_api_key(api_key=old, actor=SYSTEM, now=NOW + A_DAY / 2)
        for _ in range(2)
    ]

    old.refresh_from_db()
    assert retired == [True, False]
    assert old.expires_at == NOW + A_DAY / 2
    assert Event.objects.filter(action="api_key.retired").count() == 1


def test_the_current_key_cannot_be_retired(application: Application) -> None:
    current = application.api_keys.get()

    assert not applications.retire_api_key(api_key=current, actor=SYSTEM, now=NOW)
    current.refresh_from_db()
    assert current.expires_at is None
