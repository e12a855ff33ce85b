"""Every answer is signed by RFC 9421; an independent library checks each one."""

import base64
import datetime as dt
import hashlib
import json
import logging
import time
import uuid
from urllib.parse import unquote_to_bytes

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from lockence_client import request_code

from api.runtime.requests import signed_request
from licensing import signatures
from licensing.models import Application, SigningKey
from tests import factories
from tests.api.runtime.conftest import Program
from tests.api.runtime.test_hostile import CALLS
from tests.api.runtime.verifier import current_key, instance_key, verify

COVERED = {
    '"@status"',
    '"content-digest"',
    '"content-type"',
    '"@method";req',
    '"@authority";req',
    '"@path";req',
}
NONCE = "0123456789abcdef-_AZ"


@pytest.mark.parametrize("path", ["/api/v1/validate", "/api/v1/valid%C3%A4te", "/api/v1/a:b@c,d"])
def test_a_path_that_the_server_has_decoded_is_signed_as_it_was_sent(path: str) -> None:
    """PEP 3333 has it decoded, one character for each byte; Granian tells it in no other way."""
    decoded = unquote_to_bytes(path).decode("latin-1")

    request = signed_request({"REQUEST_METHOD": "POST", "HTTP_HOST": "x", "PATH_INFO": decoded})

    assert request.path == path


def test_an_answer_is_signed_with_the_applications_current_key(program: Program) -> None:
    response = program.init(nonce=NONCE)

    verified = verify(response, "init", current_key(program.license.application))
    assert verified.covered_components == COVERED
    assert verified.parameters["keyid"] == signatures.thumbprint(
        current_key(program.license.application)
    )
    assert verified.parameters["alg"] == "ed25519"
    assert verified.parameters["tag"] == "lockence-v1"
    assert verified.parameters["nonce"] == NONCE
    assert verified.parameters["expires"] - verified.parameters["created"] == 60
    assert abs(verified.parameters["created"] - time.time()) < 30
    assert response.json()["application_id"] == str(program.license.application_id)


def test_all_calls_are_signed(application: Application, client: Client) -> None:
    policy = factories.make_policy(application, borrow_max_seconds=86_400, sessions_max=9)
    license = factories.make_license(application, policy=policy)
    factories.grant(policy, factories.make_entitlement(application, "pages", "metered"), 10)
    program = Program(client, license)
    program.init()

    # Released at last: that ends the session, and a logout may be repeated.
    for call in (*sorted(set(CALLS) - {"logout", "release"}), "release", "logout"):
        response = program.call(call, everything_sent_by(program))
        assert response.status_code == 200, (call, response.content)
        assert response.json()["nonce"] == NONCE
        verify(response, call, current_key(application))


def test_refusals_are_signed_by_the_application_that_refuses(program: Program) -> None:
    response = program.init(license_key="AAAAA-AAAAA-AAAAA-AAAAA", nonce=NONCE)

    assert response.status_code == 404
    assert (
        verify(response, "init", current_key(program.license.application)).parameters["nonce"]
        == NONCE
    )
    assert response.json()["nonce"] == NONCE


@pytest.mark.parametrize("call", CALLS)
def test_every_call_signs_what_it_refuses(program: Program, call: str) -> None:
    program.license_key, program.session_token = "AAAAA-AAAAA-AAAAA-AAAAA", str(uuid.uuid4())

    response = program.call(call, everything_sent_by(program))

    assert response.status_code == 404
    verify(response, call, current_key(program.license.application))


def test_a_refusal_of_too_many_failures_is_signed(program: Program, settings: LazySettings) -> None:
    settings.INIT_FAILURES_MAX = 0

    response = program.init(license_key="AAAAA-AAAAA-AAAAA-AAAAA")

    assert response.status_code == 429
    verify(response, "init", current_key(program.license.application))


