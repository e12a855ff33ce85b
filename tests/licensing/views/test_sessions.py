"""The sessions of an application, and ending one."""

from django.test import Client

from licensing.events import history_of
from licensing.models import Application, License
from tests import factories
from tests.licensing.views.conftest import messages_after, statements, text_of, url_of


def test_the_list_shows_sessions(
    dashboard: Client, application: Application, license: License
) -> None:
    factories.open_session(
        license, device_name="Ada's PC", app_version="1.2.3", ip_address="203.0.113.9"
    )

    page = text_of(dashboard.get(url_of(application, "sessions/")))

    assert "Ada&#x27;s PC" in page
    assert "Version 1.2.3" in page
    assert "203.0.113.9" in page


def test_an_empty_list_says_why(dashboard: Client, application: Application) -> None:
    assert "No sessions here" in text_of(dashboard.get(url_of(application, "sessions/")))


def test_a_session_is_ended(dashboard: Client, application: Application, license: License) -> None:
    session = factories.make_session(license)
    end = url_of(application, f"sessions/{session.pk}/end/")
    assert "at its next heartbeat" in text_of(dashboard.get(end))

    for _ in range(2):
        assert "The session has ended" in messages_after(dashboard, dashboard.post(end))

    session.refresh_from_db()
    assert session.ended_reason == "developer"
    assert history_of(application).filter(action="session.ended").count() == 1


def test_the_list_is_narrowed_to_open_sessions(
    dashboard: Client, application: Application, license: License
) -> None:
    session = factories.make_session(license, app_version="9.9.9")
    dashboard.post(url_of(application, f"sessions/{session.pk}/end/"))

    assert "9.9.9" in text_of(dashboard.get(url_of(application, "sessions/")))
    assert "9.9.9" not in text_of(dashboard.get(url_of(application, "sessions/?state=open")))


def test_a_longer_list_takes_no_more_statements(
    dashboard: Client, application: Application, license: License
) -> None:
    for _ in range(5):
        factories.open_session(license)
    few = statements(dashboard, url_of(application, "sessions/"))

    for _ in range(55):
        factories.open_session(license)

    assert statements(dashboard, url_of(application, "sessions/")) == few
    assert statements(dashboard, url_of(application, "sessions/?state=open")) == few
