"""Signatures of webhooks, as an independent reader of the standard checks them."""

import base64
import json
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from licensing import webhook_signatures as signatures

BODY = b'{"type": "license.suspended"}'


def test_the_standards_own_library_accepts_each_of_two_secrets() -> None:
    secrets = [signatures.new_secret(), signatures.new_secret()]
    headers = signed([*secrets, signatures.new_private_key()])

    for secret in secrets:
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


def test_the_public_key_checks_the_other_kind() -> None:
    private_key = signatures.new_private_key()
    headers = signed([private_key])
    public_key = signatures.public_key_of(private_key)

    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
    content = f"evt_1.{headers['webhook-timestamp']}.".encode() + BODY
    key = base64.b64decode(public_key.removeprefix("whpk_"))

    Ed25519PublicKey.from_public_bytes(key).verify(signature, content)


def test_a_secret_is_of_the_form_that_the_standard_wants() -> None:
    secret = signatures.new_secret()

    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64


def signed(keys: list[str]) -> dict[str, str]:
    timestamp = int(time.time())
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures.signatures(
            keys, id="evt_1", timestamp=timestamp, body=BODY
        ),
    }
