"""Asking once more who is there, before what would hurt in the hands of whoever found an open browser."""

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

_View = TypeVar("_View", bound=Callable[..., HttpResponseBase])


def recent_authentication_required(*methods: str) -> Callable[[_View], _View]:
    """Let a view be called only by somebody who showed within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds who they are.

    Signing in counts as well as being asked again. `methods` narrows it to some HTTP methods (none: all of them). Others
    are sent to the page that asks, and then on to where they wanted; what they had posted is not lost.
    """

    def decorate(view: _View) -> _View:
        @functools.wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if (not methods or request.method in methods) and not is_recent(request):
                # allauth's middleware answers it.
                raise ReauthenticationRequired
            return view(request, *args, **kwargs)

        return asked  # type: ignore[return-value]

    return decorate


def is_recent(request: HttpRequest) -> bool:
    """Tell whether whoever is signed in showed a password or second factor not long ago."""
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return any(record["at"] > since for record in _records(request))


def has_shown_second_factor(request: HttpRequest) -> bool:
    """Tell whether this sign-in included a second factor: a code, a recovery code, a security key or a passkey."""
    return any(record["method"] == "mfa" for record in _records(request))


def _records(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.is_authenticated:
        return []
    records: list[dict[str, Any]] = get_authentication_records(request, request.user)
    return records
