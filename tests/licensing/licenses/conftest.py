"""An application and a license of it, and how many are issued."""

import datetime as dt
from typing import Any

import pytest

from accounts.models import Event
from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, License, LicenseBatch
from tests import factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application, username="Ada")


def issue(application: Application, **facts: Any) -> LicenseBatch:
    asked = {"policy": application.default_policy(), "count": 1, "actor": SYSTEM, "now": NOW}
    return licenses.issue_licenses(**(asked | facts))


def actions(application: Application) -> list[str]:
    events = Event.objects.filter(application_id=application.pk)
    return list(events.values_list("action", flat=True))
