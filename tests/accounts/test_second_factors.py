"""Authenticator apps and recovery codes, over HTTP; passkeys need a browser (tests/pages/test_second_factors.py)."""

import importlib

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import ciphers
from accounts.models import User
from tests.people import (
    code_of,
    confirm_address,
    log_in,
    recovery_codes_of,
    set_up_app,
    show_again,
    sign_in,
)

AUTHENTICATE = "mfa_authenticate"


@pytest.fixture
def known(developer: User) -> User:
    return confirm_address(developer)


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("dashboard")).status_code == 200


def test_a_password_alone_no_longer_signs_in(client: Client, known: User) -> None:
    set_up_app(known)

    response = log_in(client, known)

    assert response["Location"] == reverse(AUTHENTICATE)
    assert not is_signed_in(client)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_signs_in_and_may_be_half_a_minute_off(
    steps: int, client: Client, known: User
) -> None:
    secret = set_up_app(known)
    log_in(client, known)

    client.post(reverse(AUTHENTICATE), {"code": code_of(secret, steps=steps)})

    assert is_signed_in(client)


def test_a_code_works_once(client: Client, known: User) -> None:
    code = code_of(set_up_app(known))
    log_in(client, known)
    client.post(reverse(AUTHENTICATE), {"code": code})
    thief = Client()
    log_in(thief, known)

    response = thief.post(reverse(AUTHENTICATE), {"code": code})

    assert "Incorrect code." in response.content.decode()
    assert not is_signed_in(thief)


def test_a_secret_that_was_moved_to_another_user_signs_nobody_in(
    client: Client, known: User, stranger: User
) -> None:
    secret = set_up_app(stranger)
    set_up_app(known)
    moved = Authenticator.objects.get(user=stranger, type="totp").data
    Authenticator.objects.filter(user=known, type="totp").update(data=moved)
    log_in(client, known)

    with pytest.raises(ciphers.UndecipherableError):
        client.post(reverse(AUTHENTICATE), {"code": code_of(secret)})

    assert not is_signed_in(client)


def test_a_secret_that_was_bound_to_its_column_alone_is_bound_to_its_user(
    client: Client, known: User
) -> None:
    secret = set_up_app(known)
    migration = importlib.import_module(
        "accounts.migrations.0010_second_factors_bound_to_their_user"
    )
    migration.unbind(apps, None)
    log_in(client, known)

    migration.bind(apps, None)

    client.post(reverse(AUTHENTICATE), {"code": code_of(secret)})
    assert is_signed_in(client)


@pytest.mark.parametrize("steps", [-3, 3])
def test_an_old_code_is_wrong(steps: int, client: Client, known: User) -> None:
    secret = set_up_app(known)
    log_in(client, known)

    client.post(reverse(AUTHENTICATE), {"code": code_of(secret, steps=steps)})

    assert not is_signed_in(client)


def test_a_recovery_code_signs_in_once(client: Client, known: User) -> None:
    set_up_app(known)
    code = recovery_codes_of(known)[0]
    log_in(client, known)
    client.post(reverse(AUTHENTICATE), {"code": code})
    assert is_signed_in(client)
    other = Client()
    log_in(other, known)

    other.post(reverse(AUTHENTICATE), {"code": code})

    assert not is_signed_in(other)


def test_the_secret_and_the_seed_lie_encrypted(client: Client, known: User) -> None:
    secret = set_up_app(known)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        stored = " ".join(row[0] for row in cursor.fetchall())

    assert secret not in stored
    for factor in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN):
        sealed = factor.data.get("secret") or factor.data["seed"]
        assert ciphers.decrypt(sealed, table="mfa_authenticator", column="data", row=factor.user_id)


@pytest.mark.django_db(transaction=True)
def test_setting_up_an_app_takes_a_code_gives_recovery_codes_and_is_mailed(
    client: Client, known: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    sign_in(client, known)
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    assert f'data-copy="{secret}"' in page.content.decode()

    response = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)}, follow=True)

    assert response.resolver_match.url_name == "mfa_view_recovery_codes"
    assert all(code in response.content.decode() for code in recovery_codes_of(known))
    assert [mail.subject for mail in mailoutbox] == ["An authenticator app was set up"]


def test_a_wrong_code_sets_nothing_up(client: Client, known: User) -> None:
    sign_in(client, known)
    client.get(reverse("mfa_activate_totp"))

    client.post(reverse("mfa_activate_totp"), {"code": "000000"})

    assert not known.authenticator_set.exists()


@pytest.mark.parametrize(
    "name",
    [
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_download_recovery_codes",
    ],
)
def test_second_factors_are_touched_only_by_who_showed_it_is_them(
    name: str, client: Client, known: User
) -> None:
    set_up_app(known)
    if name == "mfa_activate_totp":
        known.authenticator_set.all().delete()
    client.force_login(known)

    asked = client.get(reverse(name))
    show_again(client)

    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    assert client.get(reverse(name)).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("mfa_deactivate_totp", "Your authenticator app was removed"),
        ("mfa_generate_recovery_codes", "You have new recovery codes"),
    ],
)
def test_a_change_of_second_factors_is_mailed_with_time_and_place(
    name: str,
    subject: str,
    client: Client,
    known: User,
    mailoutbox: list[EmailMultiAlternatives],
) -> None:
    set_up_app(known)
    sign_in(client, known)

    client.post(reverse(name), headers={"User-Agent": "Browser <b>5</b>"})

    [mail] = mailoutbox
    [html] = mail.alternatives
    assert mail.subject == subject
    assert "From: 127.0.0.1\nWith: Browser <b>5</b>" in mail.body
    assert "Browser &lt;b&gt;5&lt;/b&gt;" in html.content
