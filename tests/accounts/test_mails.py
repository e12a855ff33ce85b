"""Every mail about an account, both of its bodies: text for any program, HTML for those that show it."""

import pytest
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD
from tests.people import log_in

NEW_PASSWORD = "staple battery horse correct"


@pytest.fixture
def verified(developer: User) -> User:
    developer.emailaddress_set.create(email=developer.email, verified=True, primary=True)
    return developer


def bodies(mail: EmailMultiAlternatives) -> tuple[str, str]:
    [html] = mail.alternatives
    assert html.mimetype == "text/html"
    return str(mail.body), str(html.content)


def assert_well_made(mail: EmailMultiAlternatives) -> None:
    text, html = bodies(mail)
    assert "http://testserver" in text
    assert "http://testserver" in html
    assert not {"{{", "{%", "&#x27;", "&quot;", "<"} & set(text.split())
    assert "\n" not in mail.subject
    assert "example.com" not in mail.subject


def test_the_sign_up_mail_has_the_code_in_subject_text_and_html(
    client: Client, db: None, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    client.post(reverse("account_signup"), {"email": "ada@example.com", "password1": PASSWORD})

    [mail] = mailoutbox
    code = client.session["account_email_verification_code"]["code"]
    text, html = bodies(mail)
    assert mail.subject == f"{code} is your Lockence code"
    assert f"\n{code}\n" in text
    assert f'<p class="code">{code}</p>' in html
    assert_well_made(mail)


def test_somebody_with_an_account_is_told_that_they_have_one(
    client: Client, verified: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    client.post(reverse("account_signup"), {"email": verified.email, "password1": PASSWORD})

    [mail] = mailoutbox
    assert mail.subject == "You have a Lockence account already"
    link = f"http://testserver{reverse('account_reset_password')}"
    assert all(link in body for body in bodies(mail))
    assert_well_made(mail)


def test_the_password_mail_has_the_code(
    client: Client, verified: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    client.post(reverse("account_reset_password"), {"email": verified.email})

    [mail] = mailoutbox
    code = mail.subject.split()[0]
    assert mail.subject == f"{code} is your Lockence password code"
    assert all(code in body for body in bodies(mail))
    assert_well_made(mail)


def test_a_stranger_who_asks_for_a_password_is_told_that_there_is_no_account(
    client: Client, db: None, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    client.post(reverse("account_reset_password"), {"email": "nobody@example.com"})

    [mail] = mailoutbox
    assert mail.subject == "There is no Lockence account with this address"
    link = f"http://testserver{reverse('account_signup')}"
    assert all(link in body for body in bodies(mail))
    assert_well_made(mail)


def test_a_changed_password_is_told_with_time_and_place(
    client: Client, verified: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    client.force_login(verified)
    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        headers={"User-Agent": "Browser <b>5</b> & more"},
    )

    [mail] = mailoutbox
    text, html = bodies(mail)
    assert mail.subject == "Your password was changed"
    assert "From: 127.0.0.1\nWith: Browser <b>5</b> & more" in text
    assert "Browser &lt;b&gt;5&lt;/b&gt; &amp; more" in html
    assert all(reverse("account_reset_password") in body for body in (text, html))


def test_a_password_set_for_the_first_time_is_told(
    client: Client, verified: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    verified.password = make_password(None)
    verified.save(update_fields=["password"])
    client.force_login(verified)
    client.post(
        reverse("account_set_password"), {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    )

    [mail] = mailoutbox
    assert mail.subject == "Your password was set"
    assert_well_made(mail)


def test_a_changed_address_is_told_to_the_old_one(
    client: Client, verified: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    log_in(client, verified)
    client.post(reverse("account_email"), {"email": "ada@example.com", "action_add": ""})
    code = mailoutbox[0].subject.split()[0]
    client.post(reverse("account_email_verification_sent"), {"code": code})

    mail = mailoutbox[1]
    assert mail.to == ["developer@example.com"]
    assert mail.subject == "Your email address was changed"
    assert all("to ada@example.com" in body for body in bodies(mail))
    assert_well_made(mail)
