"""A call with an Idempotency-Key acts once, however often and from however many sides it is sent."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from licensing import idempotency, key_rotation
from licensing.models import Application, IdempotentAnswer, License
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of
from tests.lockence.test_secrets_at_rest import found_in, tables
from tests.threads import at_once

KEY = "order-4711"


def post(script: Script, path: str, body: Any = None, key: str = KEY, **more: str) -> HttpResponse:
    return script.call("POST", path, body, **{"Idempotency-Key": key, **more})


def test_the_second_call_gets_the_answer_of_the_first(
    script: Script, application: Application
) -> None:
    first, second = (post(script, path_of(application, "/licenses"), {"count": 2}) for _ in "12")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert application.licenses.count() == 2


def test_how_the_same_was_written_does_not_matter(script: Script, application: Application) -> None:
    path = path_of(application, "/licenses")

    post(script, path, '{"count": 2, "username": "Ada"}')
    again = post(script, f"{path}/", '{"username":"Ada","count":2}')

    assert again["Idempotent-Replayed"] == "true"


def test_another_key_and_no_key_act_again(script: Script, application: Application) -> None:
    path = path_of(application, "/licenses")

    post(script, path, {"count": 1})
    post(script, path, {"count": 1}, "order-4712")
    script.post(path, {"count": 1})

    assert application.licenses.count() == 3


@pytest.mark.parametrize(
    ("path", "body"), [("/licenses", {"count": 2}), ("/policies", {"name": "Trial"})]
)
def test_the_same_key_with_another_request_is_refused(
    script: Script, application: Application, path: str, body: dict[str, Any]
) -> None:
    post(script, path_of(application, "/licenses"), {"count": 1})

    response = post(script, path_of(application, path), body)

    problem_of(response, 422, "idempotency_key_reused")
    assert application.licenses.count() == 1


def test_a_key_is_its_tokens_own(script: Script, application: Application) -> None:
    other = Script(factories.make_token(application).text)

    post(script, path_of(application, "/licenses"), {"count": 1})
    response = post(other, path_of(application, "/licenses"), {"count": 2})

    assert response.status_code == 201
    assert application.licenses.count() == 3


def test_what_was_refused_did_nothing_and_may_be_sent_right(
    script: Script, application: Application
) -> None:
    path = path_of(application, "/policies")
    problem_of(post(script, path, {"name": "Standard"}), 400, "invalid_request")

    response = post(script, path, {"name": "Trial"})

    assert response.status_code == 201


def test_an_act_that_fails_halfway_leaves_nothing(
    script: Script, application: Application, license: License
) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if "licensing_idempotentanswer" in sql and sql.startswith("INSERT"):
            raise RuntimeError("no room")
        return execute(sql, *args)

    path = path_of(application, f"/licenses/{license.pk}/revoke")
    with connection.execute_wrapper(fail):
        problem_of(post(script, path), 500, "server_error")

    license.refresh_from_db()
    assert license.status == "active"
    assert post(script, path).json()["status"] == "revoked"


def test_a_key_is_forgotten_after_a_day(script: Script, application: Application) -> None:
    path, start = path_of(application, "/licenses"), timezone.now()
    counts = []
    for hours in (0, 23.9, 24.1, 30):
        with time_machine.travel(start + dt.timedelta(hours=hours), tick=False):
            assert post(script, path, {"count": 1}).status_code == 201
        counts.append(application.licenses.count())

    assert counts == [1, 1, 2, 2]


def test_old_answers_are_swept_by_new_ones(script: Script, application: Application) -> None:
    path, start = path_of(application, "/licenses"), timezone.now()
    for number in range(3):
        post(script, path, {"count": 1}, f"order-{number}")

    with time_machine.travel(start + dt.timedelta(hours=25), tick=False):
        post(script, path, {"count": 1}, "order-of-tomorrow")

    assert IdempotentAnswer.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "two words", "é", "x" * 256])
def test_a_key_that_is_none_is_refused(script: Script, application: Application, key: str) -> None:
    response = post(script, path_of(application, "/licenses"), {"count": 1}, key)

    problem = problem_of(response, 400, "invalid_request")
    assert problem["errors"][0]["header"] == "Idempotency-Key"
    assert application.licenses.count() == 0


def test_a_token_without_the_scope_learns_nothing_by_a_key(
    script: Script, application: Application
) -> None:
    path = path_of(application, "/licenses")
    post(script, path, {"count": 1})
    stranger = Script(factories.make_token(factories.make_application()).text)

    problem_of(post(stranger, path, {"count": 1}), 404, "not_found")
    problem_of(post(Script("lck_sk_x"), path, {"count": 1}), 401, "invalid_token")


def test_a_kept_answer_tells_no_license_key(script: Script, application: Application) -> None:
    answer = post(script, path_of(application, "/licenses"), {"count": 1, "email": "a@example.com"})
    [issued] = answer.json()["data"]

    [kept] = [text for name, text in tables().items() if name == "licensing_idempotentanswer"]
    assert kept
    for told in (issued["key"], "a@example.com", KEY):
        assert not [place for place in found_in({"kept": kept}, told) if "sha256" not in place]


def test_a_kept_answer_moves_to_a_new_encryption_key() -> None:
    assert idempotency.CALL in key_rotation.CELLS


def test_a_key_costs_few_statements(script: Script, application: Application) -> None:
    path = path_of(application, "/licenses")
    script.post(path, {"count": 1})

    counts = {}
    for key in ("", "order-1", "order-1"):
        with_key = {"Idempotency-Key": key} if key else {}
        with connection.execute_wrapper(_counting(counts, len(counts))):
            script.call("POST", path, {"count": 1}, **with_key)
    without, first, again = counts.values()

    # Hold the key, look for an answer, make room, keep the answer, sweep.
    assert first == without + 5
    # Token, limit, hold and look.
    assert again <= 4


def _counting(counts: dict[int, int], number: int) -> Any:
    counts[number] = 0

    def count(execute: Any, sql: str, *args: Any) -> Any:
        counts[number] += not re.match("SAVEPOINT|RELEASE", sql)
        return execute(sql, *args)

    return count


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_thirty_two_calls_with_one_key_one_acts() -> None:
    application = factories.make_application()
    script = Script(factories.make_token(application).text)
    path = path_of(application, "/licenses")

    answers = at_once([lambda: post(script, path, {"count": 3})] * 32)

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert application.licenses.count() == 3
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "idempotency_key_in_use")
            assert answer["Retry-After"] == "1"
    # And once they are through, everybody gets the answer.
    assert post(script, path, {"count": 3})["Idempotent-Replayed"] == "true"


def test_who_is_no_script_has_no_keys(client: Client, license: License) -> None:
    sent = {"api_key": factories.api_key_of(license.application), "license_key": "x", "hwid": "d"}

    for _ in range(2):
        answer = client.post(
            "/api/v1/init", sent, content_type="application/json", headers={"Idempotency-Key": KEY}
        )

    assert answer.status_code == 404
    assert IdempotentAnswer.objects.count() == 0
