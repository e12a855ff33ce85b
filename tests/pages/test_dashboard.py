"""The newcomer's whole way in a real browser, and every page of the dashboard as people see it."""

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts import teams
from accounts.access import Role
from accounts.models import Team, User
from licensing import applications, licenses
from licensing.events import SYSTEM, user_actor
from licensing.models import Application, License
from tests import factories
from tests.pages.conftest import PHONE, assert_good_page
from tests.people import sign_in

PASSWORD = "correct horse battery staple"
ANSWER_MS_MAX = 10_000


@pytest.fixture(autouse=True)
def site_url(settings: Settings, live_server: LiveServer) -> None:
    """Code samples call the server that shows them."""
    settings.SITE_URL = live_server.url


@pytest.fixture
def application(team: Team) -> Application:
    """An application with a bit of everything, as after some weeks of use."""
    application = factories.make_application(team, "Photo Studio")
    license = factories.make_license(
        application, username="Ada Lovelace", email="ada@example.com", metadata={"plan": "pro"}
    )
    factories.open_session(license, device_name="Ada's PC", platform="linux", app_version="1.2")
    actor = user_actor(team.memberships.get().user, "203.0.113.9")
    licenses.suspend_license(license=factories.make_license(application), actor=actor)
    factories.make_policy(application, name="Trial", duration_seconds=14 * 86_400)
    applications.rotate_api_key(
        application=application, overlap=dt.timedelta(days=7), actor=actor, now=timezone.now()
    )
    return application


@pytest.fixture
def signed_in(page: Page, developer: User, client: Client, live_server: LiveServer) -> Page:
    sign_in(client, developer)
    [session] = [cookie for name, cookie in client.cookies.items() if name == "sessionid"]
    page.context.add_cookies(
        [{"name": "sessionid", "value": session.value, "url": live_server.url}]
    )
    return page


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.locator("main").get_by_role("link", name=name, exact=True).click()


def sign_up(page: Page, mailoutbox: list[EmailMessage]) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("Email", exact=True).fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Sign up")
    page.wait_for_url("**/confirm-email/**")
    found = re.search(r"^[0-9A-Z]{3,}-?[0-9A-Z]{3,}$", str(mailoutbox[0].body), re.MULTILINE)
    assert found
    page.get_by_label("Code", exact=True).fill(found.group())
    press(page, "Confirm")


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def run(program: str) -> str:
    """Run what a page shows as Python code, as a newcomer would."""
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    return finished.stdout


