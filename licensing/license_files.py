"""License files: the right to run on one device without asking, as a compact JWS that any JOSE library can check.

RFC 7515 with Ed25519 (RFC 8037) and the claims of RFC 7519, signed with the application's current key. Header and claims are
written in one form only, so that a verifier may demand the header byte for byte.
"""

import base64
import datetime as dt
import json
import uuid
from typing import Any

from django.conf import settings

from licensing.session_facts import FileGrant
from licensing.signatures import application_signer

TYPE = "license+jwt"


def written(grant: FileGrant, now: dt.datetime) -> str:
    """Return the license file that says what was granted; raises UndecipherableError where the key does not open.

    Its times are in whole seconds since 1970, its end never later than what was granted.
    """
    signer = application_signer(grant.signing)
    header = {"alg": "EdDSA", "kid": signer.key_id, "typ": TYPE}
    signed = f"{_part(header)}.{_part(_claims(grant, now))}"
    signature = signer.private_key.sign(signed.encode())
    return f"{signed}.{_base64url(signature)}"


def _claims(grant: FileGrant, now: dt.datetime) -> dict[str, Any]:
    license, issued_at = grant.license, int(now.timestamp())
    ends = license.expires_at
    return {
        "iss": settings.SITE_URL,
        "aud": str(grant.signing.application_id),
        "license": str(license.id),
        "device": grant.device_digest,
        "policy": license.policy_name,
        "entitlements": license.entitlements,
        "username": license.username,
        "metadata": license.metadata,
        "license_expires_at": int(ends.timestamp()) if ends else None,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": int(grant.ends_at.timestamp()),
        "jti": str(uuid.uuid4()),
    }


def _part(members: dict[str, Any]) -> str:
    return _base64url(json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
