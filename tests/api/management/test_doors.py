"""Which token opens what: every address, by every method, with every scope, and with nobody's token."""

import re
import uuid

import pytest
from django.test import Client

from accounts.access import Role
from accounts.models import Team
from api.management.urls import ADDRESSES
from licensing.events import history_of
from licensing.models import Application, License
from licensing.scopes import Scope
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of

APPLICATION = "applications/<uuid:application_id>"
# The scope that each call asks for.
CALLS = {
    ("GET", "applications"): "applications:read",
    ("GET", APPLICATION): "applications:read",
    ("PATCH", APPLICATION): "applications:write",
    ("POST", f"{APPLICATION}/enable"): "applications:write",
    ("POST", f"{APPLICATION}/disable"): "applications:write",
    ("GET", f"{APPLICATION}/signing-keys"): "signing_keys:read",
    ("GET", f"{APPLICATION}/signing-keys/<uuid:id>"): "signing_keys:read",
    ("POST", f"{APPLICATION}/signing-keys/<uuid:id>/promote"): "signing_keys:write",
    ("POST", f"{APPLICATION}/signing-keys/<uuid:id>/replace"): "signing_keys:write",
    ("POST", f"{APPLICATION}/signing-keys/<uuid:id>/retire"): "signing_keys:write",
    ("GET", f"{APPLICATION}/policies"): "policies:read",
    ("POST", f"{APPLICATION}/policies"): "policies:write",
    ("GET", f"{APPLICATION}/policies/<uuid:id>"): "policies:read",
    ("PATCH", f"{APPLICATION}/policies/<uuid:id>"): "policies:write",
    ("DELETE", f"{APPLICATION}/policies/<uuid:id>"): "policies:write",
    ("POST", f"{APPLICATION}/policies/<uuid:id>/make-default"): "policies:write",
    ("GET", f"{APPLICATION}/policies/<uuid:id>/grants"): "policies:read",
    ("POST", f"{APPLICATION}/policies/<uuid:id>/grants"): "policies:write",
    ("DELETE", f"{APPLICATION}/policies/<uuid:id>/grants/<uuid:entitlement_id>"): "policies:write",
    ("GET", f"{APPLICATION}/entitlements"): "entitlements:read",
    ("POST", f"{APPLICATION}/entitlements"): "entitlements:write",
    ("GET", f"{APPLICATION}/entitlements/<uuid:id>"): "entitlements:read",
    ("PATCH", f"{APPLICATION}/entitlements/<uuid:id>"): "entitlements:write",
    ("GET", f"{APPLICATION}/variables"): "variables:read",
    ("POST", f"{APPLICATION}/variables"): "variables:write",
    ("GET", f"{APPLICATION}/variables/<uuid:id>"): "variables:read",
    ("PATCH", f"{APPLICATION}/variables/<uuid:id>"): "variables:write",
    ("DELETE", f"{APPLICATION}/variables/<uuid:id>"): "variables:write",
    ("POST", f"{APPLICATION}/variables/<uuid:id>/reveal"): "variables:write",
    ("GET", f"{APPLICATION}/usage"): "usage:read",
    ("GET", f"{APPLICATION}/licenses/<uuid:id>/grants"): "licenses:read",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/grants"): "licenses:write",
    ("DELETE", f"{APPLICATION}/licenses/<uuid:id>/grants/<uuid:entitlement_id>"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/usage"): "usage:write",
    ("GET", f"{APPLICATION}/licenses"): "licenses:read",
    ("POST", f"{APPLICATION}/licenses"): "licenses:write",
    ("GET", f"{APPLICATION}/licenses/<uuid:id>"): "licenses:read",
    ("PATCH", f"{APPLICATION}/licenses/<uuid:id>"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/reveal"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/extend"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/suspend"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/restore"): "licenses:write",
    ("GET", f"{APPLICATION}/words"): "applications:read",
    ("POST", f"{APPLICATION}/words"): "applications:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/revoke"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/reinstate"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/renew"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/convert"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/transfer"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/reset-trial"): "licenses:write",
    ("GET", f"{APPLICATION}/named-users"): "licenses:read",
    ("GET", f"{APPLICATION}/named-users/<uuid:id>"): "licenses:read",
    ("DELETE", f"{APPLICATION}/named-users/<uuid:id>"): "licenses:write",
    ("GET", f"{APPLICATION}/access-rules"): "access_rules:read",
    ("POST", f"{APPLICATION}/access-rules"): "access_rules:write",
    ("GET", f"{APPLICATION}/access-rules/<uuid:id>"): "access_rules:read",
    ("DELETE", f"{APPLICATION}/access-rules/<uuid:id>"): "access_rules:write",
    ("POST", f"{APPLICATION}/devices/<uuid:id>/block"): "access_rules:write",
    ("GET", f"{APPLICATION}/devices"): "devices:read",
    ("GET", f"{APPLICATION}/devices/<uuid:id>"): "devices:read",
    ("POST", f"{APPLICATION}/devices/<uuid:id>/release"): "devices:write",
    ("GET", f"{APPLICATION}/sessions"): "sessions:read",
    ("GET", f"{APPLICATION}/sessions/<uuid:id>"): "sessions:read",
    ("POST", f"{APPLICATION}/sessions/<uuid:id>/end"): "sessions:write",
    ("GET", f"{APPLICATION}/events"): "events:read",
    ("POST", "applications"): "applications:write",
    ("GET", f"{APPLICATION}/numbers"): "applications:read",
    ("GET", f"{APPLICATION}/api-keys"): "api_keys:read",
    ("POST", f"{APPLICATION}/api-keys/rotate"): "api_keys:write",
    ("GET", f"{APPLICATION}/api-keys/<uuid:id>"): "api_keys:read",
    ("POST", f"{APPLICATION}/api-keys/<uuid:id>/retire"): "api_keys:write",
    ("GET", f"{APPLICATION}/batches"): "licenses:read",
    ("GET", f"{APPLICATION}/batches/<uuid:id>"): "licenses:read",
    ("DELETE", f"{APPLICATION}/licenses/<uuid:id>"): "licenses:write",
    ("GET", f"{APPLICATION}/bulk-jobs"): "licenses:read",
    ("POST", f"{APPLICATION}/bulk-jobs"): "licenses:write",
    ("POST", f"{APPLICATION}/bulk-jobs/issue"): "licenses:write",
    ("POST", f"{APPLICATION}/bulk-jobs/from-file"): "licenses:write",
    ("GET", f"{APPLICATION}/bulk-jobs/<uuid:id>"): "licenses:read",
    ("POST", f"{APPLICATION}/bulk-jobs/<uuid:id>/cancel"): "licenses:write",
    ("POST", f"{APPLICATION}/bulk-jobs/<uuid:id>/perform"): "licenses:write",
    ("POST", f"{APPLICATION}/bulk-jobs/<uuid:id>/results/export"): "licenses:read",
    ("GET", f"{APPLICATION}/bulk-jobs/<uuid:id>/failures"): "licenses:read",
    ("POST", f"{APPLICATION}/bulk-jobs/<uuid:id>/failures/export"): "licenses:read",
    ("POST", f"{APPLICATION}/licenses/export"): "licenses:write",
    ("POST", f"{APPLICATION}/licenses/<uuid:id>/erase-history"): "licenses:write",
    ("GET", "team"): "team:read",
    ("PATCH", "team"): "team:write",
    ("GET", "members"): "team:read",
    ("GET", "members/<uuid:id>"): "team:read",
    ("PATCH", "members/<uuid:id>"): "team:write",
    ("DELETE", "members/<uuid:id>"): "team:write",
    ("GET", "invitations"): "team:read",
    ("POST", "invitations"): "team:write",
    ("GET", "invitations/<uuid:id>"): "team:read",
    ("DELETE", "invitations/<uuid:id>"): "team:write",
    ("GET", "events"): "team:read",
    ("POST", "events/export"): "team:read",
    ("GET", f"{APPLICATION}/webhook-endpoints"): "webhooks:read",
    ("POST", f"{APPLICATION}/webhook-endpoints"): "webhooks:write",
    ("GET", f"{APPLICATION}/webhook-endpoints/<uuid:id>"): "webhooks:read",
    ("PATCH", f"{APPLICATION}/webhook-endpoints/<uuid:id>"): "webhooks:write",
    ("DELETE", f"{APPLICATION}/webhook-endpoints/<uuid:id>"): "webhooks:write",
    ("POST", f"{APPLICATION}/webhook-endpoints/<uuid:id>/pause"): "webhooks:write",
    ("POST", f"{APPLICATION}/webhook-endpoints/<uuid:id>/enable"): "webhooks:write",
    ("POST", f"{APPLICATION}/webhook-endpoints/<uuid:id>/test"): "webhooks:write",
    ("POST", f"{APPLICATION}/webhook-endpoints/<uuid:id>/replay-range"): "webhooks:write",
    ("POST", f"{APPLICATION}/webhook-endpoints/<uuid:id>/reveal"): "webhooks:write",
    ("POST", f"{APPLICATION}/webhook-endpoints/<uuid:id>/rotate"): "webhooks:write",
    ("GET", f"{APPLICATION}/deliveries"): "webhooks:read",
    ("GET", f"{APPLICATION}/deliveries/<uuid:id>"): "webhooks:read",
    ("GET", f"{APPLICATION}/deliveries/<uuid:id>/attempts"): "webhooks:read",
    ("POST", f"{APPLICATION}/deliveries/<uuid:id>/replay"): "webhooks:write",
    ("GET", "tokens"): "tokens:read",
    ("POST", "tokens"): "tokens:write",
    ("GET", "tokens/<uuid:id>"): "tokens:read",
    ("POST", "tokens/<uuid:id>/revoke"): "tokens:write",
    ("DELETE", f"{APPLICATION}/entitlements/<uuid:id>"): "entitlements:write",
}
OWN_LISTS = {("GET", "applications"): 200, ("GET", "tokens"): 200, ("POST", "tokens"): 201}
# What is not below an application is the team's own, whoever asks.
OF_THE_TEAM = {
    ("POST", "applications"): 201,
    ("GET", "team"): 200,
    ("PATCH", "team"): 200,
    ("GET", "members"): 200,
    ("GET", "invitations"): 200,
    ("POST", "invitations"): 201,
    ("GET", "events"): 200,
    ("POST", "events/export"): 200,
}
BODIES = {
    "webhook-endpoints": {"url": "https://hooks.example/in", "events": ["*"]},
    "replay-range": {"since": "2026-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"},
    "applications": {"name": "Another"},
    "bulk-jobs": {"act": "suspend", "filter": {}},
    "issue": {"count": 1},
    "rotate": {"overlap_seconds": 60},
    "invitations": {"email": "ada@example.com", "role": "viewer"},
    "policies": {"name": "Trial"},
    "entitlements": {"name": "export", "kind": "boolean"},
    "variables": {"name": "TITLE", "value": "Game"},
    "grants": {"entitlement": "pages", "value": 100},
    "usage": {"entitlement": "pages", "used": 5},
    "licenses": {"count": 1},
    "extend": {"expires_at": None},
    "access-rules": {"kind": "country", "value": "DE"},
    "transfer": {"username": "Grace"},
    "tokens": {"name": "Shop", "scopes": ["tokens:write"]},
    "words": {"code": "license_expired", "text": "Over."},
}


@pytest.fixture
def paths(application: Application, license: License) -> dict[str, str]:
    """A path for every address, for rows that are there and that the acts may be done to."""
    session = factories.make_session(license)
    endpoint = factories.make_endpoint(application)
    rows = {
        "webhook-endpoints": endpoint.pk,
        "deliveries": endpoint.deliveries.first().pk,
        "signing-keys": application.signing_keys.get(state="next").pk,
        "policies": factories.make_policy(application).pk,
        "named-users": factories.make_named_user(application).pk,
        "access-rules": factories.make_access_rule(application).pk,
        "variables": factories.make_variable(application).pk,
        "entitlements": factories.make_entitlement(application, "pages", "metered").pk,
        "licenses": license.pk,
        "devices": session.device_id,
        "sessions": session.pk,
        "tokens": factories.make_token(application).token.pk,
        "api-keys": application.api_keys.get().pk,
        "batches": license.batch_id,
        "bulk-jobs": factories.make_bulk_job(license).pk,
        "members": factories.add_member(application.team, Role.SUPPORT).memberships.get().pk,
        "invitations": factories.make_invitation(application.team).pk,
    }
    return {address: _path(address, application.pk, rows) for address in ADDRESSES}


def test_every_call_is_tried_here() -> None:
    offered = {(method, address) for address, view in ADDRESSES.items() for method in view.scopes}
    known = {
        (method, address)
        for address, view in ADDRESSES.items()
        for method in ("GET", "POST", "PATCH", "PUT", "DELETE")
        if hasattr(view, method.lower())
    }

    assert offered == known == CALLS.keys()


def test_a_token_with_all_scopes_makes_every_call(script: Script, paths: dict[str, str]) -> None:
    # Reading first: some acts are the end of what they are done to.
    calls = sorted(CALLS, key=lambda call: (call[0] != "GET", call[0] == "DELETE"))

    answers = {call: _call(script, call, paths) for call in calls}

    refused = {call: status for call, status in answers.items() if status >= 300}
    # The policy is the default one by then, the key has been promoted, and the license has no end and is no trial.
    assert refused == {
        ("POST", f"{APPLICATION}/licenses/<uuid:id>/renew"): 409,
        ("POST", f"{APPLICATION}/licenses/<uuid:id>/convert"): 400,
        # Reinstated by then.
        ("DELETE", f"{APPLICATION}/licenses/<uuid:id>"): 409,
        # It takes no JSON (test_bulk_jobs.py).
        ("POST", f"{APPLICATION}/bulk-jobs/from-file"): 400,
        # It is no dry run.
        ("POST", f"{APPLICATION}/bulk-jobs/<uuid:id>/perform"): 400,
        ("DELETE", f"{APPLICATION}/policies/<uuid:id>"): 409,
        ("POST", f"{APPLICATION}/signing-keys/<uuid:id>/replace"): 409,
        ("POST", f"{APPLICATION}/signing-keys/<uuid:id>/retire"): 409,
    }


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_allows_its_own_calls(
    scope: Scope, application: Application, paths: dict[str, str]
) -> None:
    script = Script(factories.make_token(application, scope, for_the_team=True).text)
    # Who may change a thing may read it.
    granted = {scope, scope.replace(":write", ":read")}

    refused = {
        call
        for call, wanted in CALLS.items()
        if wanted in granted and _call(script, call, paths) == 403
    }

    assert refused == set()


@pytest.mark.parametrize("scope", list(Scope))
def test_all_other_scopes_together_do_not_make_up_for_one(
    scope: Scope, application: Application, paths: dict[str, str]
) -> None:
    others = [other for other in Scope if scope not in (other, other.replace(":write", ":read"))]
    script = Script(factories.make_token(application, *others, for_the_team=True).text)

    answers = {
        call: _call(script, call, paths) for call, wanted in CALLS.items() if wanted == scope
    }

    assert answers == dict.fromkeys(answers, 403)


def test_a_refusal_names_the_scope_that_is_missing(application: Application) -> None:
    script = Script(factories.make_token(application, Scope.LICENSES_READ).text)

    response = script.post(path_of(application, "/licenses"), {"count": 1})

    assert "licenses:write" in problem_of(response, 403, "insufficient_scope")["detail"]
    assert 'scope="licenses:write"' in response["WWW-Authenticate"]
    assert application.licenses.count() == 0


def test_a_strangers_token_finds_nothing(paths: dict[str, str], application: Application) -> None:
    stranger = Script(factories.make_token(factories.make_application(), for_the_team=True).text)
    before = history_of(application).count()

    answers = {call: _call(stranger, call, paths) for call in CALLS}

    assert answers == dict.fromkeys(CALLS, 404) | OWN_LISTS | OF_THE_TEAM
    assert history_of(application).count() == before
    for listed in ("applications", "tokens", "events"):
        assert str(application.pk) not in stranger.get(listed).content.decode()
    for listed in ("team", "members", "invitations"):
        assert str(application.team.memberships.first().user) not in stranger.get(listed).text


def test_a_token_of_one_application_finds_nothing_of_another(
    team: Team, paths: dict[str, str]
) -> None:
    other = factories.make_application(team, "Other")
    script = Script(factories.make_token(other).text)

    answers = {call: _call(script, call, paths) for call in CALLS}

    assert answers == dict.fromkeys(CALLS, 404) | OWN_LISTS | _refused_below_the_team()
    assert [row["id"] for row in script.get("applications").json()["data"]] == [str(other.pk)]


def test_what_is_not_there_and_what_is_anothers_answer_alike(
    script: Script, application: Application
) -> None:
    foreign = factories.make_license()
    ids = [uuid.uuid4(), foreign.pk]

    answers = [script.get(path_of(application, f"/licenses/{id}")) for id in ids]
    answers.append(script.get(path_of(foreign.application, f"/licenses/{foreign.pk}")))

    problems = [problem_of(answer, 404, "not_found") for answer in answers]
    assert len({problem["detail"] for problem in problems}) == 1


def test_without_a_token_nothing_opens(paths: dict[str, str]) -> None:
    for method, address in CALLS:
        for slash in ("", "/"):
            response = Client().generic(method, f"/api/v1/{paths[address]}{slash}")
            problem = problem_of(response, 401, "invalid_token")
            assert "Bearer lck_sk_" in problem["detail"]
            assert response["WWW-Authenticate"].startswith("Bearer ")


def test_who_is_signed_in_is_nobody_here(application: Application, dashboard: Client) -> None:
    response = dashboard.get("/api/v1/applications")

    problem_of(response, 401, "invalid_token")


@pytest.fixture
def dashboard(client: Client, developer: object) -> Client:
    client.force_login(developer)  # type: ignore[arg-type]
    return client


def _refused_below_the_team() -> dict[tuple[str, str], int]:
    of_the_team = ("team", "members", "invitations", "events")
    return dict.fromkeys(
        [("POST", "applications"), *(call for call in CALLS if call[1].startswith(of_the_team))],
        403,
    )


def _call(script: Script, call: tuple[str, str], paths: dict[str, str]) -> int:
    method, address = call
    body = None
    if method == "PATCH":
        body = {}
    elif method == "POST":
        body = BODIES.get(address.rpartition("/")[2])
    return script.call(method, paths[address], body).status_code


def _path(address: str, application_id: uuid.UUID, rows: dict[str, uuid.UUID]) -> str:
    path = address.replace("<uuid:application_id>", str(application_id))
    path = path.replace("<uuid:entitlement_id>", str(rows["entitlements"]))
    return re.sub(r"([\w-]+)/<uuid:id>", lambda found: f"{found[1]}/{rows[found[1]]}", path)
