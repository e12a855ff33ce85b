"""The overview of all applications, and the first steps with one."""

import datetime as dt
import re

from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.access import Role
from accounts.models import User
from licensing import applications
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories, people
from tests.licensing.views.conftest import (
    SignIn,
    hidden,
    messages_after,
    statements,
    text_of,
    url_of,
)

NEW = "/dashboard/applications/new/"


def test_a_newcomer_is_led_from_the_first_page_to_a_filled_in_license_key(
    dashboard: Client, developer: User
) -> None:
    assert "Create your first application" in text_of(dashboard.get("/dashboard/"))

    id = hidden(dashboard.get(NEW), "id")
    created = dashboard.post(NEW, {"name": "Game", "id": id})
    application = Application.objects.get()
    assert created["Location"] == application.get_absolute_url()
    assert application.team.memberships.get().user == developer

    steps = dashboard.get(created["Location"])
    assert factories.api_key_of(application) in text_of(steps)
    batch_id = hidden(steps, "batch_id")
    generated = dashboard.post(url_of(application, "first-license/"), {"batch_id": batch_id})

    page = messages_after(dashboard, generated)
    assert License.objects.get().reveal() in page
    assert "Waiting for your program" in page


def test_the_page_notices_the_first_call_of_a_program(
    dashboard: Client, application: Application, license: License
) -> None:
    connection = url_of(application, "connection/")
    waiting = text_of(dashboard.get(connection))
    assert 'hx-trigger="every 2s"' in waiting

    factories.open_session(license, device_name="Ada's PC")

    connected = text_of(dashboard.get(connection))
    assert "Your program is connected" in connected
    assert license.get_absolute_url() in connected
    assert "hx-trigger" not in connected


def test_without_javascript_a_link_checks_again(
    dashboard: Client, application: Application, license: License
) -> None:
    page = text_of(dashboard.get(url_of(application)))
    assert f'<a href="{url_of(application)}">Check again</a>' in page

    factories.open_session(license)

    assert "Your program is connected" in text_of(dashboard.get(url_of(application)))


def test_that_a_program_is_connected_is_news_for_an_hour(
    dashboard: Client, application: Application, license: License
) -> None:
    factories.open_session(license)
    Application.objects.update(first_init_at=timezone.now() - dt.timedelta(hours=1))

    assert "Your program is connected" not in text_of(dashboard.get(url_of(application)))


def test_a_form_sent_twice_creates_one_application(dashboard: Client) -> None:
    form = {"name": "Game", "id": hidden(dashboard.get(NEW), "id")}

    first, second = dashboard.post(NEW, form), dashboard.post(NEW, form)

    assert first["Location"] == second["Location"]
    assert Application.objects.count() == 1


def test_a_button_pressed_twice_generates_one_first_license(
    dashboard: Client, application: Application
) -> None:
    form = {"batch_id": hidden(dashboard.get(url_of(application)), "batch_id")}

    for _ in range(2):
        dashboard.post(url_of(application, "first-license/"), form)

    assert License.objects.count() == 1


def test_another_teams_application_is_not_reached_by_its_id(
    dashboard: Client, stranger: User
) -> None:
    foreign = factories.make_application(factories.make_team(stranger))

    response = dashboard.post(NEW, {"name": "Mine", "id": str(foreign.pk)})

    assert "Id is taken." in text_of(response)
    assert Application.objects.get().name == "Application"


def test_an_application_needs_a_name(dashboard: Client) -> None:
    for name in ("", "   ", "x" * 101, "nul\0"):
        response = dashboard.post(NEW, {"name": name, "id": hidden(dashboard.get(NEW), "id")})
        assert response.context["form"].errors["name"]

    assert not Application.objects.exists()


def test_somebody_in_two_teams_chooses_where_an_application_belongs(
    dashboard: Client, developer: User, application: Application
) -> None:
    second = factories.make_team(name="Second")
    factories.add_member(second, Role.ADMIN, developer)
    form = {"name": "Tool", "id": hidden(dashboard.get(NEW), "id"), "team": str(second.pk)}

    dashboard.post(NEW, form)

    assert Application.objects.get(name="Tool").team == second


