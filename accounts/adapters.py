"""Where django-allauth asks us: how people sign in, what is mailed, how second factors are kept."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.stagekit import unstash_login
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import browsers, deletion, reauthentication
from accounts.cells import TOTP_SECRET
from accounts.models import User

_METHODS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def post_login(self, request: HttpRequest, user: User, **facts: Any) -> HttpResponse:
        """A sign-in is complete, second factor and all: the browser is known from now on, and a deletion called off."""
        response: HttpResponse = super().post_login(request, user, **facts)
        if facts["signup"]:
            # Whoever has just chosen the password need not show that they know it.
            record_authentication(request, user, method="password")
        browsers.remember(request, user, now=timezone.now())
        if deletion.call_off(user=user):
            messages.success(request, "Welcome back. Your account will not be deleted.")
        return response

    def is_reauthentication_required(self, *, app: str, **facts: Any) -> bool:
        """Whoever signed in a minute ago is not asked again before they set up a second factor."""
        return not reauthentication.is_recent(self.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [{**method, "description": _METHODS[method["id"]]} for method in methods]

    def get_client_ip(self, request: HttpRequest) -> str:
        # Behind a proxy on a Unix socket that names no client there is none to tell.
        return request.META.get("REMOTE_ADDR") or "unknown"


@receiver([password_changed, password_set])
def sign_out_other_browsers(request: HttpRequest, user: User, **facts: Any) -> None:
    """The session goes on under a new key; all others end with the password that they began with."""
    this = browsers.remember(request, user, now=timezone.now())
    browsers.sign_out_everywhere(user=user, but=this)


@receiver(password_reset)
def sign_out_all_browsers(user: User, **facts: Any) -> None:
    browsers.sign_out_everywhere(user=user)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """The secrets of second factors are bound to their user: one that is moved to another user's row does not open."""

    def encrypt(self, text: str) -> str:
        return TOTP_SECRET.encrypt(text, _who_shows_a_factor())

    def decrypt(self, encrypted_text: str) -> str:
        return TOTP_SECRET.decrypt(encrypted_text, _who_shows_a_factor())

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:
        """Suggest a name for a new passkey; people give it a better one."""
        return f"Passkey {user.authenticator_set.filter(type=type).count() + 1}"  # type: ignore[attr-defined]


def _who_shows_a_factor() -> object:
    """Return the id of who is signed in, or else of who gave their password and is asked for a factor next."""
    user = context.request.user
    if user.is_authenticated:
        return user.pk
    login = unstash_login(context.request, peek=True)
    return login.user.pk if login else ""
