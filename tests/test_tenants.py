"""Every address of the site, tried by everybody against a table: one developer never sees another's anything.

A route that the table does not name fails a test here: whoever adds one says who may come in.
"""

import copy
import dataclasses
import logging
import re
import uuid
from collections.abc import Iterable, Iterator
from enum import Enum

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts import teams
from accounts.access import Right, Role
from accounts.events import SYSTEM
from accounts.models import Event, Team, User
from licensing import webhook_delivery
from licensing.models import Application
from tests import factories, people, staff

# Stands in everything that the developer's team owns, and may stand in nothing that others are sent.
CANARY = "canary"


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
BELOW: dict[str, tuple[Rule, Rule]] = {
    "admin/": STAFF_PAGES,
    "api/v1/applications": (For.TOKENS, For.TOKENS),
    "api/v1/tokens": (For.TOKENS, For.TOKENS),
    "api/v1/team": (For.TOKENS, For.TOKENS),
    "api/v1/members": (For.TOKENS, For.TOKENS),
    "api/v1/invitations": (For.TOKENS, For.TOKENS),
    "api/v1/events": (For.TOKENS, For.TOKENS),
}


@dataclasses.dataclass
class World:
    """A team with one of everything, everybody who may try to see it, and a stranger with a team of their own."""

    team: Team
    ids: dict[str, object]
    foreign_ids: dict[str, object]
    clients: dict[str, Client]


ACTORS = ("anonymous", "stranger", "viewer", "support", "admin", "owner", "staff")


@pytest.fixture
def world(developer: User, stranger: User) -> World:
    team = factories.make_team(developer, name=f"{CANARY} team")
    clients = {
        "anonymous": Client(),
        "stranger": people.sign_in(Client(), stranger),
        "owner": people.sign_in(Client(), developer),
        "staff": staff.signed_in(staff.make_superuser()),
    }
    for role in (Role.VIEWER, Role.SUPPORT, Role.ADMIN):
        clients[role.value] = people.sign_in(Client(), factories.add_member(team, role))
    return World(
        team, ids_in(team, CANARY), ids_in(factories.make_team(stranger), "finch"), clients
    )


