"""Forms that django-allauth shows in place of its own (ACCOUNT_FORMS and MFA_FORMS in the settings)."""

from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.entrance import count_second_factor
from accounts.limits import Limit, hit

# A code is good for a minute and a half, the half minutes before and after its own included; nobody uses it twice in that time.
_USED_CODE = Limit("used-code", hits_max=1, window_seconds=120)


class SignupForm(AllauthSignupForm):  # type: ignore[misc]
    def try_save(self, request: HttpRequest) -> Any:
        """An address that has an account is answered after as much work as one that has none: the hash is most of it."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class _CountedCode:
    """A code from an app, or a recovery code: five tries, and each code of the app works once."""

    user: Any
    authenticator: Authenticator

    def clean_code(self) -> str:
        count_second_factor(context.request, self.user)
        code: str = super().clean_code()  # type: ignore[misc]
        is_totp = self.authenticator.type == Authenticator.Type.TOTP
        if is_totp and not hit(_USED_CODE, f"{self.user.pk} {code.strip()}").allowed:
            raise get_adapter().validation_error("incorrect_code")
        return code


class SecondFactorForm(_CountedCode, AuthenticateForm):  # type: ignore[misc]
    """Asked at log-in."""


class SecondFactorAgainForm(_CountedCode, ReauthenticateForm):  # type: ignore[misc]
    """Asked once more before what matters."""


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        count_second_factor(context.request, self.user)
        code: str = super().clean_code()
        return code
