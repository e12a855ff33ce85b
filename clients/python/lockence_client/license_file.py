"""Is a license file the server's own, for this application and this device, and does it count now? RFC 7515, RFC 8037.

The server writes header and claims in one form only. Whatever differs is refused: a verifier that forgives is one that can be
fooled.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any, Dict, List, Sequence, Tuple

from lockence_client import ed25519
from lockence_client.verification import thumbprint

# Clocks differ: a file may begin that much later by this one. No tolerance prolongs it.
CLOCK_TOLERANCE_SECONDS = 300
# Far more than any file of the server.
LENGTH_MAX = 64 * 1024

_HEADER = re.compile(rb'\{"alg":"EdDSA","kid":"([A-Za-z0-9_-]{43})","typ":"license\+jwt"\}')


class NotALicenseFile(Exception):
    """What grants nothing here and now; the text says why."""


def verified_claims(
    text: str, *, public_keys: Sequence[str], application_id: str, hwid: str, now: float
) -> Dict[str, Any]:
    """Return the claims of a license file that counts at this moment; raise NotALicenseFile for any other text.

    `public_keys` are the pinned keys of the application; a key that the file itself names is never used. `now` is in seconds
    since 1970.
    """
    parts = text.split(".") if len(text) <= LENGTH_MAX else []
    if len(parts) != 3:
        raise NotALicenseFile("not three parts")
    header, payload, signature = (_decoded(part) for part in parts)
    told = _HEADER.fullmatch(header)
    if told is None:
        raise NotALicenseFile("the header is not as the server writes it")
    pinned = {thumbprint(key): key for key in public_keys}
    key = pinned.get(told[1].decode())
    if key is None:
        raise NotALicenseFile("the signing key is not a pinned one")
    if not ed25519.verify(_decoded(key), signature, f"{parts[0]}.{parts[1]}".encode()):
        raise NotALicenseFile("the signature is wrong")
    claims = _claims(payload)
    _check(claims, application_id, device_digest(application_id, hwid), now)
    return claims


def device_digest(application_id: str, hwid: str) -> str:
    """Return what license files call this device: base64url of the SHA-256 of application id and hardware id."""
    digest = hashlib.sha256(f"{application_id}{hwid}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check(claims: Dict[str, Any], application_id: str, device: str, now: float) -> None:
    if claims.get("aud") != application_id:
        raise NotALicenseFile("it is another application's")
    if claims.get("device") != device:
        raise NotALicenseFile("it is another device's")
    times = [claims.get(name) for name in ("iat", "nbf", "exp")]
    if any(type(time) is not int for time in times) or not isinstance(claims.get("license"), str):
        raise NotALicenseFile("a claim is missing")
    if claims["nbf"] > now + CLOCK_TOLERANCE_SECONDS:
        raise NotALicenseFile("it does not count yet")
    if claims["exp"] <= now:
        raise NotALicenseFile("it has ended")


def _claims(payload: bytes) -> Dict[str, Any]:
    try:
        claims = json.loads(payload, object_pairs_hook=_once)
    except ValueError as error:
        raise NotALicenseFile("the claims are not JSON") from error
    if not isinstance(claims, dict):
        raise NotALicenseFile("the claims are not a JSON object")
    return claims


def _once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotALicenseFile("a claim comes twice")
    return members


def _decoded(part: str) -> bytes:
    """Return the bytes of base64url without padding, in the one form in which they are written (RFC 7515, section 2)."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotALicenseFile("a part is not base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise NotALicenseFile("a part is not written as base64url is")
    return data
