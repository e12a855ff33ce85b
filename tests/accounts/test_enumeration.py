"""No answer tells whether somebody has an account: not its words, not its status, not the work behind it."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth import hashers
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD
from tests.people import confirm_address, log_in, sign_in

KNOWN, UNKNOWN = "developer@example.com", "nobody@example.com"


@pytest.fixture
def known(developer: User) -> User:
    return confirm_address(developer)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that was hashed, which is nearly all the work there is."""
    passwords: list[str] = []
    hasher = type(hashers.get_hasher())
    encode = hasher.encode

    def noted(self: object, password: str, *rest: object, **more: object) -> str:
        passwords.append(password)
        return str(encode(self, password, *rest, **more))

    monkeypatch.setattr(hasher, "encode", noted)
    return passwords


def answer(response: HttpResponse) -> tuple[object, ...]:
    """What a visitor sees, with the address that they typed and what differs each time left out."""
    html = response.content.decode()
    html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", html)
    html = re.sub("developer@|nobody@", "somebody@", html)
    cookies = {
        name: (cookie["max-age"], cookie["path"]) for name, cookie in response.cookies.items()
    }
    return response.status_code, html, response.headers.get("Location"), sorted(cookies.items())


def sign_up(client: Client, email: str) -> HttpResponse:
    return client.post(reverse("account_signup"), {"email": email, "password1": PASSWORD})


def reset(client: Client, email: str) -> HttpResponse:
    return client.post(reverse("account_reset_password"), {"email": email})


def log_in_wrongly(client: Client, email: str) -> HttpResponse:
    return log_in(client, email, "not the password")


@pytest.mark.parametrize("ask", [sign_up, reset, log_in_wrongly])
def test_the_answer_is_the_same(ask: Callable[[Client, str], HttpResponse], known: User) -> None:
    assert answer(ask(Client(), KNOWN)) == answer(ask(Client(), UNKNOWN))


@pytest.mark.parametrize("ask", [sign_up, reset, log_in_wrongly])
def test_the_work_is_the_same(
    ask: Callable[[Client, str], HttpResponse],
    known: User,
    hashed: list[str],
    mailoutbox: list[EmailMessage],
) -> None:
    ask(Client(), KNOWN)
    for_known = len(hashed), len(mailoutbox)
    hashed.clear()
    mailoutbox.clear()

    ask(Client(), UNKNOWN)

    assert (len(hashed), len(mailoutbox)) == for_known


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (sign_up, "account_email_verification_sent"),
        (reset, "account_confirm_password_reset_code"),
    ],
)
def test_the_page_after_it_and_a_wrong_code_tell_nothing_either(
    ask: Callable[[Client, str], HttpResponse], name: str, known: User
) -> None:
    seen = []
    for email in (KNOWN, UNKNOWN):
        client = Client()
        ask(client, email)
        pages = [client.get(reverse(name))]
        pages += [client.post(reverse(name), {"code": "WRONG-1"}) for _ in range(4)]
        seen.append([answer(page) for page in pages])

    assert seen[0] == seen[1]


def test_changing_to_an_address_that_is_taken_tells_nothing(
    known: User, stranger: User, mailoutbox: list[EmailMessage]
) -> None:
    confirm_address(stranger)
    seen = []
    for email in (KNOWN, UNKNOWN):
        client = sign_in(Client(), stranger)
        client.post(reverse("account_email"), {"email": email, "action_add": ""})
        seen.append(answer(client.get(reverse("account_email_verification_sent"))))

    assert seen[0] == seen[1]
    assert len(mailoutbox) == 2


def test_a_right_password_of_an_inactive_account_is_told_to_its_owner_only(known: User) -> None:
    User.objects.filter(pk=known.pk).update(is_active=False)

    assert answer(log_in_wrongly(Client(), KNOWN)) == answer(log_in_wrongly(Client(), UNKNOWN))
    assert log_in(Client(), KNOWN)["Location"] == reverse("account_inactive")
