"""Every address of the site, tried by everybody against the table: one developer never sees another's anything.

A route that the table does not name fails a test here: whoever adds one says who may come in.
"""

import datetime as dt
import re
import uuid

import pytest
import time_machine
from django.utils import timezone

from tests.tenants.routes import ALL, ROUTES, RULES, STAFF_PAGES, TOKENS, For, address_of, expected
from tests.tenants.world import CANARY, World, ask, outcome_of

ACTORS = (
    "anonymous",
    "API key",
    "management token",
    "stranger",
    "viewer",
    "support",
    "admin",
    "owner",
    "staff",
)
# Who may be told nothing of the team. An API key is public.
OUTSIDERS = ("anonymous", "API key", "stranger")
SAID_BY_EVERY_PAGE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HARMFUL = re.compile(
    r"^(accounts|dashboard)/(?!2fa).*(reveal|rotate|retire|promote|replace|export|delete|forget|keys\.<.+)/?$"
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def test_the_table_names_every_route_and_no_other() -> None:
    assert [route for route in ALL if route not in RULES] == []
    assert ROUTES.keys() <= set(ALL)


@pytest.mark.parametrize("actor", ACTORS)
def test_everybody_comes_in_where_they_may_and_nowhere_else(world: World, actor: str) -> None:
    surprises = {}
    for route, rules in RULES.items():
        if rules == STAFF_PAGES and actor in ("viewer", "support", "admin"):
            # The owner tries these: to the many staff pages every member of a team is the same stranger.
            continue
        address = address_of(route, world.ids)
        for method in METHODS:
            reply = ask(world.clients[actor], method, address)
            outcome = outcome_of(reply)
            if outcome not in expected(route, method, actor):
                surprises[f"{method} {address}"] = outcome
            if reply.events and not may_change(route, method, outcome):
                surprises[f"{method} {address}"] = "changes something"
            if actor in OUTSIDERS and CANARY in reply.text.replace(address, ""):
                surprises[f"{method} {address}"] = "tells of the team"

    assert surprises == {}


def may_change(route: str, method: str, outcome: str) -> bool:
    """Whoever came in by posting, or by any method with a management token."""
    return outcome == "open" and (method == "POST" or RULES[route] == TOKENS)


@pytest.mark.parametrize("method", [*METHODS, "HEAD", "OPTIONS"])
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


def test_whatever_reveals_rotates_exports_or_deletes_is_asked_again(world: World) -> None:
    """Of an owner who signed in more than a quarter of an hour ago."""
    harmful = [route for route in RULES if HARMFUL.search(route)]
    done = {}
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16)):
        for route in harmful:
            for method, rule in zip(("GET", "POST"), RULES[route], strict=True):
                reply = ask(world.clients["owner"], method, address_of(route, world.ids))
                if rule is not For.NOBODY and "/accounts/reauthenticate/" not in reply.location:
                    done[f"{method} /{route}"] = reply.status_code

    assert done == {}
    assert len(harmful) > 20


def test_every_page_tells_browsers_what_they_may_not_do(world: World) -> None:
    """Those of staff and of the second factor included."""
    replies = {
        route: ask(world.clients["staff"], "GET", address_of(route, world.ids)) for route in RULES
    }
    pages = {
        route: r for route, r in replies.items() if "text/html" in r.headers.get("Content-Type", "")
    }

    policies = [reply.headers["Content-Security-Policy"] for reply in pages.values()]
    assert len(pages) > 100
    assert [policy for policy in policies if "unsafe" in policy] == []
    assert [policy for policy in policies if "frame-ancestors 'none'" not in policy] == []
    for name, value in SAID_BY_EVERY_PAGE.items():
        assert {
            route for route, reply in pages.items() if reply.headers.get(name) != value
        } == set()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_what_is_asked_about_a_page_changes_and_breaks_nothing(world: World, method: str) -> None:
    """By whoever gets furthest: where they change nothing, nobody does."""
    surprises = {}
    for route, rules in RULES.items():
        actor = "staff" if rules == STAFF_PAGES else "owner"
        reply = ask(world.clients[actor], method, address_of(route, world.ids))
        if reply.status_code >= 500 or reply.events:
            surprises[f"{method} /{route}"] = reply.status_code

    assert surprises == {}
