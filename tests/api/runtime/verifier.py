"""An independent check of signed answers, by `http-message-signatures`."""

import base64
import dataclasses
import datetime as dt
import hashlib
import types

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.http import HttpResponse
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

from licensing import signatures
from licensing.models import Application


def current_key(application: Application) -> str:
    return application.signing_keys.get(state="current").public_key


def instance_key() -> str:
    return signatures.public_text(signatures.instance_signer().private_key)


class _Key(HTTPSignatureKeyResolver):
    def __init__(self, public_text: str) -> None:
        raw = base64.urlsafe_b64decode(public_text + "=")
        self.key = Ed25519PublicKey.from_public_bytes(raw)

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        return self.key


@dataclasses.dataclass
class Verified:
    parameters: dict[str, object]
    covered_components: set[str]


def verify(
    response: HttpResponse,
    call: str,
    public_text: str,
    method: str = "POST",
    content_digest: str | None = None,
) -> Verified:
    """Check digest and signature with `http-message-signatures`; raise if either is wrong."""
    digest = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
    assert response["Content-Digest"] == f"sha-256=:{digest}:"
    headers = {"Content-Digest": content_digest} if content_digest else {}
    request = types.SimpleNamespace(
        method=method, url=f"http://testserver/api/v1/{call}", headers=headers
    )
    message = types.SimpleNamespace(
        status_code=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        request=request,
        url=request.url,
    )
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=_Key(public_text),
    )
    [result] = verifier.verify(message, max_age=dt.timedelta(minutes=1))
    covered = set(result.covered_components) - {'"@signature-params"'}
    return Verified(dict(result.parameters), covered)
