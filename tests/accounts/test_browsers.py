"""The browsers that somebody signed in with: told of when new, listed, signed out; and what a stolen table is worth."""

import pytest
from django.contrib.sessions.models import Session
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Browser, User
from accounts.user_agents import browser_name
from tests.factories import PASSWORD
from tests.people import code_of, confirm_address, log_in, set_up_app

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"
NEW_PASSWORD = "staple battery horse correct"
SUBJECT = "A new browser logged in to your account"


@pytest.fixture
def known(developer: User) -> User:
    return confirm_address(developer)


@pytest.fixture
def laptop(known: User) -> Client:
    return signed_in_with(known, FIREFOX)


def signed_in_with(user: User, user_agent: str) -> Client:
    client = Client()
    assert log_in(client, user, **{"User-Agent": user_agent})["Location"] == reverse("dashboard")
    return client


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("dashboard")).status_code == 200


def test_a_new_browser_is_mailed_with_what_it_says_and_where_it_is(
    laptop: Client, known: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    signed_in_with(known, CHROME)

    [mail] = mailoutbox
    assert mail.subject == SUBJECT
    assert f"From: 127.0.0.1\nWith: {CHROME}" in mail.body
    assert reverse("account_reset_password") in mail.body


def test_the_first_browser_is_no_news(
    laptop: Client, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    assert mailoutbox == []


def test_a_browser_that_was_here_before_is_no_news_either(
    laptop: Client, known: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    laptop.post(reverse("account_logout"))
    log_in(laptop, known, **{"User-Agent": "Now with another version"})

    assert mailoutbox == []
    assert Browser.objects.count() == 1


def test_a_browser_of_two_people_is_new_to_each(
    laptop: Client, stranger: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    signed_in_with(confirm_address(stranger), CHROME)
    laptop.post(reverse("account_logout"))

    log_in(laptop, stranger)

    assert [(mail.subject, mail.to) for mail in mailoutbox] == [(SUBJECT, [stranger.email])]


def test_it_is_told_only_once_the_second_factor_was_shown(
    laptop: Client, known: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    secret = set_up_app(known)
    thief = Client()

    log_in(thief, known)
    assert mailoutbox == []
    thief.post(reverse("mfa_authenticate"), {"code": code_of(secret)})

    assert [mail.subject for mail in mailoutbox] == [SUBJECT]


def test_the_cookie_is_for_this_site_alone_and_not_for_scripts(laptop: Client) -> None:
    cookie = laptop.cookies["browser"]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == 400 * 86_400


def test_a_made_up_cookie_is_not_taken_over(known: User) -> None:
    client = Client()
    client.cookies["browser"] = "chosen by somebody else"

    log_in(client, known)

    assert len(client.cookies["browser"].value) == 43


def test_signing_in_once_more_ends_the_session_that_the_browser_had(
    laptop: Client, known: User
) -> None:
    """Whoever took its cookie is out, and no session goes on that the list does not show."""
    thief = Client()
    thief.cookies["sessionid"] = laptop.cookies["sessionid"].value
    assert is_signed_in(thief)
    del laptop.cookies["sessionid"]

    log_in(laptop, known)

    assert is_signed_in(laptop)
    assert not is_signed_in(thief)
    assert Session.objects.count() == 1


def test_the_list_shows_where_one_is_signed_in(laptop: Client, known: User) -> None:
    signed_in_with(known, SAFARI)

    html = laptop.get(reverse("account-sessions")).content.decode()

    assert "Firefox on Linux" in html
    assert "Safari on iPhone" in html
    assert html.count("This browser") == 1


def test_one_browser_is_signed_out_from_another(laptop: Client, known: User) -> None:
    phone, tablet = signed_in_with(known, SAFARI), signed_in_with(known, CHROME)
    stolen = Browser.objects.get(user_agent=SAFARI)

    page = laptop.post(reverse("account-session-end", args=[stolen.pk]), follow=True)

    assert "Safari on iPhone is signed out." in page.content.decode()
    assert [is_signed_in(client) for client in (laptop, phone, tablet)] == [True, False, True]


def test_all_others_are_signed_out_at_once(laptop: Client, known: User) -> None:
    phone, tablet = signed_in_with(known, SAFARI), signed_in_with(known, CHROME)

    laptop.post(reverse("account-sessions-end"))

    assert [is_signed_in(client) for client in (laptop, phone, tablet)] == [True, False, False]


def test_nobody_signs_out_others_people_browsers(laptop: Client, stranger: User) -> None:
    browser = Browser.objects.get()
    client = Client()
    client.force_login(stranger)

    response = client.post(reverse("account-session-end", args=[browser.pk]))

    assert response.status_code == 404
    assert is_signed_in(laptop)


def test_a_changed_password_signs_out_all_other_browsers(laptop: Client, known: User) -> None:
    phone = signed_in_with(known, SAFARI)
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    laptop.post(reverse("account_change_password"), form)

    assert [is_signed_in(client) for client in (laptop, phone)] == [True, False]
    html = laptop.get(reverse("account-sessions")).content.decode()
    assert "This browser" in html
    assert "Safari" not in html


def test_a_reset_password_signs_out_all_browsers(
    laptop: Client, known: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    client = Client()
    client.post(reverse("account_reset_password"), {"email": known.email})
    code = mailoutbox[0].subject.split()[0]
    client.post(reverse("account_confirm_password_reset_code"), {"code": code})
    client.post(
        reverse("account_complete_password_reset"),
        {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert not is_signed_in(laptop)
    assert not Session.objects.filter(
        session_key__in=Browser.objects.values("session_digest")
    ).exists()


def test_a_copy_of_the_tables_signs_nobody_in(laptop: Client) -> None:
    cookie, token = laptop.cookies["sessionid"].value, laptop.cookies["browser"].value
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(s)::text FROM django_session s"
            " UNION ALL SELECT row_to_json(b)::text FROM accounts_browser b"
        )
        dump = " ".join(row[0] for row in cursor.fetchall())

    assert cookie not in dump
    assert token not in dump
    thief = Client()
    thief.cookies["sessionid"] = Session.objects.get().session_key
    assert not is_signed_in(thief)


def test_a_code_that_waits_in_a_session_is_not_to_be_read_there(client: Client, db: None) -> None:
    client.post(reverse("account_signup"), {"email": "ada@example.com", "password1": PASSWORD})
    code = client.session["account_email_verification_code"]["code"]

    stored = Session.objects.get().session_data

    assert stored.startswith("v1.")
    assert code not in stored


def test_sessions_go_with_the_key_they_were_encrypted_with(laptop: Client, settings) -> None:
    settings.ENCRYPTION_KEYS = {"other": bytes(32)}

    assert not is_signed_in(laptop)
    assert laptop.get(reverse("account_login")).status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (SAFARI, "Safari on iPhone"),
        (CHROME + " Edg/140.0", "Edge on Windows"),
        ("curl/8.1", "curl"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_its_owner_calls_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
