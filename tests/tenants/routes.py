"""Who may come in where: a table of every address of the site. Whoever adds one says here whom it is for."""

import re
import uuid
from collections.abc import Iterable, Iterator
from enum import Enum

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.access import Right, Role


class For(Enum):
    """Whom a page, or what is posted to it, is for. What is for members of the team names the right that it takes."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed in"
    STAFF = "staff"
    # Of those who try here, only staff have one.
    WITH_SECOND_FACTOR = "with a second factor"
    # Whoever an invitation names, or a browser or passkey belongs to: none of those who try here.
    SOMEBODY_ELSE = "somebody else"
    # Whoever shows a management token; tests/api/management/test_doors.py has the table of those.
    TOKENS = "management tokens"
    # The method is not known there.
    NOBODY = "nobody"


Rule = For | Right
EVERYBODY, SIGNED_IN, NOBODY = For.EVERYBODY, For.SIGNED_IN, For.NOBODY
SOMEBODY_ELSE, WITH_SECOND_FACTOR = For.SOMEBODY_ELSE, For.WITH_SECOND_FACTOR
VIEW, LICENSES, KEYS = Right.VIEW, Right.MANAGE_LICENSES, Right.SEE_KEYS
SETTINGS, TEAM = Right.MANAGE_SETTINGS, Right.MANAGE_TEAM
APPLICATION = "dashboard/applications/<uuid:application_id>/"
LICENSE = f"{APPLICATION}licenses/<uuid:license_id>/"
POLICY = f"{APPLICATION}policies/<uuid:policy_id>/"
SIGNING_KEY = f"{APPLICATION}settings/signing-keys/<uuid:signing_key_id>/"
WEBHOOK = f"{APPLICATION}settings/webhooks/<uuid:endpoint_id>/"
A_TEAM = "dashboard/teams/<uuid:team_id>/"
INVITATION = "dashboard/invitations/<uuid:invitation_id>/"

# Whom GET is for, and whom POST is for.
ROUTES: dict[str, tuple[Rule, Rule]] = {
    "": (EVERYBODY, NOBODY),
    "docs/": (EVERYBODY, NOBODY),
    "docs/api/": (EVERYBODY, NOBODY),
    "docs/<path:path>/": (EVERYBODY, NOBODY),
    "docs/<path:file>.md": (EVERYBODY, NOBODY),
    "llms.txt": (EVERYBODY, NOBODY),
    # Programs show an API key; without one each call is refused, but to everybody alike.
    "api/^v1/init/?$": (NOBODY, EVERYBODY),
    "api/^v1/validate/?$": (NOBODY, EVERYBODY),
    "api/^v1/heartbeat/?$": (NOBODY, EVERYBODY),
    "api/^v1/logout/?$": (NOBODY, EVERYBODY),
    "api/^v1/consume/?$": (NOBODY, EVERYBODY),
    "api/^v1/variables/?$": (NOBODY, EVERYBODY),
    "api/^v1/release/?$": (NOBODY, EVERYBODY),
    "api/^v1/borrow/?$": (NOBODY, EVERYBODY),
    "api/v1/schema": (EVERYBODY, NOBODY),
    "api/v1/schema/": (EVERYBODY, NOBODY),
    "api/docs": (EVERYBODY, NOBODY),
    "api/docs/": (EVERYBODY, NOBODY),
    "offline/": (EVERYBODY, EVERYBODY),
    "api/^v1/offline/?$": (NOBODY, EVERYBODY),
    "api/^v1/checkout/?$": (NOBODY, EVERYBODY),
    # Public keys are public.
    "api/v1/applications/<uuid:application_id>/keys": (EVERYBODY, NOBODY),
    "api/v1/applications/<uuid:application_id>/keys/": (EVERYBODY, NOBODY),
    "api/v1/instance/keys": (EVERYBODY, NOBODY),
    "api/v1/instance/keys/": (EVERYBODY, NOBODY),
    "api/v1/^(?:applications|tokens|team|members|invitations|events)(?:/[\\s\\S]*)?$": (
        NOBODY,
        NOBODY,
    ),
    "api/": (NOBODY, NOBODY),
    "admin/logout/": (SIGNED_IN, SIGNED_IN),
    # One's own account
    "accounts/login/": (EVERYBODY, EVERYBODY),
    "accounts/login/code/confirm/": (EVERYBODY, EVERYBODY),
    "accounts/logout/": (EVERYBODY, EVERYBODY),
    "accounts/signup/": (EVERYBODY, EVERYBODY),
    "accounts/inactive/": (EVERYBODY, NOBODY),
    "accounts/confirm-email/": (EVERYBODY, EVERYBODY),
    "accounts/password/reset/": (EVERYBODY, EVERYBODY),
    "accounts/password/reset/done/": (EVERYBODY, NOBODY),
    "accounts/password/reset/confirm/": (EVERYBODY, EVERYBODY),
    "accounts/password/reset/complete/": (EVERYBODY, EVERYBODY),
    "accounts/reauthenticate/": (SIGNED_IN, SIGNED_IN),
    "accounts/email/": (SIGNED_IN, SIGNED_IN),
    "accounts/password/change/": (SIGNED_IN, SIGNED_IN),
    "accounts/password/set/": (SIGNED_IN, SIGNED_IN),
    "accounts/sessions/": (SIGNED_IN, NOBODY),
    "accounts/sessions/end/": (NOBODY, SIGNED_IN),
    "accounts/sessions/<uuid:browser_id>/end/": (NOBODY, SOMEBODY_ELSE),
    "accounts/data/": (SIGNED_IN, NOBODY),
    "accounts/data/export/": (NOBODY, SIGNED_IN),
    "accounts/delete/": (SIGNED_IN, SIGNED_IN),
    "accounts/2fa/": (SIGNED_IN, NOBODY),
    "accounts/2fa/authenticate/": (EVERYBODY, EVERYBODY),
    "accounts/2fa/reauthenticate/": (SIGNED_IN, SIGNED_IN),
    "accounts/2fa/totp/activate/": (SIGNED_IN, SIGNED_IN),
    "accounts/2fa/totp/deactivate/": (WITH_SECOND_FACTOR, WITH_SECOND_FACTOR),
    "accounts/2fa/recovery-codes/": (WITH_SECOND_FACTOR, NOBODY),
    "accounts/2fa/recovery-codes/generate/": (SIGNED_IN, SIGNED_IN),
    "accounts/2fa/recovery-codes/download/": (WITH_SECOND_FACTOR, NOBODY),
    "accounts/2fa/webauthn/": (SIGNED_IN, NOBODY),
    "accounts/2fa/webauthn/add/": (SIGNED_IN, SIGNED_IN),
    "accounts/2fa/webauthn/login/": (EVERYBODY, EVERYBODY),
    "accounts/2fa/webauthn/reauthenticate/": (SIGNED_IN, SIGNED_IN),
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": (SOMEBODY_ELSE, SOMEBODY_ELSE),
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": (SOMEBODY_ELSE, SOMEBODY_ELSE),
    # Teams
    "dashboard/": (SIGNED_IN, NOBODY),
    "dashboard/teams/": (SIGNED_IN, NOBODY),
    A_TEAM: (VIEW, NOBODY),
    f"{A_TEAM}events/": (TEAM, NOBODY),
    f"{A_TEAM}events/export/": (NOBODY, TEAM),
    f"{A_TEAM}rename/": (TEAM, TEAM),
    f"{A_TEAM}invite/": (TEAM, TEAM),
    f"{A_TEAM}members/<uuid:member_id>/role/": (TEAM, TEAM),
    f"{A_TEAM}members/<uuid:member_id>/remove/": (TEAM, TEAM),
    f"{A_TEAM}invitations/<uuid:invitation_id>/withdraw/": (TEAM, TEAM),
    INVITATION: (SOMEBODY_ELSE, NOBODY),
    f"{INVITATION}accept/": (NOBODY, SOMEBODY_ELSE),
    f"{INVITATION}decline/": (NOBODY, SOMEBODY_ELSE),
    # Applications
    "dashboard/applications/new/": (SIGNED_IN, SIGNED_IN),
    APPLICATION: (VIEW, NOBODY),
    f"{APPLICATION}connection/": (VIEW, NOBODY),
    f"{APPLICATION}first-license/": (NOBODY, LICENSES),
    f"{APPLICATION}settings/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/enable/": (NOBODY, SETTINGS),
    f"{APPLICATION}settings/disable/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/api-keys/rotate/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/api-keys/<uuid:api_key_id>/retire/": (SETTINGS, SETTINGS),
    f"{SIGNING_KEY}promote/": (SETTINGS, SETTINGS),
    f"{SIGNING_KEY}replace/": (SETTINGS, SETTINGS),
    f"{SIGNING_KEY}retire/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/words/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/tokens/": (SETTINGS, NOBODY),
    f"{APPLICATION}settings/tokens/new/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/tokens/<uuid:token_id>/revoke/": (SETTINGS, SETTINGS),
    f"{APPLICATION}settings/webhooks/": (SETTINGS, NOBODY),
    f"{APPLICATION}settings/webhooks/new/": (SETTINGS, SETTINGS),
    WEBHOOK: (SETTINGS, NOBODY),
    f"{WEBHOOK}edit/": (SETTINGS, SETTINGS),
    f"{WEBHOOK}reveal/": (NOBODY, SETTINGS),
    f"{WEBHOOK}rotate/": (SETTINGS, SETTINGS),
    f"{WEBHOOK}test/": (NOBODY, SETTINGS),
    f"{WEBHOOK}pause/": (NOBODY, SETTINGS),
    f"{WEBHOOK}enable/": (NOBODY, SETTINGS),
    f"{WEBHOOK}delete/": (SETTINGS, SETTINGS),
    f"{WEBHOOK}replay/": (SETTINGS, SETTINGS),
    f"{WEBHOOK}deliveries/<uuid:delivery_id>/": (SETTINGS, NOBODY),
    f"{WEBHOOK}deliveries/<uuid:delivery_id>/replay/": (NOBODY, SETTINGS),
    f"{APPLICATION}licenses/": (VIEW, NOBODY),
    f"{APPLICATION}licenses/new/": (LICENSES, LICENSES),
    f"{APPLICATION}licenses/export/": (VIEW, KEYS),
    LICENSE: (VIEW, NOBODY),
    f"{LICENSE}forget/": (SETTINGS, SETTINGS),
    f"{LICENSE}edit/": (LICENSES, LICENSES),
    f"{LICENSE}reveal/": (NOBODY, LICENSES),
    f"{LICENSE}extend/": (LICENSES, LICENSES),
    f"{LICENSE}suspend/": (LICENSES, LICENSES),
    f"{LICENSE}restore/": (LICENSES, LICENSES),
    f"{LICENSE}revoke/": (LICENSES, LICENSES),
    f"{LICENSE}reinstate/": (LICENSES, LICENSES),
    f"{LICENSE}renew/": (LICENSES, LICENSES),
    f"{LICENSE}convert/": (LICENSES, LICENSES),
    f"{LICENSE}transfer/": (LICENSES, LICENSES),
    f"{LICENSE}reset-trial/": (LICENSES, LICENSES),
    f"{LICENSE}delete/": (LICENSES, LICENSES),
    f"{APPLICATION}batches/<uuid:batch_id>/": (LICENSES, NOBODY),
    f"{APPLICATION}batches/<uuid:batch_id>/keys.<str:file_format>": (LICENSES, NOBODY),
    f"{APPLICATION}policies/": (VIEW, NOBODY),
    f"{APPLICATION}policies/new/": (SETTINGS, SETTINGS),
    POLICY: (VIEW, NOBODY),
    f"{POLICY}edit/": (SETTINGS, SETTINGS),
    f"{POLICY}make-default/": (SETTINGS, SETTINGS),
    f"{POLICY}delete/": (SETTINGS, SETTINGS),
    f"{POLICY}entitlements/<uuid:entitlement_id>/": (SETTINGS, SETTINGS),
    f"{POLICY}entitlements/<uuid:entitlement_id>/remove/": (SETTINGS, SETTINGS),
    f"{LICENSE}entitlements/<uuid:entitlement_id>/": (LICENSES, LICENSES),
    f"{LICENSE}entitlements/<uuid:entitlement_id>/remove/": (LICENSES, LICENSES),
    f"{LICENSE}entitlements/<uuid:entitlement_id>/usage/": (LICENSES, LICENSES),
    f"{APPLICATION}entitlements/": (VIEW, NOBODY),
    f"{APPLICATION}entitlements/new/": (SETTINGS, SETTINGS),
    f"{APPLICATION}entitlements/<uuid:entitlement_id>/": (SETTINGS, SETTINGS),
    f"{APPLICATION}entitlements/<uuid:entitlement_id>/delete/": (SETTINGS, SETTINGS),
    f"{APPLICATION}bulk/": (VIEW, NOBODY),
    f"{APPLICATION}bulk/issue/": (LICENSES, LICENSES),
    f"{APPLICATION}bulk/act/": (LICENSES, LICENSES),
    f"{APPLICATION}bulk/file/": (LICENSES, LICENSES),
    f"{APPLICATION}bulk/<uuid:job_id>/": (VIEW, NOBODY),
    f"{APPLICATION}bulk/<uuid:job_id>/perform/": (LICENSES, LICENSES),
    f"{APPLICATION}bulk/<uuid:job_id>/cancel/": (LICENSES, LICENSES),
    f"{APPLICATION}bulk/<uuid:job_id>/failures/": (NOBODY, VIEW),
    f"{APPLICATION}bulk/<uuid:job_id>/results/": (NOBODY, VIEW),
    f"{APPLICATION}variables/": (VIEW, NOBODY),
    f"{APPLICATION}variables/new/": (SETTINGS, SETTINGS),
    f"{APPLICATION}variables/<uuid:variable_id>/": (SETTINGS, SETTINGS),
    f"{APPLICATION}variables/<uuid:variable_id>/reveal/": (NOBODY, KEYS),
    f"{APPLICATION}variables/<uuid:variable_id>/delete/": (SETTINGS, SETTINGS),
    f"{APPLICATION}users/": (VIEW, NOBODY),
    f"{APPLICATION}users/<uuid:user_id>/remove/": (LICENSES, LICENSES),
    f"{APPLICATION}access/": (VIEW, NOBODY),
    f"{APPLICATION}access/new/": (LICENSES, LICENSES),
    f"{APPLICATION}access/<uuid:rule_id>/delete/": (LICENSES, LICENSES),
    f"{LICENSE}access/new/": (LICENSES, LICENSES),
    f"{APPLICATION}devices/<uuid:device_id>/block/": (LICENSES, LICENSES),
    f"{APPLICATION}devices/": (VIEW, NOBODY),
    f"{APPLICATION}devices/<uuid:device_id>/release/": (LICENSES, LICENSES),
    f"{APPLICATION}sessions/": (VIEW, NOBODY),
    f"{APPLICATION}sessions/<uuid:session_id>/end/": (LICENSES, LICENSES),
    f"{APPLICATION}events/": (VIEW, NOBODY),
}
# Whatever else lies below these is for the same people.
STAFF_PAGES = (For.STAFF, For.STAFF)
TOKENS = (For.TOKENS, For.TOKENS)
BELOW: dict[str, tuple[Rule, Rule]] = {
    "admin/": STAFF_PAGES,
    "api/v1/applications": TOKENS,
    "api/v1/tokens": TOKENS,
    "api/v1/team": TOKENS,
    "api/v1/members": TOKENS,
    "api/v1/invitations": TOKENS,
    "api/v1/events": TOKENS,
}


def routes(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


ALL = list(routes(get_resolver().url_patterns))


def rules_of(route: str) -> tuple[Rule, Rule] | None:
    below = [rules for beginning, rules in BELOW.items() if route.startswith(beginning)]
    return ROUTES.get(route) or next(iter(below), None)


def address_of(route: str, ids: dict[str, object]) -> str:
    """Fill a route in; what is not an id of a row stands for itself."""
    others = {"object_id": uuid.UUID(int=0), "content_type_id": 1, "app_label": "licensing"}
    known = {**ids, **others, "url": "nowhere"}
    filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: f"<{known[match[1]]}>", route)
    # What is left are the signs of regular expressions.
    return "/" + re.sub(r"\(\?P<([^>]*)>[^)]*\)|[<>^$]|/\?", r"\1", filled)


# A route that the table does not name fails one test, and not all.
RULES = {route: rules for route in ALL if (rules := rules_of(route))}


def expected(route: str, method: str, actor: str) -> set[str]:
    """What may become of somebody's request: any of these."""
    get, post = RULES[route]
    if method == "GET":
        return allowed(get, actor)
    if method == "POST" or get in (For.TOKENS, For.STAFF):
        return allowed(post, actor)
    if route.startswith(("accounts/", "admin/logout/")):
        # Forms of allauth lead elsewhere by whatever method, and take what is put as if an empty form was posted.
        return allowed(NOBODY, actor) | allowed(get, actor) | allowed(post, actor)
    return allowed(NOBODY, actor)


def allowed(rule: Rule, actor: str) -> set[str]:
    if rule is For.EVERYBODY:
        return {"open"}
    if rule is For.NOBODY:
        return {"405", "404", "403", "login"}
    if rule is For.TOKENS:
        # Which call takes which scope is in tests/api/management/test_doors.py.
        return {"open", "404", "405", "409"} if actor == "management token" else {"401"}
    if actor in ("anonymous", "API key", "management token"):
        return {"login"}
    if rule is For.SIGNED_IN:
        return {"open"}
    if rule is For.STAFF:
        return {"open", "403", "404", "405"} if actor == "staff" else {"login", "403", "404"}
    if rule is For.WITH_SECOND_FACTOR:
        return {"open"} if actor == "staff" else {"404"}
    if rule is For.SOMEBODY_ELSE or actor in ("stranger", "staff"):
        return {"404"}
    return {"open"} if rule in Role(actor).rights else {"403"}
