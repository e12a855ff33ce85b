"""The OpenAPI document: valid, complete, and of both APIs; tests/api/management/conftest.py holds every answer against it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.core.management import call_command
from django.test import Client

from api.description.client import CALLS
from api.description.document import document
from api.management.urls import ADDRESSES
from api.urls import urlpatterns
from licensing import licenses
from licensing.events import SYSTEM, history_of
from licensing.webhook_delivery import payload_of
from licensing.webhook_events import ACTIONS
from tests import factories
from tests.api.openapi import faults_of

# Of no row.
NIL = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(document())
    return told


def test_the_document_is_valid_and_nothing_in_it_was_guessed(tmp_path: Any) -> None:
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml")
    )


@pytest.mark.django_db
def test_everybody_gets_it_as_json(client: Client) -> None:
    response = client.get("/api/v1/schema/")

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json()["openapi"].startswith("3.1")
    assert "public" in response["Cache-Control"]


@pytest.mark.django_db
def test_every_address_answers_with_and_without_a_slash(
    client: Client, described: dict[str, Any]
) -> None:
    known = {"application_id": str(factories.make_application().pk)}
    addresses = [
        re.sub(r"{(\w+)}", lambda name: known.get(name[1], NIL), path)
        for path in described["paths"]
    ]

    for address in ("/api/docs", "/api/v1/schema", *addresses):
        for method in ("GET", "POST"):
            answers = [client.generic(method, f"{address}{slash}") for slash in ("", "/")]
            told = [(answer.status_code, _code_of(answer)) for answer in answers]
            assert told[0] == told[1], (method, address)
            assert told[0][0] not in (301, 302, 308)
            assert told[0] != (404, "not_found"), (method, address)


def _code_of(answer: Any) -> str:
    is_json = answer["Content-Type"].endswith("json")
    return str(answer.json().get("code", "")) if is_json and answer.content else ""


def test_every_call_of_scripts_is_in_it(described: dict[str, Any]) -> None:
    wanted = {
        (method.lower(), "/api/v1/" + re.sub(r"<uuid:(\w+)>", r"{\1}", address))
        for address, view in ADDRESSES.items()
        for method in view.scopes
    }

    assert wanted <= {
        (method, path) for path, item in described["paths"].items() for method in item
    }


def test_every_call_of_programs_is_in_it(described: dict[str, Any]) -> None:
    offered = {
        match[1]
        for url in urlpatterns
        if (match := re.match(r"\^v1/([\w-]+)/\?\$", str(url.pattern)))
    }

    assert offered == CALLS.keys()
    assert {f"/api/v1/{call}" for call in CALLS} <= described["paths"].keys()


def test_names_of_calls_are_their_own(described: dict[str, Any]) -> None:
    names = [
        operation["operationId"]
        for item in described["paths"].values()
        for operation in item.values()
        if "operationId" in operation
    ]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "member", "bounds"),
    [
        ("ApplicationInput", "name", {"pattern": r"\S", "maxLength": 100}),
        ("EntitlementInput", "name", {"pattern": "^[a-z][a-z0-9_.-]{0,63}$"}),
        ("VariableInput", "value", {"minLength": 1}),
        ("EndpointInput", "events", {"minItems": 1}),
        ("TokenInput", "scopes", {"minItems": 1}),
        ("IssueInput", "note", {"maxLength": 5_000}),
    ],
)
def test_bounds_of_what_is_sent_are_told(
    described: dict[str, Any], name: str, member: str, bounds: dict[str, Any]
) -> None:
    told = described["components"]["schemas"][name]["properties"][member]

    assert bounds.items() <= told.items()


def test_calls_have_examples_that_are_as_the_document_says(described: dict[str, Any]) -> None:
    """Those that the handbook's commands send: whatever a call takes in its body or has to have in its path."""
    components = {"components": described["components"]}
    shown = [
        place
        for item in described["paths"].values()
        for operation in item.values()
        for place in _places(operation)
    ]

    for name, place in shown:
        values = [one["value"] for one in place.get("examples", {}).values()]
        values += [place["example"]] if "example" in place else []
        assert values, name
        for value in values:
            validator = jsonschema_rs.Draft202012Validator(
                {**place["schema"], **components}, validate_formats=True
            )
            assert validator.is_valid(value), (name, value)


def _places(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    name = operation["operationId"]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"{name} {media_type}", content
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" or "example" in parameter or "examples" in parameter:
            yield f"{name} {parameter['name']}", parameter


def test_bodies_admit_no_member_that_is_not_known(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]

    closed = {
        name for name, schema in schemas.items() if schema.get("additionalProperties") is False
    }

    assert {"IssueInput", "PolicyInput", "PatchedLicenseInput"} <= closed


@pytest.mark.django_db
def test_what_programs_are_answered_is_what_the_document_says(client: Client) -> None:
    license = factories.make_license(username="Ada", metadata={"plan": "pro"})
    known = {
        "api_key": factories.api_key_of(license.application),
        "license_key": license.reveal(),
        "hwid": "device-1",
        "session_token": str(factories.open_session(license)),
        "nonce": "0123456789abcdef",
    }

    for call in CALLS:
        for sent in (known, known | {"api_key": "x"}, {}):
            answer = client.post(f"/api/v1/{call}", sent, content_type="application/json")
            assert faults_of("POST", f"/api/v1/{call}", answer) == []


@pytest.mark.django_db
def test_what_webhooks_are_sent_is_what_the_document_says(described: dict[str, Any]) -> None:
    license = factories.make_license()
    licenses.suspend_license(license=license, actor=SYSTEM)

    for event in history_of(license.application):
        told = payload_of(event)
        operation = described["webhooks"][told["type"]]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        assert jsonschema_rs.is_valid(whole, told)
        assert not jsonschema_rs.is_valid(whole, told | {"type": "another"})


def test_every_event_is_among_the_webhooks(described: dict[str, Any]) -> None:
    assert tuple(described["webhooks"]) == ACTIONS


def test_an_answer_that_is_not_as_described_is_found() -> None:
    class Answer(dict):  # type: ignore[type-arg]
        status_code = 200
        content = b'{"data": [{}], "next_cursor": 5}'

        def json(self) -> Any:
            return json.loads(self.content)

    answer = Answer({"Content-Type": "application/json"})
    path = "/api/v1/applications"

    assert faults_of("GET", path, answer)
    answer.status_code = 418
    assert "418" in faults_of("GET", path, answer)[0]
    answer["Content-Type"] = "text/html"
    answer.status_code = 200
    assert "text/html" in faults_of("GET", path, answer)[0]
    assert faults_of("GET", "/api/v1/nowhere", answer) == []
