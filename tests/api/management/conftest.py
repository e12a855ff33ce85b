"""A script of the developer's, with a token that may do everything in all applications of the team."""

import dataclasses
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Team
from licensing.models import Application, License
from tests import factories
from tests.api.openapi import faults_of


@dataclasses.dataclass(frozen=True)
class Script:
    """Calls below /api/v1/ with a management token; every answer is what the OpenAPI document says of it."""

    text: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        answer = Client().generic(
            method,
            f"/api/v1/{path}",
            data="" if body is None else body if isinstance(body, str) else _json(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.text}", **headers},
        )
        assert faults_of(method, f"/api/v1/{path}", answer) == []
        return answer

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None) -> HttpResponse:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any) -> HttpResponse:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> HttpResponse:
        return self.call("DELETE", path)


def _json(body: Any) -> str:
    return json.dumps(body)


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team, "Game")


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application, username="Ada", email="ada@example.com")


@pytest.fixture
def script(application: Application) -> Script:
    return Script(factories.make_token(application, for_the_team=True).text)


def path_of(application: Application, rest: str = "") -> str:
    return f"applications/{application.pk}{rest}"


def problem_of(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """Return a problem, once it is known to have the shape that all have."""
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"].endswith(f"/docs/errors/{code}/")
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == response["X-Request-ID"]
    return problem
