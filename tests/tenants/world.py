"""Two teams that have one of everything, and what somebody gets who asks for it."""

import copy
import dataclasses
import re
from collections.abc import Mapping

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.access import Role
from accounts.events import SYSTEM
from accounts.models import Team
from tests import factories

# Stands in everything that the developer's team owns, and may stand in nothing that others are sent.
CANARY = "canary"
# Stands in everything that the stranger's team owns.
OWN = "finch"


@dataclasses.dataclass
class World:
    """A team with one of everything, everybody who may try to see it, and a stranger with a team of their own."""

    team: Team
    ids: dict[str, object]
    foreign_ids: dict[str, object]
    clients: dict[str, Client]


def bearer(key: str) -> Client:
    """A program that shows a key in every header that somebody might look for it in."""
    return Client(headers={"Authorization": f"Bearer {key}", "X-Api-Key": key})


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


@dataclasses.dataclass(frozen=True)
class Reply:
    status_code: int
    location: str
    text: str
    events: int
    headers: Mapping[str, str]


def ask(client: Client, method: str, address: str) -> Reply:
    """Send a request, and take back what it changed, in the database and in the browser."""
    cookies = copy.deepcopy(client.cookies)
    with transaction.atomic():
        before = _events()
        response = client.generic(method, address)
        text = b"".join(response).decode(errors="replace")
        events = _events() - before
        transaction.set_rollback(True)
    client.cookies = cookies
    return Reply(
        response.status_code, response.get("Location", ""), text, events, dict(response.items())
    )


def _events() -> int:
    # Asked thousands of times, and so past Django's models.
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_event")
        [events] = cursor.fetchone()
    return int(events)


def outcome_of(reply: Reply) -> str:
    if re.match(r"/(accounts|admin)/login/\?next=", reply.location):
        return "login"
    # A form or a body that was not filled in came as far as whoever fills it in.
    if reply.status_code < 400 or reply.status_code in (400, 415, 422):
        return "open"
    return str(reply.status_code)
