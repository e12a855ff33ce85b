"""The handbook: its pages, and whose key they show."""

import datetime as dt
import uuid

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from licensing import handbook, samples
from licensing.applications import rotate_api_key
from licensing.events import SYSTEM
from licensing.models import Application
from tests import factories
from tests.licensing.handbook.conftest import EVERY_PAGE


@pytest.mark.django_db
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_everybody_may_read_every_page(client: Client, path: str) -> None:
    response = client.get(handbook.url(path))

    assert response.status_code == 200
    document = handbook.document(path)
    assert document is not None
    assert f"<title>{escape(document.title)} · Lockence</title>" in response.text
    assert document.summary


def test_the_addresses_are_those_that_refusals_and_footers_name() -> None:
    assert handbook.url("") == "/docs/"
    assert handbook.url("api") == "/docs/api/"
    assert handbook.url("errors/license_expired") == "/docs/errors/license_expired/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        *("nope", "errors/nope", "index", "errors/index", "api.md", "how-to", "README"),
        *("../README", "errors/../api", "..%2fREADME", "%2e%2e/README", "//etc/passwd", "api%00"),
        *("samples/python/init", "samples/python/init.py", "api/"),
    ],
)
def test_what_is_no_page_is_not_found(client: Client, path: str) -> None:
    assert client.get(f"/docs/{path}/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_page_is_read_and_no_more(client: Client, method: str) -> None:
    assert getattr(client, method)("/docs/api/").status_code == 405


@pytest.mark.django_db
def test_a_visitor_finds_placeholders(client: Client) -> None:
    page = client.get("/docs/api/").text

    assert samples.API_KEY in page
    assert samples.SITE_URL not in page
    assert f"{settings.SITE_URL}/api/v1/init" in page


def test_a_developer_finds_the_samples_with_their_own_key(
    signed_in: Client, application: Application
) -> None:
    response = signed_in.get("/docs/api/")

    languages = len(samples.LANGUAGES)
    assert samples.API_KEY not in response.text
    assert response.text.count(factories.api_key_of(application)) > 6 * languages
    assert "Painter" in response.text
    assert response["Cache-Control"] == "private, no-store"


def test_the_key_shown_is_the_current_one(signed_in: Client, application: Application) -> None:
    old = factories.api_key_of(application)
    rotate_api_key(
        application=application,
        overlap=dt.timedelta(days=1),
        actor=SYSTEM,
        now=timezone.now(),
    )

    page = signed_in.get("/docs/quickstart/").text

    assert factories.api_key_of(application) in page
    assert old not in page


def test_a_developer_chooses_among_their_applications(
    signed_in: Client, application: Application, team: Team
) -> None:
    other = factories.make_application(team, name="Sculptor")

    first = signed_in.get("/docs/api/").text
    chosen = signed_in.get("/docs/api/", {"application": other.pk}).text

    assert factories.api_key_of(application) in first
    assert factories.api_key_of(other) in chosen
    assert factories.api_key_of(application) not in chosen
    assert f'<option value="{other.pk}" selected>Sculptor</option>' in chosen


@pytest.mark.parametrize("asked_for", ["a stranger's", str(uuid.UUID(int=0)), "x", "\x00", ""])
def test_asking_for_anything_else_shows_ones_own(
    signed_in: Client, application: Application, asked_for: str
) -> None:
    foreign = factories.make_application()
    asked_for = str(foreign.pk) if asked_for == "a stranger's" else asked_for

    page = signed_in.get("/docs/api/", {"application": asked_for}).text

    assert factories.api_key_of(application) in page
    assert factories.api_key_of(foreign) not in page
    assert foreign.name not in page.replace("application", "")


def test_a_teammate_who_may_only_look_sees_no_key(
    client: Client, application: Application, teammate: User
) -> None:
    client.force_login(teammate)

    page = client.get("/docs/api/", {"application": application.pk}).text

    assert samples.API_KEY in page
    assert factories.api_key_of(application) not in page


def test_a_key_that_does_not_open_leaves_the_page_readable(
    signed_in: Client, application: Application
) -> None:
    application.api_keys.update(key_ciphertext="broken")

    response = signed_in.get("/docs/api/")

    assert response.status_code == 200
    assert samples.API_KEY in response.text


def test_the_page_asks_no_more_however_many_applications_there_are(
    signed_in: Client, team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        factories.make_application(team, name=f"Application {number}")

    # Log-in session, person, chosen application, its key, the applications to choose from.
    with django_assert_max_num_queries(5):
        signed_in.get("/docs/api/")
