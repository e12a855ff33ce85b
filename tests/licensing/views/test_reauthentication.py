"""What is asked again: who left a browser open long ago shows once more who they are, and then goes on."""

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import teams
from accounts.models import User
from licensing.models import Application, Event, License
from tests import factories
from tests.factories import PASSWORD
from tests.licensing.views.conftest import url_of


def asked_again(application: Application, license: License) -> list[tuple[str, str]]:
    """Every act that reveals, rotates, exports or deletes, as method and address."""
    batch = url_of(application, f"batches/{license.batch_id}/")
    policy = factories.make_policy(application)
    key = application.signing_keys.get(state="next")
    return [
        ("POST", f"{license.get_absolute_url()}reveal/"),
        ("GET", batch),
        ("GET", f"{batch}keys.txt"),
        ("GET", f"{batch}keys.csv"),
        ("GET", url_of(application, "licenses/export/")),
        ("POST", url_of(application, "licenses/export/")),
        ("GET", url_of(application, "settings/api-keys/rotate/")),
        ("POST", url_of(application, "settings/api-keys/rotate/")),
        ("POST", url_of(application, f"settings/api-keys/{application.api_keys.get().pk}/retire/")),
        ("POST", url_of(application, f"settings/signing-keys/{key.pk}/promote/")),
        ("POST", url_of(application, f"policies/{policy.pk}/delete/")),
    ]


def later(minutes: int) -> time_machine.travel:
    return time_machine.travel(timezone.now() + dt.timedelta(minutes=minutes))


def test_a_sign_in_counts_for_a_quarter_of_an_hour(dashboard: Client, license: License) -> None:
    with later(14):
        page = dashboard.post(f"{license.get_absolute_url()}reveal/")

    assert license.reveal() in page.content.decode()


def test_a_sign_up_counts_as_one(client: Client, db: None) -> None:
    client.post(reverse("account_signup"), {"email": "new@example.com", "password1": PASSWORD})
    code = client.session["account_email_verification_code"]["code"]
    client.post(reverse("account_email_verification_sent"), {"code": code})
    application = factories.make_application(teams.home_team(user=User.objects.get()))

    rotate = url_of(application, "settings/api-keys/rotate/")
    assert client.get(rotate).status_code == 200
    with later(16):
        assert client.get(rotate)["Location"].startswith(reverse("account_reauthenticate"))


def test_what_would_hurt_is_asked_again_after_that(
    dashboard: Client, application: Application, license: License
) -> None:
    acts = asked_again(application, license)

    with later(16):
        for method, path in acts:
            response = dashboard.generic(method, path)
            assert response["Location"].startswith(reverse("account_reauthenticate")), path
    assert not Event.objects.filter(action__in=["license.key_revealed", "api_key.rotated"]).exists()


def test_whoever_shows_it_is_them_goes_on_where_they_were(
    dashboard: Client, license: License
) -> None:
    path = f"{license.get_absolute_url()}reveal/"
    with later(16):
        asked = dashboard.post(path)

        answer = dashboard.post(asked["Location"], {"password": PASSWORD, "next": path})

    assert license.reveal() in answer.content.decode()


def test_a_wrong_password_shows_nothing(dashboard: Client, license: License) -> None:
    path = f"{license.get_absolute_url()}reveal/"
    with later(16):
        asked = dashboard.post(path)

        answer = dashboard.post(asked["Location"], {"password": "wrong", "next": path})

    assert "Incorrect password" in answer.content.decode()
    assert license.reveal() not in answer.content.decode()


@pytest.mark.parametrize("path", ["", "licenses/", "settings/", "policies/"])
def test_looking_about_is_not_asked_again(
    path: str, dashboard: Client, application: Application
) -> None:
    with later(60):
        assert dashboard.get(url_of(application, path)).status_code == 200
