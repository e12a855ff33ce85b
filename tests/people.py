"""What people do with their accounts, as tests need it: confirm an address, set up a second factor, sign in."""

import time
from contextlib import AbstractContextManager

from allauth.account.internal.flows.login import record_authentication
from allauth.core.context import request_context
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD


def confirm_address(user: User) -> User:
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


def set_up_app(user: User) -> str:
    """Give a user an authenticator app, with recovery codes as the site makes them; returns its secret."""
    secret = generate_totp_secret()
    with _asked_by(user):
        TOTP.activate(user, secret)
        RecoveryCodes.activate(user)
    return secret


def code_of(secret: str, *, steps: int = 0) -> str:
    """What the app shows at this moment, or some half minutes before or after."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def recovery_codes_of(user: User) -> list[str]:
    stored = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    with _asked_by(user):
        codes: list[str] = stored.wrap().get_unused_codes()
    return codes


def log_in(
    client: Client, user: User | str, password: str = PASSWORD, **headers: str
) -> HttpResponse:
    """Fill in the log-in form; who has a second factor is asked for it next."""
    email = user if isinstance(user, str) else user.email
    form = {"login": email, "password": password}
    return client.post(reverse("account_login"), form, headers=headers)


def sign_in(client: Client, user: User) -> Client:
    """Make a browser look as after a log-in with the password just now, without the work of it."""
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "password")
    request.session.save()
    return client


def show_again(client: Client) -> None:
    """Answer the question that comes before what matters: is it still you?"""
    response = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert response.status_code == 302


def _asked_by(user: User) -> AbstractContextManager[None]:
    """As on a page that this user asked for."""
    request = HttpRequest()
    request.user = user
    return request_context(request)
