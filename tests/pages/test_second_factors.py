"""Second factors as a person sets them up and uses them: passkeys on Chromium's virtual authenticator, an app, codes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.mail import EmailMessage
from playwright.sync_api import CDPSession, Page, expect

from accounts.models import User
from tests.factories import PASSWORD
from tests.pages.conftest import assert_good_page
from tests.people import code_of, confirm_address, recovery_codes_of, set_up_app
from tests.staff import make_superuser


@pytest.fixture
def known(developer: User) -> User:
    return confirm_address(developer)


@pytest.fixture
def authenticator(page: Page) -> Iterator[CDPSession]:
    """A security key in the browser's one slot, which says yes to everything."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield session
    session.detach()


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).click()


def log_in(page: Page, user: User) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email", exact=True).fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Log in")


def log_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    press(page, "Log out")


def add_passkey(page: Page, *, passwordless: bool) -> None:
    page.goto("/accounts/2fa/webauthn/add/")
    assert_good_page(page)
    page.get_by_label("Name").fill("My laptop")
    if passwordless:
        page.get_by_label("Passwordless").check()
    press(page, "Add passkey")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_passkey_is_added_and_logs_in_without_a_password(
    page: Page, known: User, authenticator: CDPSession, mailoutbox: list[EmailMessage]
) -> None:
    log_in(page, known)
    page.goto("/accounts/2fa/")
    assert_good_page(page)
    add_passkey(page, passwordless=True)
    assert_good_page(page)
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_text("My laptop").first).to_be_visible()
    assert_good_page(page)
    log_out(page)

    page.goto("/accounts/login/")
    press(page, "Use a passkey")

    expect(page).to_have_url(re.compile(r"/dashboard/$"))
    assert "A passkey was added" in [mail.subject for mail in mailoutbox]


def test_a_security_key_is_the_step_after_the_password(
    page: Page, known: User, authenticator: CDPSession
) -> None:
    log_in(page, known)
    add_passkey(page, passwordless=False)
    log_out(page)

    log_in(page, known)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert_good_page(page)
    press(page, "Use a passkey")

    expect(page).to_have_url(re.compile(r"/dashboard/$"))


def test_a_key_that_was_never_added_logs_nobody_in(
    page: Page, known: User, authenticator: CDPSession
) -> None:
    log_in(page, known)
    add_passkey(page, passwordless=True)
    known.authenticator_set.all().delete()
    log_out(page)

    page.goto("/accounts/login/")
    press(page, "Use a passkey")

    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    page.goto("/dashboard/")
    expect(page).to_have_url(re.compile(r"/accounts/login/"))


def test_an_app_is_set_up_used_and_removed(page: Page, known: User) -> None:
    log_in(page, known)
    page.goto("/accounts/2fa/totp/activate/")
    page.get_by_text("It cannot be scanned").click()
    assert_good_page(page)
    secret = page.locator("details code").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    press(page, "Set up")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    assert_good_page(page)
    log_out(page)

    log_in(page, known)
    page.get_by_label("Code").fill(code_of(secret))
    press(page, "Log in")
    expect(page).to_have_url(re.compile(r"/dashboard/$"))

    page.goto("/accounts/2fa/totp/deactivate/")
    assert_good_page(page)
    press(page, "Remove")
    expect(page.get_by_text("Authenticator app deactivated.")).to_be_visible()
    assert not known.authenticator_set.exists()


def test_a_recovery_code_stands_in_and_new_ones_are_made(page: Page, known: User) -> None:
    set_up_app(known)
    log_in(page, known)
    page.get_by_label("Code").fill(recovery_codes_of(known)[0])
    press(page, "Log in")
    expect(page).to_have_url(re.compile(r"/dashboard/$"))

    page.goto("/accounts/2fa/recovery-codes/generate/")
    assert_good_page(page)
    expect(page.get_by_text("The 9 that you have now stop working.")).to_be_visible()
    press(page, "Make new ones")

    expect(page.locator("#recovery-codes")).to_contain_text(recovery_codes_of(known)[0])
    assert len(recovery_codes_of(known)) == 10


def test_staff_set_up_a_passkey_and_come_in_with_it(
    page: Page, authenticator: CDPSession, db: None
) -> None:
    root = confirm_address(make_superuser())
    log_in(page, root)
    page.goto("/admin/")
    expect(page.get_by_text("The staff pages need a second factor")).to_be_visible()
    assert_good_page(page)
    add_passkey(page, passwordless=True)

    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    assert_good_page(page)
    press(page, "Use a passkey")

    expect(page).to_have_url(re.compile(r"/admin/$"))


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/accounts/sessions/", "Signed-in browsers"),
        ("/accounts/data/", "Your data"),
        ("/accounts/delete/", "Delete account"),
        ("/accounts/reauthenticate/", "Is it still you?"),
    ],
)
def test_the_pages_of_ones_own_account_are_good_pages(
    path: str, heading: str, page: Page, known: User
) -> None:
    log_in(page, known)
    page.goto(path)

    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    assert_good_page(page)
