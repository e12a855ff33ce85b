"""A program on a customer's machine: what it knows, and how it calls."""

import dataclasses
import json
import uuid
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from licensing.models import Application, License
from tests import factories
from tests.api.runtime.adaptors import ADAPTORS
from tests.servers import Response, Server


@dataclasses.dataclass
class Program:
    """Calls the endpoints as a shipped program would; `fields` go into the body, None leaves one out."""

    client: Client | Server
    license: License
    hwid: str = "device-1"
    session_token: str = ""

    def __post_init__(self) -> None:
        self.api_key = factories.api_key_of(self.license.application)
        self.license_key = self.license.reveal()

    def init(self, **fields: Any) -> HttpResponse | Response:
        known = {"api_key": self.api_key, "license_key": self.license_key, "hwid": self.hwid}
        response = self.call("init", known | fields)
        if response.status_code == 200:
            self.session_token = response.json()["session_token"]
        return response

    def validate(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("validate", fields)

    def heartbeat(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("heartbeat", fields)

    def logout(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("logout", fields)

    def consume(self, **fields: Any) -> HttpResponse | Response:
        known = {"entitlement": "pages", "idempotency_key": str(uuid.uuid4())}
        return self._in_session("consume", known | fields)

    def checkout(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("checkout", fields)

    def variables(self, **fields: Any) -> HttpResponse | Response:
        return self._in_session("variables", fields)

    def _in_session(self, call: str, fields: dict[str, Any]) -> HttpResponse | Response:
        known = {"api_key": self.api_key, "session_token": self.session_token}
        return self.call(call, known | fields)

    def call(self, call: str, body: dict[str, Any]) -> HttpResponse | Response:
        sent = {name: value for name, value in body.items() if value is not None}
        return self.client.post(
            f"/api/v1/{call}", json.dumps(sent), content_type="application/json"
        )


@pytest.fixture(params=ADAPTORS.values(), ids=ADAPTORS)
def client(request: pytest.FixtureRequest) -> Client:
    """All adaptors in turn: whatever is tested here holds for each of them."""
    return request.param()


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def program(application: Application, client: Client) -> Program:
    license = factories.make_license(application, username="Ada", metadata={"tier": "pro"})
    return Program(client, license)


def assert_refused(response: HttpResponse | Response, status: int, code: str, message: str) -> None:
    body = response.json()
    assert (response.status_code, body["code"], body["message"]) == (status, code, message)
    assert body["success"] is False
    assert body["docs"].endswith(f"/docs/errors/{code}/")
