"""What all tests share: fast settings, and the cast."""

import os

import pytest
from django.conf import settings
from django.core.management.commands import flush
from django.db import connections

from accounts.access import Role
from accounts.models import Team, User
from tests import factories
from tests.servers import granian as granian  # fixtures
from tests.servers import server as server


def pytest_configure(config: pytest.Config) -> None:
    # Argon2 is slow on purpose; it would be most of the suite's time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Pages find their files where they lie, without collectstatic.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    # Tests that commit empty the tables afterwards, events included; a test database allows that to who asks.
    database = connections["default"].settings_dict
    database["OPTIONS"]["options"] = "-c lockence.may_empty_events=yes"
    # Django would empty the tables of managed models alone, and leave the queue's jobs and the cache to the tests that follow.
    # Every connection's: tests in a browser, which run inside an event loop, have one of their own.
    type(connections["default"].introspection).django_table_names = lambda self, **_which: [
        name for name in self.table_names() if name not in _KEPT_TABLES
    ]
    # And it would then look for permissions that are missing: that took as long as many a test.
    flush.emit_post_migrate_signal = lambda *told, **more: None


# What migrations put there, and nothing changes.
_KEPT_TABLES = {"django_migrations", "django_content_type", "auth_permission"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folders = item.nodeid.partition("::")[0].split("/")
        fixtures = getattr(item, "fixturenames", ())
        starts_programs = hasattr(getattr(item, "module", None), "subprocess")
        if (
            starts_programs
            or _LIVE_FOLDERS.intersection(folders)
            or _SERVERS.intersection(fixtures)
        ):
            item.add_marker("live")


_LIVE_FOLDERS = {"bench", "clients", "command_line", "contract", "pages"}
_SERVERS = {"server", "granian", "live_server"}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed (.ci/run) a skipped test is a failure: nobody would notice it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("LOCKENCE_NO_SKIPS") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def developer(db: None) -> User:
    return factories.make_user("developer@example.com")


@pytest.fixture
def team(developer: User) -> Team:
    return factories.make_team(developer)


@pytest.fixture
def teammate(team: Team) -> User:
    """Somebody of the developer's team who may only look."""
    return factories.add_member(team, Role.VIEWER, factories.make_user("teammate@example.com"))


@pytest.fixture
def stranger(db: None) -> User:
    return factories.make_user("stranger@example.com")
