"""`manage.py demo`: an empty database gets something to try, and what is printed about it works."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from licensing.models import License

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def development(settings: Settings, tmp_path: Path) -> None:
    settings.DEVELOPMENT = True
    settings.VAR_DIR = tmp_path


def demo() -> str:
    printed = StringIO()
    call_command("demo", stdout=printed)
    return printed.getvalue()


def test_it_tells_the_same_as_often_as_it_is_asked() -> None:
    assert "license key  " in demo()
    assert demo() == demo()
    assert License.objects.count() == 6


def test_it_prints_nothing_of_another_database() -> None:
    demo()
    User.objects.get().delete()
    User.objects.create_user("demo@example.com", "the demo of another database")

    assert "log-in" not in demo()


def test_a_database_with_people_in_it_gets_no_demo(developer: User) -> None:
    assert "log-in" not in demo()
    assert License.objects.count() == 0


def test_production_gets_none(settings: Settings) -> None:
    settings.DEVELOPMENT = False

    with pytest.raises(CommandError, match="for development"):
        demo()
