"""DRF views, WSGI adaptor and the server's accepting thread give the same answers, to the byte and to the signature."""

import json
import uuid
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from lockence_client import request_code

from tests import factories
from tests.api.runtime.adaptors import ADAPTORS
from tests.api.runtime.conftest import Program

NONCE = "0123456789abcdef-_AZ"
CALLS = [
    "init",
    "validate",
    "heartbeat",
    "logout",
    "checkout",
    "variables",
    "consume",
    "borrow",
    "release",
    "offline",
]
BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "application/json"),
    "no object": (b"[1]", "application/json"),
    "no JSON": (b"api_key=1", "application/json"),
    "a form": (b"api_key=1", "application/x-www-form-urlencoded"),
    "duplicate keys": (b'{"a": 1, "a": 2}', "application/json"),
    "too large": (b" " * 17_000, "application/json"),
    "fields missing": (b"{}", "application/json"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("body", BODIES)
def test_refused_bodies_are_answered_alike(db: None, call: str, slash: str, body: str) -> None:
    content, content_type = BODIES[body]

    view = same_of_all(f"{call}{slash}", content, content_type=content_type)

    assert 400 <= view.status_code < 500


@pytest.mark.parametrize("call", ["validate", "heartbeat", "logout"])
def test_calls_in_a_session_are_answered_alike(program: Program, call: str) -> None:
    program.init()

    view = same_of_all(call, known(program))

    assert view.status_code == 200


def test_what_is_used_up_is_answered_alike(program: Program) -> None:
    pages = factories.make_entitlement(program.license.application, "pages", "metered")
    factories.grant(program.license, pages, 5)
    program.init()

    # All but the first repeat it, and so get its answer.
    counted = same_of_all("consume", known(program, amount=3))
    refused = same_of_all("consume", known(program, amount=3, idempotency_key="another"))

    assert (counted.status_code, refused.status_code) == (200, 403)


@pytest.mark.parametrize("call", CALLS)
def test_refusals_are_answered_alike(program: Program, call: str) -> None:
    unknown = {"session_token": str(uuid.UUID(int=0)), "license_key": "unknown", "hwid": "x"}
    body = known(program, until="2030-01-31T12:00:00Z", **unknown)

    view = same_of_all(call, body)

    assert view.status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_answered_alike(db: None, method: str) -> None:
    view = same_of_all("validate", b"{}", method=method)

    assert view.status_code == 405


def test_a_host_that_is_not_served_is_refused_alike(program: Program) -> None:
    view = same_of_all("validate", known(program), HTTP_HOST="elsewhere.example")

    assert (view.status_code, view.json()["code"]) == (400, "invalid_request")


def known(program: Program, **fields: Any) -> bytes:
    body = {
        "api_key": program.api_key,
        "session_token": program.session_token,
        "nonce": NONCE,
        "entitlement": "pages",
        "idempotency_key": "once",
        "request_code": request_code(str(program.license.application_id), program.hwid),
        **fields,
    }
    return json.dumps(body).encode()


def same_of_all(
    call: str,
    body: bytes,
    content_type: str = "application/json",
    method: str = "POST",
    **environ: str,
) -> HttpResponse:
    """Send the same to all at the same moment; Ed25519 signs the same twice, so that signatures compare as well."""
    with time_machine.travel("2027-01-01T12:00:00Z", tick=False):
        view, *others = [
            adaptor().generic(method, f"/api/v1/{call}", body, content_type=content_type, **environ)
            for adaptor in ADAPTORS.values()
        ]
    for other in others:
        assert other.headers.pop("X-Request-ID") != view.headers["X-Request-ID"]
        assert (other.status_code, other.content) == (view.status_code, view.content)
        assert other.headers.items() <= view.headers.items()
    return view
