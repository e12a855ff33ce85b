"""License files: what `init` and `checkout` give a device, so that it may run without asking."""

import base64
import datetime as dt
import hashlib
import json
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import OKPKey

from licensing import licenses
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Application, Device, License, Policy, Session, SigningKey
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

# RFC 9864 has a newer name, Ed25519, for what every library in the field knows as EdDSA.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")

AN_HOUR = dt.timedelta(hours=1)


def claims_of(license_file: str, application: Application) -> dict[str, Any]:
    """What a stock JOSE library makes of a file, with the key that the application publishes."""
    key = application.signing_keys.get(state="current").public_key
    token = jwt.decode(
        license_file,
        OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key}),
        algorithms=["EdDSA"],
    )
    demanded = jwt.JWTClaimsRegistry(
        aud={"essential": True, "value": str(application.pk)},
        exp={"essential": True},
        nbf={"essential": True},
        leeway=0,
    )
    demanded.validate(token.claims)
    assert token.header["typ"] == "license+jwt"
    return dict(token.claims)


def seconds(moment: dt.datetime) -> int:
    return int(moment.timestamp())


def test_init_brings_a_license_file(program: Program) -> None:
    body = program.init().json()

    claims = claims_of(body["license_file"], program.license.application)
    told = f"{program.license.application_id}{program.hwid}".encode()
    assert claims["device"] == base64url(hashlib.sha256(told).digest())
    assert claims["license"] == body["license"]["id"]
    assert claims["policy"] == "Standard"
    assert claims["entitlements"] == body["license"]["entitlements"]
    assert (claims["username"], claims["metadata"]) == ("Ada", {"tier": "pro"})
    assert claims["iss"] == settings.SITE_URL
    assert claims["exp"] - claims["iat"] in (259_199, 259_200)
    assert claims["nbf"] == claims["iat"]
    assert claims["license_expires_at"] is None


def test_its_header_is_written_in_one_form_only(program: Program) -> None:
    header = program.init().json()["license_file"].split(".")[0]

    written = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)).decode()

    keys = program.license.application.signing_keys
    assert (
        written
        == f'{{"alg":"EdDSA","kid":"{keyid(keys.get(state="current"))}","typ":"license+jwt"}}'
    )


def test_checkout_brings_a_later_one_for_the_same_device(program: Program) -> None:
    first = program.init().json()["license_file"]

    response = program.checkout()

    body = response.json()
    assert (response.status_code, body["message"]) == (200, "License file issued")
    application = program.license.application
    before, after = claims_of(first, application), claims_of(body["license_file"], application)
    assert after["device"] == before["device"]
    assert after["exp"] >= before["exp"]
    assert after["jti"] != before["jti"]
    assert dt.datetime.fromisoformat(body["license_file_expires_at"]).timestamp() == after["exp"]


def test_a_file_ends_with_its_license_at_the_latest(program: Program) -> None:
    end = timezone.now() + AN_HOUR
    License.objects.update(expires_at=end)

    for body in (program.init().json(), program.checkout().json()):
        claims = claims_of(body["license_file"], program.license.application)
        assert claims["exp"] == claims["license_expires_at"] == seconds(end)


def test_grace_counts_for_files_as_well(program: Program) -> None:
    end = timezone.now() - AN_HOUR
    License.objects.update(expires_at=end, grace_seconds=7_200)

    claims = claims_of(program.init().json()["license_file"], program.license.application)

    assert claims["exp"] == seconds(end + 2 * AN_HOUR)


def test_a_file_with_entitlements_ends_before_the_license_falls_back(program: Program) -> None:
    end = timezone.now() + AN_HOUR
    License.objects.update(expires_at=end, expiry_strategy="fall_back")

    claims = claims_of(program.init().json()["license_file"], program.license.application)

    assert claims["exp"] == seconds(end)


def test_the_policy_says_how_long_a_file_lasts(program: Program) -> None:
    Policy.objects.update(license_file_seconds=3_600)

    claims = claims_of(program.init().json()["license_file"], program.license.application)

    assert claims["exp"] - claims["iat"] in (3_599, 3_600)


def test_a_policy_without_license_files_gives_none(program: Program) -> None:
    Policy.objects.update(license_file_seconds=None)

    assert program.init().json()["license_file"] is None
    refused = program.checkout()

    assert_refused(refused, 403, "offline_not_allowed", "Offline use is not allowed")
    assert Device.objects.get().license_file_ends_at is None


def test_the_device_keeps_the_end_of_its_latest_file(program: Program) -> None:
    program.init()
    first = Device.objects.get().license_file_ends_at
    Policy.objects.update(license_file_seconds=3_600)

    program.init()
    program.checkout()

    # The file from before still runs.
    assert Device.objects.get().license_file_ends_at == first


def test_a_new_key_signs_as_soon_as_it_is_current(program: Program) -> None:
    before = program.init().json()["license_file"]
    factories.promote_next_signing_key(program.license.application)

    after = program.checkout().json()["license_file"]

    claims_of(after, program.license.application)
    with pytest.raises(Exception, match="bad_signature"):
        claims_of(before, program.license.application)


def test_a_file_that_is_over_is_refused_by_a_stock_library(program: Program) -> None:
    license_file = program.init().json()["license_file"]

    with time_machine.travel(timezone.now() + 73 * AN_HOUR), pytest.raises(Exception, match="exp"):
        claims_of(license_file, program.license.application)


# Refusals of checkout


def test_checkout_is_refused_as_validate_is(program: Program) -> None:
    program.init()
    cases = [
        (program.checkout(api_key="unknown"), 401, "invalid_api_key"),
        (
            program.checkout(session_token="00000000-0000-4000-8000-000000000000"),
            404,
            "session_not_found",
        ),
    ]
    licenses.suspend_license(license=program.license, actor=SYSTEM)
    cases.append((program.checkout(), 403, "license_suspended"))
    License.objects.update(status="active", expires_at=timezone.now() - AN_HOUR)
    cases.append((program.checkout(), 403, "license_expired"))
    License.objects.update(expires_at=None)
    Session.objects.update(ended_at=timezone.now(), ended_reason="developer")
    cases.append((program.checkout(), 404, "session_ended"))

    told = [(response.status_code, response.json()["code"]) for response, *_ in cases]

    assert told == [(status, code) for _, status, code in cases]


def test_a_released_device_gets_no_file(program: Program) -> None:
    program.init()
    release_device(device=Device.objects.get(), actor=SYSTEM, now=timezone.now())

    assert_refused(program.checkout(), 404, "session_ended", "Session ended")


def test_a_session_from_before_there_were_files_is_told_to_begin_anew(program: Program) -> None:
    program.init()
    Session.objects.update(sealed_device_digest=None)

    refused = program.checkout()

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert "init" in refused.json()["message"]


def test_nothing_in_the_database_tells_what_the_device_is(program: Program) -> None:
    license_file = program.init().json()["license_file"]
    device = claims_of(license_file, program.license.application)["device"]
    digest = base64.urlsafe_b64decode(device + "=")

    with connection.cursor() as cursor:
        for table in ("licensing_device", "licensing_session", "accounts_event"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")  # noqa: S608
            rows = "".join(row[0] for row in cursor.fetchall())
            assert digest.hex() not in rows
            assert device not in rows
            assert program.hwid not in rows


def keyid(key: SigningKey) -> str:
    members = {"crv": "Ed25519", "kty": "OKP", "x": key.public_key}
    return base64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
