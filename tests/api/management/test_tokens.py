"""Tokens by script: made with a token, never for more than that one is good for, and gone with it."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from licensing import errors, management_tokens
from licensing.events import SYSTEM
from licensing.models import Application, ManagementToken
from licensing.scopes import Scope
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of
from tests.threads import at_once

MAKES = (Scope.TOKENS_WRITE, Scope.LICENSES_READ)


def wanted(**facts: Any) -> dict[str, Any]:
    return {"name": "Shop", "scopes": ["licenses:read"], **facts}


def test_a_token_makes_another_that_works(script: Script, application: Application) -> None:
    answer = script.post("tokens", wanted(application=str(application.pk)))

    assert answer.status_code == 201
    made = Script(answer.json()["text"])
    assert made.get(path_of(application, "/licenses")).status_code == 200
    problem_of(made.post(path_of(application, "/licenses"), {}), 403, "insufficient_scope")


def test_its_text_is_told_once_and_who_made_it_stays_known(
    script: Script, application: Application
) -> None:
    told = script.post("tokens", wanted()).json()

    again = script.get(f"tokens/{told['token']['id']}")

    assert told["text"].startswith("lck_sk_")
    assert told["text"] not in again.content.decode()
    assert again.json() == told["token"]
    maker = ManagementToken.objects.get(name="Script")
    assert told["token"]["made_with"] == str(maker.pk)


def test_asked_twice_with_one_key_there_is_one_token(script: Script) -> None:
    first, second = (
        script.call("POST", "tokens", wanted(), **{"Idempotency-Key": "once"}) for _ in range(2)
    )

    assert first.json() == second.json()
    assert ManagementToken.objects.filter(name="Shop").count() == 1


def test_a_token_of_one_application_makes_those_of_that_one(application: Application) -> None:
    script = Script(factories.make_token(application, *MAKES).text)

    told = script.post("tokens", wanted()).json()

    assert told["token"]["application"] == str(application.pk)
    problem_of(script.post("tokens", wanted(application=None)), 400, "invalid_request")


def test_no_token_makes_one_for_more_than_itself(application: Application) -> None:
    script = Script(factories.make_token(application, *MAKES).text)
    other = factories.make_application(application.team)
    foreign = factories.make_application()

    for scopes in (["licenses:write"], ["licenses:read", "team:read"], ["policies:read"]):
        problem_of(script.post("tokens", wanted(scopes=scopes)), 403, "insufficient_scope")
    for beyond in (other, foreign):
        answer = script.post("tokens", wanted(application=str(beyond.pk)))
        problem_of(answer, 404, "not_found")

    assert ManagementToken.objects.count() == 1


def test_no_token_outlives_the_one_that_made_it(application: Application) -> None:
    end = timezone.now() + dt.timedelta(days=3)
    script = Script(factories.make_token(application, *MAKES, expires_at=end).text)
    later = (end + dt.timedelta(seconds=1)).isoformat()

    problem_of(script.post("tokens", wanted(expires_at=later)), 400, "invalid_request")
    problem_of(script.post("tokens", wanted(expires_at=None)), 400, "invalid_request")
    script.post("tokens", wanted())

    assert ManagementToken.objects.get(name="Shop").expires_at == end


def test_with_a_token_all_are_revoked_that_were_made_with_it(application: Application) -> None:
    thief = factories.make_token(application, *MAKES)
    mine = factories.make_token(application, name="Mine")
    child = Script(thief.text).post("tokens", wanted(scopes=["tokens:write"])).json()
    Script(child["text"]).post("tokens", wanted(name="Grandchild", scopes=["tokens:read"]))

    management_tokens.revoke_token(token=thief.token, actor=SYSTEM, now=timezone.now())

    assert list(ManagementToken.objects.usable(timezone.now())) == [mine.token]
    problem_of(Script(child["text"]).get("tokens"), 401, "invalid_token")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_being_revoked_leaves_none_behind() -> None:
    maker = factories.make_token(factories.make_application(), *MAKES)

    def make() -> None:
        try:
            management_tokens.create_token_with(
                maker=maker.token,
                application=maker.token.application,
                name="Child",
                scopes=[Scope.LICENSES_READ],
                actor=SYSTEM,
                now=timezone.now(),
            )
        except errors.InvalidTokenError:
            return

    def revoke() -> None:
        management_tokens.revoke_token(token=maker.token, actor=SYSTEM, now=timezone.now())

    at_once([make] * 6 + [revoke] + [make] * 6)

    assert not ManagementToken.objects.filter(revoked_at=None).exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": ["licenses:read"]}, "/name"),
        ({"name": "Shop", "scopes": []}, "/scopes"),
        ({"name": "Shop", "scopes": ["licenses:eat"]}, "/scopes/0"),
        ({"name": "Shop", "scopes": ["licenses:read"], "text": "mine"}, "/text"),
        ({"name": "Shop", "scopes": ["licenses:read"], "expires_at": "soon"}, "/expires_at"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(
    script: Script, body: dict[str, Any], pointer: str
) -> None:
    assert problem_of(script.post("tokens", body), 400, "invalid_request")["pointer"] == pointer