def test_an_unknown_api_key_is_refused_in_the_installations_name(program: Program) -> None:
    response = program.init(api_key="lck_pk_unknown", nonce=NONCE)

    verified = verify(response, "init", instance_key())
    assert response.status_code == 401
    assert verified.parameters["tag"] == "lockence-instance-v1"
    assert "application_id" not in response.json()


@pytest.mark.parametrize("method", ["get", "put", "delete", "options", "head"])
def test_answers_to_other_methods_are_signed_too(program: Program, method: str) -> None:
    response = getattr(program.client, method)("/api/v1/init")

    assert response.status_code == 405
    if method != "head":
        verify(response, "init", instance_key(), method=method.upper())


def test_an_unknown_address_is_refused_with_a_signature(program: Program) -> None:
    response = program.client.post("/api/v1/nothing-here", b"{}", content_type="application/json")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    verify(response, "nothing-here", instance_key())


def test_the_clients_own_digest_is_checked_and_covered(program: Program) -> None:
    response, digest = send_with_digest(program, digest_of=lambda body: body)

    verified = verify(
        response, "init", current_key(program.license.application), content_digest=digest
    )
    assert '"content-digest";req' in verified.covered_components


def test_a_body_that_does_not_have_the_digest_sent_with_it_is_refused(program: Program) -> None:
    response, _digest = send_with_digest(program, digest_of=lambda body: body + b" ")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "Content-Digest" in response.json()["message"]


@pytest.mark.parametrize("field", ["", "sha-256", "sha-256=abc", "sha-256=:abc:", "x", "a=:b:,"])
def test_a_malformed_content_digest_is_refused(program: Program, field: str) -> None:
    response = program.client.post(
        "/api/v1/init", b"{}", content_type="application/json", headers={"Content-Digest": field}
    )

    assert response.status_code == 400
    assert "Content-Digest" in response.json()["message"]


@pytest.mark.parametrize("nonce", ["short", "a" * 65, "white space here!", 12345678901234567890])
def test_a_malformed_nonce_is_refused(program: Program, nonce: object) -> None:
    response = program.init(nonce=nonce)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "nonce" in response.json()["message"]


def test_after_a_promotion_the_next_key_signs(program: Program, application: Application) -> None:
    pinned_next = application.signing_keys.get(state="next").public_key

    factories.promote_next_signing_key(application)

    verify(program.init(nonce=NONCE), "init", pinned_next)
    assert application.signing_keys.published().count() == 3


def test_a_key_that_does_not_open_gives_no_unsigned_answer(
    program: Program, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    SigningKey.objects.filter(application=application).update(private_ciphertext="v1.gone.AAAA")

    with caplog.at_level(logging.CRITICAL):
        response = program.init(nonce=NONCE)

    assert (response.status_code, response.json()["code"]) == (503, "temporarily_unavailable")
    assert verify(response, "init", instance_key()).parameters["tag"] == "lockence-instance-v1"


def test_answers_are_neither_kept_nor_changed_on_their_way(program: Program) -> None:
    assert program.init()["Cache-Control"] == "no-store, no-transform"


def everything_sent_by(program: Program) -> dict[str, object]:
    """What any of the calls asks for; each passes over what is for others."""
    return {
        "api_key": program.api_key,
        "license_key": program.license_key,
        "hwid": program.hwid,
        "request_code": request_code(str(program.license.application_id), program.hwid),
        "session_token": program.session_token,
        "entitlement": "pages",
        "idempotency_key": "once",
        "until": (timezone.now() + dt.timedelta(hours=1)).isoformat(),
        "nonce": NONCE,
    }


def send_with_digest(program: Program, digest_of) -> tuple[HttpResponse, str]:
    body = json.dumps(
        {"api_key": program.api_key, "license_key": program.license_key, "hwid": "device-1"}
    ).encode()
    digest = base64.b64encode(hashlib.sha256(digest_of(body)).digest()).decode()
    field = f"sha-256=:{digest}:"
    response = program.client.post(
        "/api/v1/init", body, content_type="application/json", headers={"Content-Digest": field}
    )
    return response, field
