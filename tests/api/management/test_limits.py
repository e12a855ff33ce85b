"""How often a token may call: exactly as often as its limit says, from however many sides at once."""

import pytest
from django.test import Client
from pytest_django import Settings

from licensing.models import Application
from tests import factories
from tests.api.management.conftest import Script, problem_of
from tests.threads import at_once


def test_every_answer_tells_what_is_left(script: Script) -> None:
    answers = [script.get("applications"), script.get("applications/x"), script.get("tokens?x=1")]

    # An address that does not exist is nobody's call.
    assert [answer.get("RateLimit", "")[:20] for answer in answers] == [
        '"management";r=599;t',
        "",
        '"management";r=598;t',
    ]
    assert answers[0]["RateLimit-Policy"] == '"management";q=600;w=60'


def test_a_token_over_its_limit_is_told_when_to_come_back(
    script: Script, application: Application, settings: Settings
) -> None:
    settings.MANAGEMENT_CALLS_PER_MINUTE = 2
    # Refused calls count.
    script.get("applications?colour=red")
    script.call("PUT", "applications")

    response = script.get("applications")

    problem_of(response, 429, "rate_limited")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert response["RateLimit"].startswith('"management";r=0;t=')
    # Another token has a count of its own.
    assert Script(factories.make_token(application).text).get("applications").status_code == 200


def test_what_the_caller_chooses_does_not_begin_a_new_count(
    script: Script, settings: Settings
) -> None:
    settings.MANAGEMENT_CALLS_PER_MINUTE = 3

    answers = [
        script.get(
            "applications", **{"X-Forwarded-For": f"192.0.2.{number}", "X-Request-ID": "x" * 9}
        )
        for number in range(5)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]


def test_calls_without_a_good_token_take_nothing_from_others(script: Script) -> None:
    Client().get("/api/v1/applications", headers={"Authorization": "Bearer lck_sk_X"})

    assert '"management";r=599;' in script.get("applications")["RateLimit"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_fifty_calls_at_once_against_a_limit_of_twenty_get_twenty_through(
    settings: Settings,
) -> None:
    settings.MANAGEMENT_CALLS_PER_MINUTE = 20
    script = Script(factories.make_token(factories.make_application()).text)

    answers = at_once([lambda: script.get("applications").status_code] * 50)

    assert sorted(answers) == [200] * 20 + [429] * 30
