"""How often anybody may knock: limits on log-in, sign-up, reset and second factors, exact across all processes.

What is counted is the network that asks, the account that is signed in, or the account that is asked for. The last alone
would let a stranger shut somebody out, so a browser that its owner has signed in with before has a count of its own; and a
guess at a fresh account each time gains nothing, for the network counts as well.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from http import HTTPStatus

from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts import browsers
from accounts.limits import Limit, Outcome, hit, network_of

Subject = Callable[[HttpRequest], str]


def network(request: HttpRequest) -> str:
    return network_of(request.META.get("REMOTE_ADDR"))


def whoever_is_signed_in(request: HttpRequest) -> str:
    return str(request.user.pk) if request.user.is_authenticated else network(request)


def account_asked_for(request: HttpRequest) -> str:
    """The account that a form names, whether or not there is one; or the browser, once it is known as its owner's."""
    email = (request.POST.get("login") or request.POST.get("email") or "").strip().lower()
    browser = browsers.known_as(request, email)
    return f"browser {browser.pk}" if browser else _digest(email)


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    limit: Limit
    subject: Subject


_PASSWORDS = Rule(Limit("password", hits_max=10, window_seconds=900), account_asked_for)
# Each of these sends a mail to whoever is named.
_MAILS = Rule(Limit("mail", hits_max=5, window_seconds=3600), account_asked_for)
_ASKED_AGAIN = Rule(Limit("reauthenticate", hits_max=10, window_seconds=300), whoever_is_signed_in)
_CODES = Rule(Limit("code", hits_max=30, window_seconds=600), network)
_CHANGES = Rule(Limit("change", hits_max=10, window_seconds=300), whoever_is_signed_in)

# By the names of the pages; only what is sent counts, looking at a form does not.
RULES: dict[str, tuple[Rule, ...]] = {
    "account_login": (Rule(Limit("log-in", hits_max=30, window_seconds=60), network), _PASSWORDS),
    "account_signup": (Rule(Limit("sign-up", hits_max=20, window_seconds=600), network), _MAILS),
    "account_reset_password": (
        Rule(Limit("reset", hits_max=20, window_seconds=600), network),
        _MAILS,
    ),
    "account_confirm_password_reset_code": (_CODES,),
    "account_email_verification_sent": (_CODES,),
    "account_reset_password_from_key": (_CODES,),
    "account_complete_password_reset": (_CODES,),
    "mfa_authenticate": (_CODES,),
    "mfa_login_webauthn": (_CODES,),
    "account_reauthenticate": (_ASKED_AGAIN,),
    "mfa_reauthenticate": (_ASKED_AGAIN,),
    "mfa_reauthenticate_webauthn": (_ASKED_AGAIN,),
    "mfa_activate_totp": (_ASKED_AGAIN,),
    "account_change_password": (_CHANGES,),
    "account_set_password": (_CHANGES,),
    "account_email": (_CHANGES,),
    "account-export": (_CHANGES,),
}

# Three of a million codes are good at a time: who has a password already finds one in a day's guessing with a chance of 1 in 460.
SECOND_FACTORS = Limit("second-factor", hits_max=5, window_seconds=600)


class EntranceMiddleware:
    """Answer 429 in place of a page whose limit is reached, and keep the cookie by which browsers are known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        browsers.keep_cookie(request, response)
        return response

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponse | None:
        if request.method != "POST" or request.resolver_match is None:
            return None
        for rule in RULES.get(request.resolver_match.url_name or "", ()):
            outcome = hit(rule.limit, rule.subject(request))
            if not outcome.allowed:
                return too_many(request, outcome)
        return None


def count_second_factor(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Count one try at a user's second factor; answers 429 in place of the page when there were too many."""
    browser = browsers.known_as(request, user.get_username())
    outcome = hit(SECOND_FACTORS, f"browser {browser.pk}" if browser else str(user.pk))
    if not outcome.allowed:
        raise ImmediateHttpResponse(too_many(request, outcome))


def too_many(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """The page that says when to try again, for people and in headers (draft-ietf-httpapi-ratelimit-headers-10)."""
    response = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    limit = outcome.limit
    response["Retry-After"] = str(outcome.retry_after_seconds)
    response["RateLimit-Policy"] = f'"{limit.name}";q={limit.hits_max};w={limit.window_seconds}'
    response["RateLimit"] = f'"{limit.name}";r=0;t={outcome.retry_after_seconds}'
    return response


def _digest(text: str) -> str:
    # Nobody's address shall lie about in a table of counts.
    return hashlib.sha256(text.encode()).hexdigest()