def ids_in(team: Team, word: str) -> dict[str, object]:
    """What the addresses of a team's rows are made of; the word stands in all that people wrote on them."""
    application = factories.make_application(team, f"{word} application")
    license = factories.make_license(
        application, username=f"{word} customer", email=f"{word}@example.com", note=word
    )
    session = factories.make_session(license, device_name=f"{word} device")
    invitation = teams.invite_member(
        team=team,
        email=f"{word}-{team.pk.hex[-12:]}@example.com",
        role=Role.VIEWER,
        actor=SYSTEM,
        now=timezone.now(),
    )
    endpoint = factories.make_endpoint(application, description=f"{word} endpoint")
    somebody_else = factories.make_user()
    now = timezone.now()
    browser = somebody_else.browsers.create(
        token_digest=b"", session_digest="", first_seen_at=now, signed_in_at=now
    )
    passkey = somebody_else.authenticator_set.create(type="webauthn", data={"name": word})
    return {
        "browser_id": browser.pk,
        "pk": passkey.pk,
        "team_id": team.pk,
        "member_id": factories.add_member(team, Role.VIEWER).memberships.get().pk,
        "invitation_id": invitation.pk,
        "application_id": application.pk,
        "api_key_id": application.api_keys.get().pk,
        "signing_key_id": application.signing_keys.get(state="next").pk,
        "token_id": factories.make_token(application, name=f"{word} token").token.pk,
        "endpoint_id": endpoint.pk,
        "job_id": factories.make_bulk_job(license).pk,
        "delivery_id": endpoint.deliveries.first().pk,
        "id": license.pk,
        "license_id": license.pk,
        "batch_id": license.batch_id,
        "policy_id": factories.make_policy(application, name=f"{word} policy").pk,
        "entitlement_id": factories.make_entitlement(
            application, f"{word}-pages", "metered", description=word
        ).pk,
        "user_id": factories.make_named_user(application, f"{word} user").pk,
        "rule_id": factories.make_access_rule(application, note=word).pk,
        "variable_id": factories.make_variable(application, f"{word}_key", word).pk,
        "device_id": session.device_id,
        "session_id": session.pk,
        "file_format": "csv",
        "path": "quickstart",
        "file": "quickstart",
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


def test_the_table_names_every_route_and_no_other() -> None:
    assert [route for route in ALL if route not in RULES] == []
    assert ROUTES.keys() <= set(ALL)


@pytest.mark.parametrize("actor", ACTORS)
def test_everybody_comes_in_where_they_may_and_nowhere_else(world: World, actor: str) -> None:
    surprises = {}
    for route, rules in RULES.items():
        if rules == STAFF_PAGES and actor in ("viewer", "support", "admin", "owner"):
            # Of the many staff pages every member of a team is a stranger.
            continue
        address = address_of(route, world.ids)
        for method, rule in zip(("GET", "POST"), rules, strict=True):
            reply = ask(world.clients[actor], method, address)
            if outcome_of(reply) not in allowed(rule, actor):
                surprises[f"{method} {address}"] = f"{outcome_of(reply)}, and it is for {rule}"
            if actor in ("anonymous", "stranger") and CANARY in reply.text.replace(address, ""):
                surprises[f"{method} {address}"] = "tells of the team"

    assert surprises == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_row_of_others_is_as_unknown_as_one_that_never_was(world: World, method: str) -> None:
    """Below the stranger's own application and team, which open, nobody else's rows do."""
    client = world.clients["stranger"]
    for route in RULES:
        if re.match(r"dashboard/.*_id>.*_id>", route):
            own = world.foreign_ids
            for row in re.findall(r"<uuid:(\w+)>", route)[1:]:
                foreign = ask(client, method, address_of(route, own | {row: world.ids[row]}))
                never = ask(client, method, address_of(route, own | {row: uuid.uuid4()}))
                assert outcome_of(foreign) == outcome_of(never), route
                assert foreign.location == never.location
                assert foreign.events == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_no_other_method_changes_or_breaks_anything(world: World, method: str) -> None:
    """By whoever gets furthest: where they change nothing, nobody does."""
    surprises = {}
    for route, rules in RULES.items():
        actor = "staff" if rules == STAFF_PAGES else "owner"
        reply = ask(world.clients[actor], method, address_of(route, world.ids))
        if reply.status_code >= 500 or reply.events:
            surprises[f"{method} /{route}"] = reply.status_code

    assert surprises == {}


def test_what_a_stranger_does_is_mailed_and_logged_without_a_word_of_others(
    world: World, mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    mailoutbox.clear()
    caplog.clear()
    # Many have no id of a row in them, and are the same address for both teams.
    addresses = {
        address_of(route, ids) for route in RULES for ids in (world.ids, world.foreign_ids)
    }
    with caplog.at_level(logging.DEBUG):
        for address in sorted(addresses):
            for method in ("GET", "POST"):
                ask(world.clients["stranger"], method, address)

    told = [f"{mail.subject} {mail.body}" for mail in mailoutbox] + caplog.messages
    assert [text for text in told if CANARY in text] == []


def test_webhooks_of_others_tell_nothing_of_a_team(
    world: World, stranger: User, httpserver: HTTPServer
) -> None:
    """Everything happens in one team, and the endpoint of another wants to hear everything."""
    told: list[bytes] = []

    def hear(request: Request) -> Response:
        told.append(request.get_data())
        return Response()

    httpserver.expect_request("/hooks").respond_with_handler(hear)
    url = httpserver.url_for("/hooks")
    foreign = Application.objects.get(pk=str(world.foreign_ids["application_id"]))
    endpoint = factories.make_endpoint(foreign, url)
    ids_in(world.team, CANARY)

    webhook_delivery.deliver_due(endpoint.pk)

    assert told
    assert not any(CANARY.encode() in body for body in told)


@dataclasses.dataclass(frozen=True)
class Reply:
    status_code: int
    location: str
    text: str
    events: int


def ask(client: Client, method: str, address: str) -> Reply:
    """Send a request, and take back what it changed, in the database and in the browser."""
    cookies = copy.deepcopy(client.cookies)
    with transaction.atomic():
        before = Event.objects.count()
        response = client.generic(method, address)
        text = b"".join(response).decode(errors="replace")
        events = Event.objects.count() - before
        transaction.set_rollback(True)
    client.cookies = cookies
    return Reply(response.status_code, response.get("Location", ""), text, events)


def outcome_of(reply: Reply) -> str:
    if re.match(r"/(accounts|admin)/login/\?next=", reply.location):
        return "login"
    # A form or a body that was not filled in came as far as whoever fills it in.
    if reply.status_code < 400 or reply.status_code in (400, 415, 422):
        return "open"
    return str(reply.status_code)


def allowed(rule: Rule, actor: str) -> set[str]:
    if rule is For.EVERYBODY:
        return {"open"}
    if rule is For.NOBODY:
        return {"405", "404", "403", "login"}
    if rule is For.TOKENS:
        return {"401"}
    if actor == "anonymous":
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
