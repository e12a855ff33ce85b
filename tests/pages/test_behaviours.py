"""What the small scripts add to pages that work without them."""

import re
from collections.abc import Callable

import pytest
from django.core.mail import EmailMessage
from playwright.sync_api import Page, expect

from accounts.models import User
from licensing.models import Application
from tests import factories
from tests.pages.conftest import assert_good_page


@pytest.fixture
def application(developer: User) -> Application:
    return factories.make_application(factories.make_team(developer))


def test_a_form_pressed_twice_is_sent_once(page: Page, mailoutbox: list[EmailMessage]) -> None:
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.goto("/accounts/signup/")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(factories.PASSWORD)

    page.get_by_role("button", name="Sign up").dblclick()

    expect(page.get_by_role("heading", name="Confirm your email address")).to_be_visible()
    assert len(sent) == len(mailoutbox) == 1


def test_the_menu_closes_on_escape_and_on_a_press_elsewhere(
    page: Page, sign_in: Callable[[User], None], developer: User
) -> None:
    sign_in(developer)
    page.goto("/dashboard/")
    log_out = page.get_by_role("button", name="Log out")
    page.get_by_label("Account menu").click()
    expect(log_out).to_be_visible()
    page.keyboard.press("Escape")
    expect(log_out).to_be_hidden()
    expect(page.get_by_label("Account menu")).to_be_focused()

    page.get_by_label("Account menu").press("Enter")
    expect(log_out).to_be_visible()
    page.get_by_role("heading", level=1).click()

    expect(log_out).to_be_hidden()


def test_times_are_shown_where_the_reader_is(
    page: Page, sign_in: Callable[[User], None], developer: User, application: Application
) -> None:
    sign_in(developer)
    page.goto(f"{application.get_absolute_url()}settings/")

    made = page.locator("time").first

    expect(made).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$"))
    expect(made).not_to_contain_text("UTC")


def test_the_keyboard_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_a_device_with_one_long_word_for_a_name_breaks_no_message(
    page: Page, sign_in: Callable[[User], None], developer: User, application: Application
) -> None:
    sign_in(developer)
    license = factories.make_license(application)
    factories.open_session(license, device_name="W" * 100)
    device = license.devices.get()
    page.goto(f"{application.get_absolute_url()}devices/{device.pk}/block/")

    page.get_by_role("button", name="Block device").click()

    expect(page.get_by_text("is blocked")).to_be_visible()
    assert_good_page(page)