def test_a_newcomer_connects_a_program(page: Page, mailoutbox: list[EmailMessage]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_up(page, mailoutbox)
    assert_good_page(page)

    follow(page, "Create your first application")
    page.get_by_label("Name").fill("Photo Studio")
    press(page, "Create application")

    expect(page.get_by_role("heading", name="Photo Studio")).to_be_visible()
    assert_good_page(page)
    press(page, "Copy API key")
    api_key = copied(page)
    assert api_key == factories.api_key_of(Application.objects.get())

    press(page, "Generate a license key")
    press(page, "Copy license key")
    license_key = copied(page)
    assert license_key == License.objects.get().reveal()
    assert_good_page(page)
    for language in ("C++", "C#", "JavaScript", "curl", "Python"):
        page.get_by_role("tab", name=language, exact=True).click()
        code = page.locator("figure.code:visible code").inner_text()
        assert api_key in code
        assert license_key in code
    press(page, "Copy Python")
    expect(page.get_by_text("Waiting for your program")).to_be_visible()

    assert "Session token:" in run(copied(page))

    connected = page.get_by_text("Your program is connected")
    expect(connected).to_be_visible(timeout=ANSWER_MS_MAX)
    assert_good_page(page)
    follow(page, "Continue to Photo Studio")
    expect(page.get_by_text("What happened last")).to_be_visible()


@pytest.fixture
def plain_page(browser: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[Page]:
    """A browser that runs no scripts."""
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_the_way_is_the_same_without_javascript(
    plain_page: Page, mailoutbox: list[EmailMessage]
) -> None:
    sign_up(plain_page, mailoutbox)
    follow(plain_page, "Create your first application")
    plain_page.get_by_label("Name").fill("Photo Studio")
    press(plain_page, "Create application")
    press(plain_page, "Generate a license key")

    run(plain_page.locator("#connect-python-text").inner_text())
    follow(plain_page, "Check again")

    expect(plain_page.get_by_text("Your program is connected")).to_be_visible()


PAGES = (
    "",
    "licenses/",
    "licenses/?q=zzz",
    "licenses/new/",
    "policies/",
    "policies/new/",
    "devices/",
    "sessions/?state=open",
    "events/",
    "settings/",
    "settings/disable/",
    "settings/api-keys/rotate/",
)


def test_every_page_of_an_application_is_a_good_page(
    signed_in: Page, application: Application
) -> None:
    signed_in.goto("/dashboard/")
    assert_good_page(signed_in)
    for path in PAGES:
        signed_in.goto(f"{application.get_absolute_url()}{path}")
        assert_good_page(signed_in)


def test_every_page_of_a_license_is_a_good_page(signed_in: Page, application: Application) -> None:
    license = application.licenses.get(username="Ada Lovelace")
    for path in ("", "edit/", "extend/", "revoke/"):
        signed_in.goto(f"{license.get_absolute_url()}{path}")
        assert_good_page(signed_in)
    policy = application.default_policy()
    for path in ("", "edit/"):
        signed_in.goto(f"{policy.get_absolute_url()}{path}")
        assert_good_page(signed_in)
    signed_in.goto(license.batch.get_absolute_url())
    assert_good_page(signed_in)


def test_keys_are_generated_copied_and_downloaded(
    signed_in: Page, application: Application
) -> None:
    signed_in.context.grant_permissions(["clipboard-read", "clipboard-write"])
    signed_in.goto(f"{application.get_absolute_url()}licenses/")
    follow(signed_in, "Generate keys")
    signed_in.get_by_label("How many").fill("30")
    press(signed_in, "Generate")

    press(signed_in, "Copy 30 keys")
    keys = copied(signed_in).splitlines()
    assert len(keys) == 30
    with signed_in.expect_download() as download:
        follow(signed_in, "Text")
    assert download.value.path().read_text().splitlines() == keys


def test_a_key_is_revealed_and_a_license_revoked(signed_in: Page, application: Application) -> None:
    license = application.licenses.get(username="Ada Lovelace")
    signed_in.goto(license.get_absolute_url())
    press(signed_in, "Reveal")
    expect(signed_in.get_by_text(license.reveal())).to_be_visible()
    assert_good_page(signed_in)

    follow(signed_in, "Revoke")
    press(signed_in, "Revoke license")

    expect(signed_in.get_by_text("its sessions have ended")).to_be_visible()
    expect(signed_in.get_by_role("link", name="Suspend")).to_have_count(0)


def test_a_license_has_its_own_end(signed_in: Page, application: Application) -> None:
    license = application.licenses.get(username="Ada Lovelace")
    signed_in.goto(f"{license.get_absolute_url()}extend/")
    expect(signed_in.get_by_label("Last day")).to_be_hidden()

    signed_in.get_by_label("On a day of your choice").check()
    signed_in.get_by_label("Last day").fill("2090-01-31")
    press(signed_in, "Set the end")

    expect(signed_in.get_by_text("31 Jan 2090, 23:59", exact=True)).to_be_visible()


def test_a_duration_needs_no_number_when_it_is_for_ever(
    signed_in: Page, application: Application
) -> None:
    signed_in.goto(f"{application.get_absolute_url()}policies/new/")
    valid_for = signed_in.get_by_role("group", name="A license is valid for")
    expect(valid_for.get_by_label("Number")).to_be_hidden()

    valid_for.get_by_label("Unit").select_option("days")
    valid_for.get_by_label("Number").fill("14")
    signed_in.get_by_label("Name", exact=True).fill("Two weeks")
    press(signed_in, "Create policy")

    row = signed_in.get_by_role("row", name="Two weeks")
    expect(row).to_contain_text("14 days")


def test_the_current_section_is_in_sight_on_a_phone(
    signed_in: Page, application: Application
) -> None:
    signed_in.set_viewport_size({"width": 360, "height": 800})

    signed_in.goto(f"{application.get_absolute_url()}settings/")

    sections = signed_in.get_by_role("navigation", name=application.name)
    expect(sections.get_by_role("link", name="Settings")).to_be_in_viewport()


def test_a_menu_of_a_list_is_in_sight_on_a_phone(signed_in: Page, application: Application) -> None:
    signed_in.set_viewport_size(PHONE)
    signed_in.goto(f"{application.get_absolute_url()}licenses/")

    signed_in.get_by_text("Export").click()

    expect(signed_in.get_by_text("As CSV", exact=True)).to_be_in_viewport(ratio=1)


def test_every_page_of_a_team_is_a_good_page(
    signed_in: Page, developer: User, team: Team, teammate: User
) -> None:
    invitation = teams.invite_member(
        team=team,
        email="ada@example.com",
        role=Role.SUPPORT,
        actor=user_actor(developer),
        now=timezone.now(),
    )
    member = team.memberships.get(user=teammate)
    for path in (
        "teams/",
        f"teams/{team.pk}/",
        f"teams/{team.pk}/invite/",
        f"teams/{team.pk}/members/{member.pk}/role/",
        f"teams/{team.pk}/members/{member.pk}/remove/",
        f"teams/{team.pk}/invitations/{invitation.pk}/withdraw/",
    ):
        signed_in.goto(f"/dashboard/{path}")
        assert_good_page(signed_in)


def test_an_invitation_is_answered(signed_in: Page, developer: User) -> None:
    other = factories.make_team(name="Acme")
    teams.invite_member(
        team=other, email=developer.email, role=Role.SUPPORT, actor=SYSTEM, now=timezone.now()
    )
    signed_in.goto("/dashboard/")
    assert_good_page(signed_in)
    follow(signed_in, "Answer")
    assert_good_page(signed_in)

    press(signed_in, "Join the team")

    expect(signed_in.get_by_text("Welcome to Acme")).to_be_visible()
