"""An application's settings: name, on and off, API keys."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from licensing.events import history_of
from licensing.models import ApiKey, Application
from tests import factories
from tests.licensing.views.conftest import hidden, messages_after, text_of, url_of


def rotate(client: Client, application: Application, overlap_days: int) -> str:
    url = url_of(application, "settings/api-keys/rotate/")
    form = {"overlap_days": overlap_days, "replaces": hidden(client.get(url), "replaces")}
    return messages_after(client, client.post(url, form))


def test_an_application_is_renamed(dashboard: Client, application: Application) -> None:
    response = dashboard.post(url_of(application, "settings/"), {"name": "Better game"})

    assert "The name is saved" in messages_after(dashboard, response)
    application.refresh_from_db()
    assert application.name == "Better game"


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "nul\0"])
def test_a_name_that_is_none_is_refused(
    dashboard: Client, application: Application, name: str
) -> None:
    response = dashboard.post(url_of(application, "settings/"), {"name": name})

    assert response.context["form"].errors["name"]


def test_an_application_is_disabled_and_enabled(
    dashboard: Client, application: Application
) -> None:
    disable = url_of(application, "settings/disable/")
    assert "for all customers" in text_of(dashboard.get(disable))

    for _ in range(2):
        assert "is disabled" in messages_after(dashboard, dashboard.post(disable))
    application.refresh_from_db()
    assert not application.enabled

    for _ in range(2):
        response = dashboard.post(url_of(application, "settings/enable/"))
        assert "is enabled" in messages_after(dashboard, response)
    application.refresh_from_db()
    assert application.enabled


@pytest.mark.parametrize("days", [0, 1, 7, 30, 90])
def test_old_and_new_api_key_both_answer_for_the_chosen_time(
    dashboard: Client, application: Application, days: int
) -> None:
    old = application.api_keys.get()

    page = rotate(dashboard, application, days)

    old.refresh_from_db()
    left = old.expires_at - timezone.now()
    assert dt.timedelta(days=days) - left < dt.timedelta(minutes=1)
    assert factories.api_key_of(application) in page
    assert (old.reveal() in page) == (days > 0)


def test_a_form_sent_twice_rotates_once(dashboard: Client, application: Application) -> None:
    url = url_of(application, "settings/api-keys/rotate/")
    form = {"overlap_days": 7, "replaces": hidden(dashboard.get(url), "replaces")}

    for _ in range(2):
        assert dashboard.post(url, form).status_code == 302

    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize("form", [{}, {"overlap_days": 8}, {"overlap_days": "x", "replaces": "y"}])
def test_an_overlap_that_is_not_offered_is_refused(
    dashboard: Client, application: Application, form: dict[str, str]
) -> None:
    response = dashboard.post(url_of(application, "settings/api-keys/rotate/"), form)

    assert response.status_code == 200
    assert ApiKey.objects.count() == 1


def test_a_replaced_api_key_is_retired_at_once(dashboard: Client, application: Application) -> None:
    old = application.api_keys.get()
    rotate(dashboard, application, 30)
    retire = url_of(application, f"settings/api-keys/{old.pk}/retire/")
    assert "before its time" in text_of(dashboard.get(retire))

    for _ in range(2):
        page = messages_after(dashboard, dashboard.post(retire))
        assert "no longer answers" in page

    assert old.reveal() not in page
    assert history_of(application).filter(action="api_key.retired").count() == 1


def test_the_current_api_key_cannot_be_retired(dashboard: Client, application: Application) -> None:
    current = application.api_keys.get()

    dashboard.post(url_of(application, f"settings/api-keys/{current.pk}/retire/"))

    assert application.api_keys.usable(timezone.now()).get() == current
