"""The browsers that people sign in with: known again by a cookie, told of when new, signed out from afar."""

import datetime as dt
import hashlib
import secrets
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from accounts.models import Browser, User
from accounts.session_store import digest

# Browsers keep no cookie for longer (draft-ietf-httpbis-rfc6265bis, section 5.5).
_COOKIE_SECONDS = 400 * 86_400
_TOKEN_BYTES = 32
_TOKEN_CHARACTERS = 43


def remember(request: HttpRequest, user: User, *, now: dt.datetime) -> Browser:
    """Note that a user signed in with this browser, and mail them when it is new to them.

    The first browser of an account is no news. `keep_cookie` must see the answer.
    """
    token = _token_of(request) or secrets.token_urlsafe(_TOKEN_BYTES)
    request.META["lockence.browser"] = token
    facts: dict[str, Any] = {
        "session_digest": digest(request.session.session_key or ""),
        "user_agent": request.headers.get("User-Agent", "")[:200],
        "ip_address": request.META.get("REMOTE_ADDR") or None,
        "signed_in_at": now,
    }
    is_first = not user.browsers.exists()
    _end_what_it_began_before(user, token, but=facts["session_digest"])
    browser, is_new = Browser.objects.update_or_create(
        user=user,
        token_digest=_digest(token),
        defaults=facts,
        create_defaults={**facts, "first_seen_at": now},
    )
    if is_new and not is_first:
        get_adapter(request).send_notification_mail("account/email/new_browser", user)
    return browser


def _end_what_it_began_before(user: User, token: str, *, but: str) -> None:
    """A browser is listed with its latest session alone: an earlier one would go on where nobody sees it or ends it."""
    known = user.browsers.filter(token_digest=_digest(token)).exclude(session_digest=but)
    Session.objects.filter(session_key__in=known.values("session_digest")).delete()


def keep_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the browser the cookie that `remember` chose, anew each time so that it lasts."""
    if token := request.META.get("lockence.browser"):
        response.set_cookie(
            settings.BROWSER_COOKIE_NAME,
            token,
            max_age=_COOKIE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def this_browser(request: HttpRequest, user: User) -> Browser | None:
    """Return the browser that asks, as long as it is the one that the session began with."""
    return user.browsers.filter(session_digest=digest(request.session.session_key or "")).first()


def known_as(request: HttpRequest, email: str) -> Browser | None:
    """Return the browser that asks, if the owner of an address has signed in with it before."""
    token = _token_of(request)
    if not token:
        return None
    return Browser.objects.filter(token_digest=_digest(token), user__email=email.lower()).first()


def signed_in_browsers(user: User, *, now: dt.datetime) -> QuerySet[Browser]:
    """The browsers that are signed in at this moment, the latest first."""
    open_sessions = Session.objects.filter(expire_date__gt=now).values("session_key")
    return user.browsers.filter(session_digest__in=open_sessions).order_by("-signed_in_at")


def sign_out(*, browser: Browser) -> bool:
    """End a browser's session; return False when it has ended already."""
    ended, _ = Session.objects.filter(session_key=browser.session_digest).delete()
    return bool(ended)


def sign_out_everywhere(*, user: User, but: Browser | None = None) -> int:
    """End the sessions of all of a user's browsers, or of all but one; return how many that were."""
    sessions = Session.objects.filter(session_key__in=user.browsers.values("session_digest"))
    if but:
        sessions = sessions.exclude(session_key=but.session_digest)
    ended, _ = sessions.delete()
    return ended


def _token_of(request: HttpRequest) -> str:
    token = request.COOKIES.get(settings.BROWSER_COOKIE_NAME, "")
    return token if len(token) == _TOKEN_CHARACTERS and token.isascii() else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
