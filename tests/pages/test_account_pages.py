"""From a stranger to a signed-in developer and back, as a person does it."""

import re

import pytest
from django.core.mail import EmailMessage
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.pages.conftest import assert_good_page

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "staple battery horse correct"


def fill_in(page: Page, **values: str) -> None:
    for label, value in values.items():
        page.get_by_label(label, exact=True).fill(value)


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).click()


def code_in(mail: EmailMessage) -> str:
    found = re.search(r"^[0-9A-Z]{3,}-?[0-9A-Z]{3,}$", str(mail.body), re.MULTILINE)
    assert found, mail.body
    return found.group()


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    fill_in(page, Email="developer@example.com", Password=password)
    press(page, "Log in")


@pytest.fixture
def verified(developer: User) -> User:
    developer.emailaddress_set.create(email=developer.email, verified=True, primary=True)
    return developer


def test_signing_up_takes_an_address_a_password_and_a_code(
    page: Page, mailoutbox: list[EmailMessage]
) -> None:
    page.goto("/accounts/signup/")
    assert_good_page(page)
    fill_in(page, Email="ada@example.com", Password=PASSWORD)
    press(page, "Sign up")
    expect(page.get_by_role("heading", name="Confirm your email address")).to_be_visible()
    assert_good_page(page)

    fill_in(page, Code=code_in(mailoutbox[0]))
    press(page, "Confirm")

    expect(page).to_have_url(re.compile(r"/dashboard/$"))
    assert User.objects.get().email == "ada@example.com"


def test_a_wrong_code_is_refused_and_a_new_one_can_be_sent(
    page: Page, mailoutbox: list[EmailMessage]
) -> None:
    page.goto("/accounts/signup/")
    fill_in(page, Email="ada@example.com", Password=PASSWORD)
    press(page, "Sign up")
    fill_in(page, Code="WRONG-CODE")
    press(page, "Confirm")
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    assert_good_page(page)

    press(page, "send a new code")
    fill_in(page, Code=code_in(mailoutbox[-1]))
    press(page, "Confirm")

    expect(page).to_have_url(re.compile(r"/dashboard/$"))


def test_a_mistyped_address_is_corrected_by_starting_again(
    page: Page, mailoutbox: list[EmailMessage]
) -> None:
    page.goto("/accounts/signup/")
    fill_in(page, Email="adda@example.com", Password=PASSWORD)
    press(page, "Sign up")
    press(page, "Start again")

    fill_in(page, Email="ada@example.com", Password=PASSWORD)
    press(page, "Sign up")

    expect(page.locator("h1 + p")).to_contain_text("We sent a code to ada@example.com.")
    assert mailoutbox[-1].to == ["ada@example.com"]


def test_a_weak_password_is_told_so_next_to_the_field(page: Page) -> None:
    page.goto("/accounts/signup/")
    fill_in(page, Email="ada@example.com", Password="password")
    press(page, "Sign up")

    password = page.get_by_label("Password", exact=True)
    expect(password).to_have_accessible_description(re.compile("This password is too short"))
    assert_good_page(page)


def test_logging_in_and_out(page: Page, verified: User) -> None:
    page.goto("/accounts/login/")
    assert_good_page(page)
    log_in(page)
    expect(page).to_have_url(re.compile(r"/dashboard/$"))

    page.goto("/accounts/logout/")
    assert_good_page(page)
    press(page, "Log out")

    page.goto("/accounts/email/")
    expect(page).to_have_url(re.compile(r"/accounts/login/"))


def test_logging_out_from_the_menu(page: Page, verified: User) -> None:
    log_in(page)
    page.goto("/accounts/email/")
    page.get_by_label("Account menu").click()
    assert_good_page(page)

    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_a_wrong_password_opens_nothing(page: Page, verified: User) -> None:
    log_in(page, "not the password at all")

    expect(page.get_by_text("The email address and/or password you specified")).to_be_visible()
    assert_good_page(page)


def test_a_forgotten_password_is_replaced_with_a_code(
    page: Page, verified: User, mailoutbox: list[EmailMessage]
) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    assert_good_page(page)
    fill_in(page, Email="developer@example.com")
    press(page, "Send the code")
    assert_good_page(page)
    fill_in(page, Code=code_in(mailoutbox[0]))
    press(page, "Confirm")
    assert_good_page(page)
    fill_in(page, **{"New Password": NEW_PASSWORD, "New Password (again)": NEW_PASSWORD})
    press(page, "Change password")
    expect(page.get_by_role("heading", name="Your password is changed")).to_be_visible()
    assert_good_page(page)

    log_in(page, NEW_PASSWORD)

    expect(page).to_have_url(re.compile(r"/dashboard/$"))


def test_changing_the_password(page: Page, verified: User) -> None:
    log_in(page)
    page.goto("/accounts/password/change/")
    assert_good_page(page)
    fill_in(page, **{"Current Password": PASSWORD, "New Password": NEW_PASSWORD})
    fill_in(page, **{"New Password (again)": NEW_PASSWORD})
    press(page, "Change password")

    expect(page.get_by_text("Password successfully changed.")).to_be_visible()
    verified.refresh_from_db()
    assert verified.check_password(NEW_PASSWORD)


def test_a_new_address_counts_once_its_code_is_entered(
    page: Page, verified: User, mailoutbox: list[EmailMessage]
) -> None:
    log_in(page)
    page.goto("/accounts/email/")
    assert_good_page(page)
    fill_in(page, Email="ada@example.com")
    press(page, "Change address")
    expect(page.locator("h1 + p")).to_contain_text("We sent a code to ada@example.com.")
    fill_in(page, Code=code_in(mailoutbox[-1]))
    press(page, "Confirm")

    expect(page.get_by_text("You have confirmed ada@example.com.")).to_be_visible()
    verified.refresh_from_db()
    assert verified.email == "ada@example.com"


def test_an_inactive_account_is_told_so(page: Page) -> None:
    page.goto("/accounts/inactive/")

    expect(page.get_by_role("heading", name="This account is inactive")).to_be_visible()
    assert_good_page(page)
