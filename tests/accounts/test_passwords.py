"""Which passwords are refused, and how the others are kept."""

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from lockence import settings as site_settings


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "xK4-plumeria-77",
        "vB3$kq9!Zr2&",
        "83#love#92!77",
        "Meine Katze frisst Brot",
    ],
)
def test_a_password_that_nobody_else_has_is_taken(password: str) -> None:
    validate_password(password)


@pytest.mark.parametrize(
    "password",
    [
        "short-b8!Zq",
        "password1234",
        "P4ssw0rd!2024",
        "qwertyuiop12",
        "1qaz2wsx3edc",
        "123456789012",
        "839201847261",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "passwordpassword",
        "iloveyou!!!!",
        "abcdefghijklm",
        "lkjhgfdsapoiuy",
        "Sunshine-2025",
    ],
)
def test_a_short_or_common_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


def test_a_password_like_the_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="too similar"):
        validate_password("developer.jones", User(email="developer.jones@example.com"))


def test_passwords_are_kept_as_argon2id(settings) -> None:
    settings.PASSWORD_HASHERS = site_settings.PASSWORD_HASHERS

    encoded = make_password("correct horse battery staple")

    assert encoded.startswith("argon2$argon2id$")
    assert identify_hasher(encoded).verify("correct horse battery staple", encoded)


def test_the_refusal_stands_in_the_form(client: Client, db: None) -> None:
    form = {"email": "ada@example.com", "password1": "Password1234!"}

    response = client.post(reverse("account_signup"), form)

    assert "This password is too common." in response.content.decode()
    assert not User.objects.exists()
