"""The zip of a person's data."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team, User
from licensing import entitlements
from licensing.events import SYSTEM
from tests import factories
from tests.people import confirm_address, log_in, set_up_app, sign_in

EXPORT = reverse("account-export")


@pytest.fixture
def own(developer: User) -> Client:
    client = Client()
    log_in(client, confirm_address(developer))
    return client


def files_in(response: HttpResponse) -> dict[str, Any]:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]
    return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_everything_about_the_person_is_in_it(own: Client, developer: User, team: Team) -> None:
    application = factories.make_application(team, "Game")
    license = factories.make_license(application, username="Ada", metadata={"plan": "pro"})
    factories.open_session(license, device_name="Ada's PC")

    response = own.post(EXPORT)
    files = files_in(response)

    assert response["Content-Disposition"].startswith('attachment; filename="lockence-account-')
    assert "no-store" in response["Cache-Control"]
    assert files["account.json"][0]["email"] == "developer@example.com"
    assert files["email_addresses.json"][0]["verified"] is True
    assert files["browsers.json"][0]["ip_address"] == "127.0.0.1"
    assert files["teams.json"][0]["role"] == "owner"
    assert files["acts.json"][0]["action"] == "team.created"
    assert files["applications.json"][0]["name"] == "Game"
    assert files["policies.json"][0]["name"] == "Standard"
    assert files["licenses.json"][0]["metadata"] == {"plan": "pro"}
    assert files["devices.json"][0]["name"] == "Ada's PC"
    assert files["second_factors.json"] == []


def test_what_licenses_entitle_to_and_who_uses_them_is_in_it(own: Client, team: Team) -> None:
    application = factories.make_application(team)
    license = factories.make_license(application)
    pages = factories.make_entitlement(application, "pages", "metered")
    factories.grant(license, pages, 7)
    factories.grant(license.policy, pages, 5)
    usage = {"license": license, "entitlement": pages, "used": 3}
    entitlements.set_usage(**usage, actor=SYSTEM, now=timezone.now())
    factories.make_variable(application, "MODEL_URL", "a secret address")
    factories.make_named_user(application, "ann")
    factories.make_access_rule(application, "country", "DE")
    factories.make_access_rule(application, "hwid", "a secret machine")

    files = files_in(own.post(EXPORT))

    assert files["entitlements.json"][0]["name"] == "pages"
    assert files["license_entitlements.json"][0]["value"] == 7
    assert files["policy_entitlements.json"][0]["value"] == 5
    assert files["usage.json"][0]["used"] == 3
    assert files["variables.json"][0]["name"] == "MODEL_URL"
    assert files["named_users.json"][0]["name"] == "ann"
    assert files["access_rules.json"][0]["value"] == "DE"
    assert "secret" not in json.dumps(files)


def test_no_secret_and_nobody_elses_data_is_in_it(own: Client, developer: User, team: Team) -> None:
    secret = set_up_app(developer)
    license = factories.make_license(factories.make_application(team))
    factories.make_license(username="Of another team")
    member_of = factories.make_team(name="Where they only help")
    factories.add_member(member_of, "support", developer)
    factories.make_application(member_of, "Not theirs to take")

    text = json.dumps(files_in(own.post(EXPORT)))

    assert developer.password not in text
    assert secret not in text
    assert license.reveal() not in text
    assert license.key_ciphertext not in text
    assert "Of another team" not in text
    assert "Where they only help" in text
    assert "Not theirs to take" not in text


def test_it_is_asked_again_first(developer: User) -> None:
    client = Client()
    client.force_login(developer)

    assert client.post(EXPORT)["Location"].startswith(reverse("account_reauthenticate"))


def test_a_look_at_its_address_exports_nothing(developer: User) -> None:
    assert sign_in(Client(), developer).get(EXPORT).status_code == 405


def test_a_stranger_is_sent_to_log_in(client: Client) -> None:
    assert client.post(EXPORT)["Location"].startswith(reverse("account_login"))
