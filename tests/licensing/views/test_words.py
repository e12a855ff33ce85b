"""The page of the developer's own words."""

import pytest
from django.test import Client

from licensing.models import Application
from tests.licensing.views.conftest import messages_after


@pytest.fixture
def url(application: Application) -> str:
    return f"/dashboard/applications/{application.pk}/settings/words/"


def test_words_are_chosen_changed_and_given_up(
    dashboard: Client, application: Application, url: str
) -> None:
    choice = {"code": "license_expired", "language": "de", "text": "Vorbei <b>"}

    response = dashboard.post(url, choice)

    assert "in these words" in messages_after(dashboard, response)
    page = dashboard.get(f"{url}?code=license_expired&language=de")
    assert page.context["form"]["text"].value() == "Vorbei <b>"
    assert "Vorbei &lt;b&gt;" in page.content.decode()
    dashboard.post(url, choice | {"text": ""})
    application.refresh_from_db()
    assert application.own_words == {}


@pytest.mark.parametrize("wrong", [{"code": "ok"}, {"language": "!"}, {"text": "x" * 501}])
def test_what_makes_no_sense_is_shown_in_the_form(
    dashboard: Client, application: Application, url: str, wrong: dict[str, str]
) -> None:
    choice = {"code": "license_expired", "language": "de", "text": "Vorbei"}

    page = dashboard.post(url, choice | wrong)

    assert page.status_code == 200
    assert page.context["form"].errors
    application.refresh_from_db()
    assert application.own_words == {}


def test_an_address_that_names_nothing_shows_an_empty_form(dashboard: Client, url: str) -> None:
    assert dashboard.get(f"{url}?code=x&language=%00").status_code == 200
