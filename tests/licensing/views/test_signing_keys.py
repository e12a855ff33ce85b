"""The signing keys of an application: shown to be pinned, promoted, replaced and retired."""

from django.test import Client

from licensing.events import history_of
from licensing.models import Application, SigningKey
from tests.licensing.views.conftest import messages_after, text_of, url_of


def test_settings_show_current_and_next_key_to_be_pinned(
    dashboard: Client, application: Application
) -> None:
    page = dashboard.get(url_of(application, "settings/")).content.decode()

    for key in application.signing_keys.all():
        assert f'data-copy="{key.public_key}"' in page
    assert f'data-copy="{application.pk}"' in page


def test_the_next_key_is_promoted_once_however_often_the_button_is_pressed(
    dashboard: Client, application: Application
) -> None:
    following = key_of(application, "next")
    promote = url_of(application, f"settings/signing-keys/{following.pk}/promote/")
    assert "Programs that pinned both keys go on" in text_of(dashboard.get(promote))

    for _ in range(2):
        assert "signs from now on" in messages_after(dashboard, dashboard.post(promote))

    assert key_of(application, "current") == following
    assert application.signing_keys.count() == 3
    assert history_of(application).filter(action="signing_key.promoted").count() == 1


def test_the_next_key_is_replaced_once(dashboard: Client, application: Application) -> None:
    following = key_of(application, "next")
    replace = url_of(application, f"settings/signing-keys/{following.pk}/replace/")

    for _ in range(2):
        assert "There is a new next key" in messages_after(dashboard, dashboard.post(replace))

    assert key_of(application, "retired") == following
    assert application.signing_keys.count() == 3


def test_an_old_key_is_retired(dashboard: Client, application: Application) -> None:
    old = key_of(application, "current")
    promote = url_of(
        application, f"settings/signing-keys/{key_of(application, 'next').pk}/promote/"
    )
    dashboard.post(promote)
    retire = url_of(application, f"settings/signing-keys/{old.pk}/retire/")

    assert "no longer" in messages_after(dashboard, dashboard.post(retire))

    page = dashboard.get(url_of(application, "settings/")).content.decode()
    assert old.public_key not in page


def test_the_key_that_signs_can_be_neither_retired_nor_replaced(
    dashboard: Client, application: Application
) -> None:
    current = key_of(application, "current")

    for act in ("retire", "replace"):
        url = url_of(application, f"settings/signing-keys/{current.pk}/{act}/")
        assert "promote the next one first" in messages_after(dashboard, dashboard.post(url))

    assert key_of(application, "current") == current


def test_a_retired_key_does_not_come_back(dashboard: Client, application: Application) -> None:
    following = key_of(application, "next")
    dashboard.post(url_of(application, f"settings/signing-keys/{following.pk}/replace/"))

    promote = url_of(application, f"settings/signing-keys/{following.pk}/promote/")
    response = dashboard.post(promote)

    assert "does not come back" in messages_after(dashboard, response)


def key_of(application: Application, state: str) -> SigningKey:
    return application.signing_keys.get(state=state)
