"""The dashboard's cast: a signed-in developer with an application, one license, and somebody for every other role."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.access import Role
from accounts.models import Team, User
from licensing.models import Application, License
from tests import factories, people

SignIn = Callable[[User], Client]


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team, "Game")


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application, username="Ada", email="ada@example.com")


@pytest.fixture
def supporter(team: Team) -> User:
    """Somebody of the developer's team who helps customers: licenses, but no API key and no settings."""
    return factories.add_member(team, Role.SUPPORT, factories.make_user("support@example.com"))


@pytest.fixture
def sign_in() -> SignIn:
    return lambda user: people.sign_in(Client(), user)


@pytest.fixture
def dashboard(developer: User, sign_in: SignIn) -> Client:
    """The developer's browser."""
    return sign_in(developer)


def url_of(application: Application, path: str = "") -> str:
    return f"{application.get_absolute_url()}{path}"


def text_of(response: HttpResponse) -> str:
    """Return the words of a page, white space made single; the page must be there."""
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def messages_after(client: Client, response: HttpResponse) -> str:
    """Follow a redirect and return the page that tells what happened."""
    assert response.status_code == 302, response.content.decode()
    return text_of(client.get(response["Location"]))


def hidden(response: HttpResponse, name: str) -> str:
    """Return the value of a hidden field, as a browser would send it back."""
    value = response.context["form"][name].value()
    return str(value)


def statements(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        text_of(client.get(url))
    return len(captured)
