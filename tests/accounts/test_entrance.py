"""The limits of log-in, sign-up and reset: exact, and no way to shut anybody out."""

import threading

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import LimitWindow, User
from tests.factories import PASSWORD
from tests.people import code_of, confirm_address, log_in, set_up_app, sign_in

GUESS = "not the password"


@pytest.fixture
def known(developer: User) -> User:
    return confirm_address(developer)


def guess(email: str, address: str, client: Client | None = None) -> HttpResponse:
    form = {"login": email, "password": GUESS}
    return (client or Client()).post(reverse("account_login"), form, REMOTE_ADDR=address)


def statuses(*responses: HttpResponse) -> list[int]:
    return [response.status_code for response in responses]


def test_a_network_has_thirty_tries_a_minute_whatever_account_it_tries(db: None) -> None:
    answers = [guess(f"user{number}@example.com", "192.0.2.1") for number in range(31)]

    assert statuses(*answers) == [200] * 30 + [429]
    assert guess("user@example.com", "192.0.2.2").status_code == 200


def test_an_ipv6_network_is_its_64(db: None) -> None:
    for number in range(30):
        guess(f"user{number}@example.com", f"2001:db8::{number:x}")

    assert guess("user@example.com", "2001:db8::ffff").status_code == 429


def test_the_refusal_says_when_to_try_again(db: None) -> None:
    for number in range(30):
        guess(f"user{number}@example.com", "192.0.2.1")

    response = guess("user@example.com", "192.0.2.1")

    assert 1 <= int(response["Retry-After"]) <= 60
    assert response["RateLimit-Policy"] == '"log-in";q=30;w=60'
    assert response["RateLimit"] == f'"log-in";r=0;t={response["Retry-After"]}'
    assert "Too many tries" in response.content.decode()


def test_an_account_has_ten_tries_from_all_networks_together(known: User) -> None:
    answers = [guess(known.email, f"192.0.2.{number}") for number in range(11)]

    assert statuses(*answers) == [200] * 10 + [429]


def test_that_an_account_exists_does_not_show_in_its_limit(db: None) -> None:
    answers = [guess("nobody@example.com", f"192.0.2.{number}") for number in range(11)]

    assert statuses(*answers) == [200] * 10 + [429]


def test_an_owner_is_not_shut_out_of_their_own_browser_by_others(known: User) -> None:
    own = Client()
    log_in(own, known)
    own.post(reverse("account_logout"))
    for number in range(11):
        guess(known.email, f"192.0.2.{number}")

    assert log_in(own, known)["Location"] == reverse("dashboard")


def test_a_known_browser_is_a_way_into_no_other_account(known: User, stranger: User) -> None:
    thief = Client()
    log_in(thief, confirm_address(stranger))
    thief.post(reverse("account_logout"))
    for number in range(10):
        guess(known.email, f"192.0.2.{number}")

    assert guess(known.email, "192.0.2.99", thief).status_code == 429


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password"])
def test_nobodys_mailbox_is_flooded(name: str, known: User, mailoutbox: list[object]) -> None:
    form = {"email": known.email, "password1": PASSWORD}

    for number in range(8):
        Client().post(reverse(name), form, REMOTE_ADDR=f"192.0.2.{number}")

    assert len(mailoutbox) == 5


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password"])
def test_a_network_signs_up_and_resets_twenty_times_in_ten_minutes(name: str, db: None) -> None:
    answers = [
        Client().post(reverse(name), {"email": f"user{number}@example.com", "password1": PASSWORD})
        for number in range(21)
    ]

    assert statuses(*answers) == [302] * 20 + [429]


def test_a_second_factor_has_five_tries(known: User) -> None:
    secret = set_up_app(known)
    client = Client()
    log_in(client, known)

    answers = [client.post(reverse("mfa_authenticate"), {"code": "000000"}) for _ in range(5)]
    last = client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})

    assert statuses(*answers, last) == [200] * 5 + [429]
    assert "_auth_user_id" not in client.session


def test_a_password_is_asked_again_ten_times(known: User) -> None:
    client = sign_in(Client(), known)
    form = {"password": GUESS}

    answers = [client.post(reverse("account_reauthenticate"), form) for _ in range(11)]

    assert statuses(*answers) == [200] * 10 + [429]


def test_looking_at_a_form_counts_nothing(client: Client, db: None) -> None:
    client.get(reverse("account_login"))

    assert not LimitWindow.objects.exists()


def test_the_counts_hold_no_address(known: User) -> None:
    guess(known.email, "192.0.2.1")

    assert not LimitWindow.objects.filter(subject__contains="developer").exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_forty_guesses_at_once_ten_are_answered() -> None:
    together, seen = threading.Barrier(40), []

    def ask(number: int) -> None:
        connection.ensure_connection()
        together.wait()
        seen.append(guess("nobody@example.com", f"192.0.2.{number}").status_code)
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == [200] * 10 + [429] * 30
