"""Management tokens on the dashboard: made, shown once, listed and revoked."""

import datetime as dt
import re

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from licensing import management_tokens, tokens
from licensing.events import history_of
from licensing.keys import has_valid_checksum
from licensing.models import Application, ManagementToken
from tests import factories
from tests.licensing.views.conftest import (
    SignIn,
    hidden,
    messages_after,
    statements,
    text_of,
    url_of,
)

CHOICES = {
    "name": "Web shop",
    "reach": "application",
    "scopes": ["licenses:write", "events:read"],
    "expires_in_days": "90",
}


def test_a_token_is_made_shown_once_and_opens_the_api(
    dashboard: Client, application: Application, developer: User
) -> None:
    response = create(dashboard, application)

    [text] = set(re.findall(r"lck_sk_\w+", text_of(response)))
    token = ManagementToken.objects.get()
    assert has_valid_checksum(text)
    assert bytes(token.token_digest) == tokens.management_token_digest(text)
    assert (token.application, token.created_by) == (application, developer)
    assert token.scopes == ["events:read", "licenses:write"]
    assert response["Cache-Control"] == "private, no-store"
    page = text_of(dashboard.get(url_of(application, "settings/tokens/")))
    assert "Web shop" in page
    assert f"lck_sk_…{text[-4:]}" in page
    assert text not in page
    assert call(text, application).status_code == 200


def test_a_token_for_the_whole_team_opens_what_comes_later(
    dashboard: Client, application: Application
) -> None:
    response = create(dashboard, application, reach="team")

    [text] = set(re.findall(r"lck_sk_\w+", text_of(response)))
    assert call(text, factories.make_application(application.team, "Later")).status_code == 200


def test_what_it_may_is_chosen_in_words(dashboard: Client, application: Application) -> None:
    page = text_of(dashboard.get(url_of(application, "settings/tokens/new/")))

    assert "API keys: read and change" in page
    assert "Signing keys: read" in page


def test_what_was_done_is_told_without_the_token(
    dashboard: Client, application: Application
) -> None:
    create(dashboard, application)

    event = history_of(application).first()
    assert event is not None
    assert (event.action, event.target_label) == ("token.created", "Web shop")
    assert event.after["scopes"] == ["events:read", "licenses:write"]
    page = text_of(dashboard.get(url_of(application, "events/")))
    assert "Management token created" in page


def test_a_form_sent_twice_makes_one_token(dashboard: Client, application: Application) -> None:
    form = filled(dashboard, application)
    new = url_of(application, "settings/tokens/new/")
    dashboard.post(new, form)

    again = text_of(dashboard.post(new, form))

    assert "is not shown again" in again
    assert "lck_sk_" not in again
    assert ManagementToken.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("name", "", "required"),
        ("name", "x" * 101, "at most 100"),
        ("scopes", [], "required"),
        ("scopes", ["events:write"], "not one of the available choices"),
        ("reach", "everything", "not one of the available choices"),
        ("expires_in_days", "1000", "not one of the available choices"),
    ],
)
def test_a_form_that_is_wrong_makes_nothing(
    dashboard: Client, application: Application, name: str, value: object, complaint: str
) -> None:
    assert complaint in text_of(create(dashboard, application, **{name: value}))

    assert ManagementToken.objects.count() == 0


def test_who_signed_in_long_ago_is_asked_again(dashboard: Client, application: Application) -> None:
    with time_machine.travel(timezone.now() + dt.timedelta(hours=1)):
        response = dashboard.get(url_of(application, "settings/tokens/new/"))

    assert response["Location"].startswith("/accounts/reauthenticate/")


def test_a_revoked_token_opens_nothing(dashboard: Client, application: Application) -> None:
    new = factories.make_token(application)
    revoke = url_of(application, f"settings/tokens/{new.token.pk}/revoke/")

    assert "refused from its next call on" in text_of(dashboard.get(revoke))
    assert "opens nothing any more" in messages_after(dashboard, dashboard.post(revoke))

    assert call(new.text, application).status_code == 401
    page = text_of(dashboard.get(url_of(application, "settings/tokens/")))
    assert "Revoked" in page
    assert revoke not in page


def test_revoking_twice_is_told_once(application: Application) -> None:
    token, now = factories.make_token(application).token, timezone.now()
    actor = factories.SYSTEM

    assert management_tokens.revoke_token(token=token, actor=actor, now=now)
    assert not management_tokens.revoke_token(token=token, actor=actor, now=now)

    assert history_of(application).filter(action="token.revoked").count() == 1


def test_a_token_of_the_team_shows_with_each_application_and_no_other_teams(
    dashboard: Client, application: Application, stranger: User, sign_in: SignIn
) -> None:
    factories.make_token(application, for_the_team=True, name="For all")
    factories.make_token(factories.make_application(application.team, "Other"), name="For other")
    foreign = factories.make_application(factories.make_team(stranger))

    page = text_of(dashboard.get(url_of(application, "settings/tokens/")))

    assert "For all" in page
    assert "For other" not in page
    assert "For all" not in text_of(sign_in(stranger).get(url_of(foreign, "settings/tokens/")))


def test_the_page_asks_no_more_however_many_tokens_there_are(
    dashboard: Client, application: Application
) -> None:
    url = url_of(application, "settings/tokens/")
    factories.make_token(application)
    one = statements(dashboard, url)
    for _ in range(10):
        factories.make_token(application)

    assert statements(dashboard, url) == one


def filled(client: Client, application: Application) -> dict[str, object]:
    page = client.get(url_of(application, "settings/tokens/new/"))
    return CHOICES | {"id": hidden(page, "id")}


def create(client: Client, application: Application, **choices: object) -> HttpResponse:
    form = filled(client, application) | choices
    return client.post(url_of(application, "settings/tokens/new/"), form)


def call(text: str, application: Application) -> HttpResponse:
    return Client().get(
        f"/api/v1/applications/{application.pk}/events",
        headers={"Authorization": f"Bearer {text}"},
    )
