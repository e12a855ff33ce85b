"""A team's log: what is in it, what a filter finds, and taking it away as a file."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import teams
from accounts.access import Role
from accounts.models import Event, Membership, Team, User
from licensing import applications, licenses
from licensing.events import SYSTEM, user_actor
from licensing.models import Application, License
from tests import factories
from tests.licensing.views.conftest import (
    SignIn,
    messages_after,
    statements,
    text_of,
    url_of,
)


@pytest.fixture
def address(team: Team) -> str:
    return reverse("team-events", args=[team.pk])


@pytest.fixture
def busy_day(
    application: Application, license: License, team: Team, teammate: User, developer: User
) -> None:
    actor = user_actor(developer, "203.0.113.9")
    licenses.suspend_license(license=license, actor=actor)
    factories.open_session(factories.make_license(application), ip_address="198.51.100.9")
    membership = Membership.objects.get(team=team, user=teammate)
    teams.change_role(membership=membership, role=Role.SUPPORT, actor=actor)
    factories.make_application(team, "Tool")


@pytest.mark.usefixtures("busy_day")
def test_the_log_tells_of_people_and_of_everything_that_the_team_owns(
    dashboard: Client, address: str
) -> None:
    page = text_of(dashboard.get(address))

    for words in (
        "Team created",
        "Application created",
        "License suspended",
        "developer@example.com · 203.0.113.9",
        "Device bound",
        "A program · 198.51.100.9",
        "Role changed",
        "Tool",
    ):
        assert words in page


@pytest.mark.usefixtures("busy_day")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("kind=people", {"team.created", "member.role_changed"}),
        ("kind=licenses", {"licenses.issued", "license.suspended"}),
        ("kind=devices", {"device.bound"}),
        ("kind=applications", {"application.created"}),
        ("actor=program", {"device.bound"}),
        ("actor=system&kind=licenses", {"licenses.issued"}),
        ("first_day=2001-01-01&last_day=2001-12-31", set()),
        ("last_day=0001-01-01", set()),
        ("first_day=9999-12-31", set()),
        ("kind=people&actor=program", set()),
    ],
)
def test_a_filter_finds(dashboard: Client, address: str, wanted: str, found: set[str]) -> None:
    page = dashboard.get(f"{address}?{wanted}").context["page"]

    assert {event.action for event in page.rows} == found


@pytest.mark.usefixtures("busy_day")
def test_filters_by_application_member_and_day(
    dashboard: Client, address: str, team: Team, developer: User
) -> None:
    tool, today = team.applications.get(name="Tool"), f"{timezone.now():%Y-%m-%d}"

    def found(wanted: str) -> set[str]:
        return {event.action for event in dashboard.get(f"{address}?{wanted}").context["page"].rows}

    assert found(f"application={tool.pk}") == {"application.created"}
    assert "license.suspended" in found(f"actor={developer.pk}")
    assert "device.bound" not in found(f"actor={developer.pk}")
    assert len(found(f"first_day={today}&last_day={today}")) == 6


@pytest.mark.parametrize(
    "nonsense", ["kind=x", "actor=x", "application=x", "first_day=x", "last_day=2001-02-31"]
)
def test_nonsense_asks_for_nothing(
    dashboard: Client, address: str, application: Application, nonsense: str
) -> None:
    assert "Application created" in text_of(dashboard.get(f"{address}?{nonsense}"))


def test_another_teams_application_is_no_filter(
    dashboard: Client, address: str, application: Application
) -> None:
    foreign = factories.make_application(name="Foreign")

    page = text_of(dashboard.get(f"{address}?application={foreign.pk}"))

    assert foreign.name not in page


@pytest.mark.usefixtures("busy_day")
def test_the_export_holds_what_the_list_shows_and_each_events_place(
    dashboard: Client, address: str, team: Team
) -> None:
    chain_now()

    response = dashboard.post(f"{address}export/?kind=licenses")

    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
    assert {row["action"] for row in rows} == {"licenses.issued", "license.suspended"}
    [suspended] = (row for row in rows if row["action"] == "license.suspended")
    assert suspended["actor"] == "developer@example.com"
    assert suspended["ip_address"] == "203.0.113.9"
    assert suspended["application"] == "Game"
    assert suspended["after"] == '{"status": "suspended"}'
    assert int(suspended["number"]) > 1
    assert len(suspended["hash"]) == 64
    assert Event.objects.filter(team_id=team.pk, action="events.exported").count() == 1


def test_no_cell_of_the_export_is_a_formula(
    dashboard: Client, address: str, application: Application, developer: User
) -> None:
    applications.rename_application(
        application=application,
        name='=HYPERLINK("http://evil.example")',
        actor=user_actor(developer),
    )
    chain_now()

    response = dashboard.post(f"{address}export/")

    cells = [cell for row in csv.reader(io.StringIO(b"".join(response).decode())) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT, Role.ADMIN])
def test_only_who_manages_the_team_reads_its_log(
    sign_in: SignIn, address: str, team: Team, role: Role
) -> None:
    member = sign_in(factories.add_member(team, role))

    assert member.get(address).status_code == 403
    assert member.post(f"{address}export/").status_code == 403


def test_a_stranger_finds_no_log(sign_in: SignIn, stranger: User, address: str) -> None:
    assert sign_in(stranger).get(address).status_code == 404
    assert sign_in(stranger).post(f"{address}export/").status_code == 404
    assert Client().get(address).status_code == 302


def test_a_longer_log_takes_no_more_statements(
    dashboard: Client, address: str, application: Application, team: Team
) -> None:
    for _ in range(3):
        licenses.suspend_license(license=factories.make_license(application), actor=SYSTEM)
    few = statements(dashboard, address)
    for _ in range(10):
        licenses.suspend_license(license=factories.make_license(application), actor=SYSTEM)

    assert statements(dashboard, address) == few


def test_a_customer_is_erased_from_a_licenses_history(
    dashboard: Client, application: Application, license: License, developer: User
) -> None:
    terms = licenses.LicenseTerms(username="")
    licenses.change_license(
        license=license, policy=license.policy, terms=terms, actor=user_actor(developer)
    )
    page = url_of(application, f"licenses/{license.pk}/")
    assert "Ada" in text_of(dashboard.get(page))
    assert "erased for good" in text_of(dashboard.get(f"{page}forget/"))

    after = messages_after(dashboard, dashboard.post(f"{page}forget/"))

    assert "tells nothing of its customer" in after
    assert "Ada" not in after
    assert "Customer erased from the history" in after


def chain_now() -> None:
    """Give events their places, as a commit would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
