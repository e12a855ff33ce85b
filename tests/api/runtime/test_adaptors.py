"""DRF views and WSGI adaptor give the same answers, to the byte and to the signature."""

import json
import uuid
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from lockence_client import request_code

from tests import factories
from tests.api.runtime.conftest import FastLaneClient, Program

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

    view, lane = both(f"{call}{slash}", content, content_type=content_type)

    assert same(view, lane)
    assert 400 <= view.status_code < 500


@pytest.mark.parametrize("call", ["validate", "heartbeat", "logout"])
def test_calls_in_a_session_are_answered_alike(program: Program, call: str) -> None:
    program.init()

    view, lane = both(call, known(program))

    assert view.status_code == 200
    assert same(view, lane)


def test_what_is_used_up_is_answered_alike(program: Program) -> None:
    pages = factories.make_entitlement(program.license.application, "pages", "metered")
    factories.grant(program.license, pages, 5)
    program.init()

    # The second of both repeats the first, and so gets its answer.
    counted = both("consume", known(program, amount=3))
    refused = both("consume", known(program, amount=3, idempotency_key="another"))

    assert (counted[0].status_code, refused[0].status_code) == (200, 403)
    assert same(*counted)
    assert same(*refused)


@pytest.mark.parametrize("call", CALLS)
def test_refusals_are_answered_alike(program: Program, call: str) -> None:
    unknown = {"session_token": str(uuid.UUID(int=0)), "license_key": "unknown", "hwid": "x"}
    body = known(program, until="2030-01-31T12:00:00Z", **unknown)

    view, lane = both(call, body)

    assert view.status_code == 404
    assert same(view, lane)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_answered_alike(db: None, method: str) -> None:
    view, lane = both("validate", b"{}", method=method)

    assert view.status_code == 405
    assert same(view, lane)


def test_a_host_that_is_not_served_is_refused_alike(program: Program) -> None:
    view, lane = both("validate", known(program), HTTP_HOST="elsewhere.example")

    assert (view.status_code, view.json()["code"]) == (400, "invalid_request")
    assert same(view, lane)


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


def both(
    call: str,
    body: bytes,
    content_type: str = "application/json",
    method: str = "POST",
    **environ: str,
) -> tuple[HttpResponse, HttpResponse]:
    """Send the same to both at the same moment; Ed25519 signs the same twice, so that signatures compare as well."""
    with time_machine.travel("2027-01-01T12:00:00Z", tick=False):
        view, lane = (
            client.generic(method, f"/api/v1/{call}", body, content_type=content_type, **environ)
            for client in (Client(), FastLaneClient())
        )
    return view, lane


def same(view: HttpResponse, lane: HttpResponse) -> bool:
    for response in (view, lane):
        del response["X-Request-ID"]
    covered = [name for name in lane.headers if view.headers.get(name) != lane.headers[name]]
    return (view.status_code, view.content, []) == (lane.status_code, lane.content, covered)
