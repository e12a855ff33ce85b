"""The pages of the handbook, and somebody who reads them signed in."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Team, User
from licensing import handbook
from licensing.models import Application
from tests import factories

DOCS = Path(settings.BASE_DIR) / "docs"
EVERY_PAGE = sorted(handbook.sources())


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team, name="Painter")


@pytest.fixture
def signed_in(client: Client, developer: User) -> Client:
    client.force_login(developer)
    return client


def text_of(path: str) -> str:
    return handbook.sources()[path].read_text()
