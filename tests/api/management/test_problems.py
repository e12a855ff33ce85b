"""Whatever goes wrong is one shape of problem, never a page and never a redirect."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from licensing import management_tokens
from licensing.events import SYSTEM
from licensing.models import Application, License, ManagementToken
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_address_answers_with_and_without_a_slash(
    script: Script, application: Application, slash: str
) -> None:
    response = script.get(f"applications/{application.pk}{slash}")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json()["name"] == "Game"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize(
    "path",
    [
        "applications/nonsense",
        "applications/%0A",
        "tokens/%3F/",
        "tokens/1/2",
        "applications/x/keys/y",
    ],
)
def test_an_unknown_address_is_a_problem(script: Script, method: str, path: str) -> None:
    problem_of(script.call(method, path), 404, "not_found")


# Whose call it is


def test_an_api_key_in_its_place_is_named(application: Application) -> None:
    response = Script(factories.api_key_of(application)).get("applications")

    problem = problem_of(response, 401, "invalid_token")
    assert "API key (lck_pk_…)" in problem["detail"]
    assert "lck_sk_" in problem["detail"]


def test_a_token_in_the_place_of_an_api_key_is_named(
    client: Client, script: Script, license: License
) -> None:
    sent = {"api_key": script.text, "license_key": license.reveal(), "hwid": "device-1"}

    answer = client.post("/api/v1/init", sent, content_type="application/json").json()

    assert "secret management token" in answer["message"]


def test_tokens_that_open_nothing_answer_alike(application: Application) -> None:
    revoked, expired = (
        factories.make_token(application),
        factories.make_token(application, expires_at=timezone.now() + dt.timedelta(hours=1)),
    )
    management_tokens.revoke_token(token=revoked.token, actor=SYSTEM, now=timezone.now())

    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        answers = [
            Script(text).get("applications")
            for text in (revoked.text, expired.text, "lck_sk_UNKNOWN", "nonsense", "é")
        ]

    problems = [problem_of(answer, 401, "invalid_token") for answer in answers]
    assert len({problem["detail"] for problem in problems}) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Token lck_sk_A"])
def test_a_call_without_a_bearer_token_is_told_how(client: Client, header: str) -> None:
    response = client.get("/api/v1/applications", headers={"Authorization": header})

    assert "Authorization: Bearer" in problem_of(response, 401, "invalid_token")["detail"]


def test_a_token_in_the_address_opens_nothing(client: Client, script: Script) -> None:
    response = client.get(f"/api/v1/applications?access_token={script.text}")

    problem_of(response, 401, "invalid_token")


def test_use_is_noted_once_a_minute(application: Application) -> None:
    new, start = factories.make_token(application), timezone.now()
    noted = []
    for seconds in (0, 30, 61):
        with time_machine.travel(start + dt.timedelta(seconds=seconds), tick=False):
            Script(new.text).get("applications")
        noted.append(ManagementToken.objects.get(pk=new.token.pk).last_used_at)

    assert noted == [start, start, start + dt.timedelta(seconds=61)]


# What it sends


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"count": 0}, "/count"),
        ({"count": 1_001}, "/count"),
        ({"count": "2"}, "/count"),
        ({"count": 2.5}, "/count"),
        ({"count": True}, "/count"),
        ({"count": None}, "/count"),
        ({"colour": "red"}, "/colour"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"username": 5}, "/username"),
        ({"username": "x" * 151}, "/username"),
        ({"email": "nobody"}, "/email"),
        ({"metadata": []}, "/metadata"),
        ({"metadata": {"x": "y" * 9_000}}, "/metadata"),
        ({"devices_max": 0}, "/devices_max"),
        ({"devices_max": 2**31}, "/devices_max"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": 4_000_000_000}, "/expires_at"),
        ({"policy": "Standard"}, "/policy"),
        ({"policy": "01a20bb4-3507-7dee-94ef-2ac15de95341"}, "/policy"),
    ],
)
def test_a_member_that_is_wrong_is_pointed_at(
    script: Script, application: Application, sent: dict[str, Any], pointer: str
) -> None:
    response = script.post(path_of(application, "/licenses"), sent)

    problem = problem_of(response, 400, "invalid_request")
    assert problem["pointer"] == pointer
    assert problem["errors"][0]["pointer"] == pointer
    assert application.licenses.count() == 0


def test_all_that_is_wrong_is_told_at_once(script: Script, application: Application) -> None:
    sent = {"count": 0, "colour": "red", "email": "nobody"}

    problem = problem_of(
        script.post(path_of(application, "/licenses"), sent), 400, "invalid_request"
    )

    assert {fault["pointer"] for fault in problem["errors"]} == {"/count", "/colour", "/email"}


def test_what_a_verb_refuses_is_a_problem(script: Script, application: Application) -> None:
    response = script.post(path_of(application, "/policies"), {"name": "Standard"})

    assert "name is taken" in problem_of(response, 400, "invalid_request")["detail"]


def test_an_end_in_the_past_is_refused(script: Script, application: Application) -> None:
    sent = {"expires_at": "2001-01-01T00:00:00Z"}

    problem_of(script.post(path_of(application, "/licenses"), sent), 400, "invalid_request")


def test_an_act_takes_no_members(script: Script, application: Application) -> None:
    response = script.post(path_of(application, "/disable"), {"for": "ever"})

    assert problem_of(response, 400, "invalid_request")["pointer"] == "/for"
    application.refresh_from_db()
    assert application.enabled


@pytest.mark.parametrize(
    "body",
    ['{"name": ', "[]", '"name"', '{"name": "a", "name": "b"}', '{"name": NaN}', "\ufeff{}", "{}}"],
)
def test_a_body_that_is_no_json_object_is_refused(
    script: Script, application: Application, body: str
) -> None:
    problem_of(script.post(path_of(application, "/policies"), body), 400, "invalid_request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "a"])
def test_a_body_of_another_type_is_refused(
    client: Client, script: Script, application: Application, content_type: str
) -> None:
    response = client.generic(
        "POST",
        f"/api/v1/{path_of(application, '/policies')}",
        "name=Trial",
        content_type=content_type,
        headers={"Authorization": f"Bearer {script.text}"},
    )

    problem_of(response, 415, "unsupported_media_type")


def test_a_body_that_is_too_large_is_refused(script: Script, application: Application) -> None:
    sent = {"name": "x" * 128 * 1024}

    problem_of(script.post(path_of(application, "/policies"), sent), 413, "body_too_large")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0"])
def test_who_accepts_no_json_gets_none(script: Script, accept: str) -> None:
    problem_of(script.get("applications", Accept=accept), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json"])
def test_who_accepts_json_among_others_gets_it(script: Script, accept: str) -> None:
    assert script.get("applications", Accept=accept).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_an_address_does_not_know_is_refused(script: Script, method: str) -> None:
    response = script.call(method, "applications")

    problem_of(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


def test_head_is_get_without_its_body(script: Script) -> None:
    response = script.call("HEAD", "applications")

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("status=gone", "status"),
        ("policy=x", "policy"),
        ("colour=red", "colour"),
        ("format=xml", "format"),
        ("limit=1&limit=2", "limit"),
        ("expand=policy,policy", "expand"),
        ("username=%00", "username"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    script: Script, application: Application, query: str, parameter: str
) -> None:
    response = script.get(path_of(application, f"/licenses?{query}"))

    assert problem_of(response, 400, "invalid_request")["parameter"] == parameter


def test_a_whole_number_may_be_written_with_its_point(
    script: Script, application: Application
) -> None:
    response = script.post(path_of(application, "/licenses"), '{"count": 2.0}')

    assert response.status_code == 201
    assert application.licenses.count() == 2


def test_a_number_is_no_id(script: Script, application: Application) -> None:
    response = script.post(path_of(application, "/licenses/export"), {"batch": 5})

    assert problem_of(response, 400, "invalid_request")["pointer"] == "/batch"


# What goes wrong here


def test_an_unknown_host_is_a_problem(script: Script) -> None:
    problem_of(script.get("applications", Host="elsewhere.example"), 400, "invalid_request")


def test_an_outage_of_the_database_says_when_to_ask_again(script: Script) -> None:
    def broken(*args: object) -> None:
        raise OperationalError("the connection is closed")

    with connection.execute_wrapper(broken):
        response = script.get("applications")

    problem_of(response, 503, "temporarily_unavailable")
    assert int(response["Retry-After"]) > 0


def test_a_fault_of_ours_tells_nothing_of_itself(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("of no interest to others")

    with connection.execute_wrapper(broken):
        response = script.get("applications")

    problem = problem_of(response, 500, "server_error")
    assert "interest" not in str(problem)
    assert "of no interest to others" in caplog.text


def test_what_a_token_did_stands_in_the_log_as_its_act(
    script: Script, application: Application, license: License, developer: User
) -> None:
    script.post(path_of(application, f"/licenses/{license.pk}/suspend"))

    [event] = script.get(path_of(application, "/events?action=license.suspended")).json()["data"]
    token = ManagementToken.objects.get()
    assert event["actor"] == {
        "kind": "token",
        "email": "",
        "token": str(token.pk),
        "ip_address": "127.0.0.1",
    }
    assert (event["before"], event["after"]) == ({"status": "active"}, {"status": "suspended"})
    client = Client()
    client.force_login(developer)
    page = client.get(f"/dashboard/applications/{application.pk}/events/").text
    assert "Token “Script”" in page