def test_a_team_where_one_may_only_look_cannot_be_chosen(
    dashboard: Client, developer: User, application: Application
) -> None:
    second = factories.make_team(name="Second")
    factories.add_member(second, Role.VIEWER, developer)
    form = {"name": "Tool", "id": hidden(dashboard.get(NEW), "id"), "team": str(second.pk)}

    response = dashboard.post(NEW, form)

    assert response.context["form"].errors["team"]


def test_the_overview_shows_numbers_and_what_happened(
    dashboard: Client, application: Application, license: License
) -> None:
    factories.open_session(license)
    factories.make_license(application, expires_at=timezone.now() + dt.timedelta(days=1))
    License.objects.exclude(pk=license.pk).update(expires_at=timezone.now())

    numbers = dashboard.get(url_of(application)).context["numbers"]

    assert (str(numbers.active), str(numbers.expired), str(numbers.licenses)) == ("1", "1", "2")
    assert (str(numbers.devices), str(numbers.sessions)) == ("1", "1")


def test_a_teammate_who_may_only_look_sees_neither_keys_nor_buttons(
    teammate: User, sign_in: SignIn, application: Application, license: License
) -> None:
    for path in ("", "licenses/", f"licenses/{license.pk}/", "policies/", "devices/"):
        page = text_of(sign_in(teammate).get(url_of(application, path)))
        assert factories.api_key_of(application) not in page
        assert license.reveal() not in page
        main = page[page.index("<main") :]
        assert "Settings" not in page
        assert not re.search(r"Generate keys|Revoke<|Reveal|New policy|<form method=\"post\"", main)


def test_support_sees_no_api_key(
    supporter: User, sign_in: SignIn, application: Application, license: License
) -> None:
    page = text_of(sign_in(supporter).get(url_of(application)))

    assert factories.api_key_of(application) not in page
    assert "Generate keys" in page


def test_a_key_that_the_server_cannot_open_breaks_no_page(
    dashboard: Client, application: Application, license: License, settings: LazySettings
) -> None:
    settings.ENCRYPTION_KEYS = {"other": bytes(32)}
    people.sign_in(dashboard, application.team.members.get())  # sign-ins cannot be opened either
    batch = license.batch.get_absolute_url()

    for path in ("", "settings/"):
        assert "not readable" in text_of(dashboard.get(url_of(application, path)))
    assert "not readable" in text_of(dashboard.get(batch))
    assert "not readable" in text_of(dashboard.post(f"{license.get_absolute_url()}reveal/"))
    assert b"not readable" in b"".join(dashboard.get(f"{batch}keys.txt").streaming_content)


def test_a_disabled_application_says_so(dashboard: Client, application: Application) -> None:
    applications.disable_application(application=application, actor=SYSTEM)

    assert "Disabled" in text_of(dashboard.get("/dashboard/"))


def test_one_sees_only_the_applications_of_ones_teams(
    stranger: User, sign_in: SignIn, application: Application
) -> None:
    assert application.name not in text_of(sign_in(stranger).get("/dashboard/"))


def test_pages_are_kept_by_no_proxy_and_no_shared_computer(
    dashboard: Client, application: Application
) -> None:
    for path in ("/dashboard/", url_of(application)):
        assert dashboard.get(path)["Cache-Control"] == "private, no-store"


def test_more_applications_take_no_more_statements(
    dashboard: Client, application: Application
) -> None:
    before = statements(dashboard, "/dashboard/")
    for number in range(30):
        factories.make_application(application.team, f"Game {number}")

    assert statements(dashboard, "/dashboard/") == before
    assert "Next" in text_of(dashboard.get("/dashboard/"))


def test_the_overview_takes_as_many_statements_for_many_rows(
    dashboard: Client, application: Application, license: License
) -> None:
    factories.open_session(license)
    before = statements(dashboard, url_of(application))

    for number, other in enumerate(factories.make_licenses(application, 20)):
        factories.open_session(other, f"device-{number}")

    assert statements(dashboard, url_of(application)) == before
