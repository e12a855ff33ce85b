"""Is an answer the server's own, to this very request? RFC 9421 signatures over RFC 9530 digests, and nothing less.

Whatever is not exactly as the server writes it is refused: a verifier that forgives is one that can be fooled.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from lockence_client import ed25519

APPLICATION_TAG = "lockence-v1"
INSTANCE_TAG = "lockence-instance-v1"
CLOCK_TOLERANCE_SECONDS = 300

_COMPONENTS = (
    '"@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "content-digest";req'
)
_SIGNATURE_INPUT = re.compile(
    r"lockence=(?P<parameters>\((?P<components>[^()]*)\)"
    r";created=(?P<created>[0-9]{1,15});expires=(?P<expires>[0-9]{1,15})"
    r';nonce="(?P<nonce>[A-Za-z0-9_-]{16,64})";keyid="(?P<keyid>[A-Za-z0-9_-]{43})"'
    r';alg="ed25519";tag="(?P<tag>[a-z0-9-]{1,40})")'
)
_SIGNATURE = re.compile(r"lockence=:(?P<signature>[A-Za-z0-9+/]{86}==):")


class Unverified(Exception):
    """An answer that cannot be believed; the text says why."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked: the answer must be signed for exactly this."""

    url: str
    body: bytes
    nonce: str
    method: str = "POST"

    @property
    def authority(self) -> str:
        """The host as HTTP sends it: in lower case, with the port unless it is the scheme's own (RFC 9421, 2.2.3)."""
        parts = urlsplit(self.url)
        default = {"http": 80, "https": 443}.get(parts.scheme)
        host = (parts.hostname or "").lower()
        host = f"[{host}]" if ":" in host else host
        return host if parts.port in (None, default) else f"{host}:{parts.port}"

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def content_digest(self) -> str:
        return digest_of(self.body)


@dataclasses.dataclass(frozen=True)
class Response:
    """What came back, headers as they came: a list, because a name that comes twice is a reason to refuse."""

    status: int
    headers: Sequence[Tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        values = [value for key, value in self.headers if key.lower() == name]
        if len(values) != 1:
            raise Unverified(f"{name} must come exactly once, and came {len(values)} times")
        return values[0].strip()


def digest_of(body: bytes) -> str:
    """Return the Content-Digest of a body (RFC 9530), by SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def thumbprint(public_key: str) -> str:
    """Return the key id of a public key in base64url: its JWK thumbprint (RFC 7638)."""
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": public_key}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()


def verified_body(
    request: Request,
    response: Response,
    *,
    public_keys: Sequence[str],
    instance_keys: Sequence[str] = (),
    application_id: Optional[str] = None,
    now: float,
) -> Dict[str, Any]:
    """Return the JSON object of an answer that the server signed for this request; raise Unverified for any other.

    `public_keys` are the pinned keys of the application, `instance_keys` those of the installation, which count for a 401
    only. `now` is in seconds since 1970.
    """
    signature_input = _SIGNATURE_INPUT.fullmatch(response.header("signature-input"))
    signature = _SIGNATURE.fullmatch(response.header("signature"))
    if signature_input is None or signature is None:
        raise Unverified("the signature is not written as the server writes it")
    _check_what_is_signed(request, response, signature_input, now)
    pinned = _pinned_keys(response.status, signature_input["tag"], public_keys, instance_keys)
    public_key = pinned.get(signature_input["keyid"])
    if public_key is None:
        raise Unverified("the signing key is not a pinned one")
    base = _signature_base(request, response, signature_input["parameters"])
    if not ed25519.verify(public_key, base64.b64decode(signature["signature"]), base):
        raise Unverified("the signature is wrong")
    return _body_of(request, response, signature_input["tag"], application_id)


def _check_what_is_signed(
    request: Request, response: Response, signature_input: "re.Match[str]", now: float
) -> None:
    if signature_input["components"] != _COMPONENTS:
        raise Unverified("the signature does not cover what it must")
    if not _same(signature_input["nonce"], request.nonce):
        raise Unverified("the answer is not to this request")
    created, expires = int(signature_input["created"]), int(signature_input["expires"])
    if created > now + CLOCK_TOLERANCE_SECONDS or expires < now - CLOCK_TOLERANCE_SECONDS:
        raise Unverified(f"the answer is of another time: {created - now:+.0f} s by this clock")
    if not _same(response.header("content-digest"), digest_of(response.body)):
        raise Unverified("the body is not the one that was signed")


def _same(told: str, expected: str) -> bool:
    """Compare in constant time, and as bytes: of texts, `compare_digest` takes none beyond ASCII."""
    return hmac.compare_digest(told.encode("utf-8", "surrogatepass"), expected.encode())


def _pinned_keys(
    status: int, tag: str, public_keys: Sequence[str], instance_keys: Sequence[str]
) -> Dict[str, bytes]:
    if tag == APPLICATION_TAG:
        return _by_key_id(public_keys)
    if tag == INSTANCE_TAG and status == 401:
        return _by_key_id(instance_keys)
    raise Unverified("the signature was made for another purpose")


def _by_key_id(public_keys: Sequence[str]) -> Dict[str, bytes]:
    return {thumbprint(key): _decoded(key) for key in public_keys}


def _decoded(public_key: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
    except binascii.Error as error:
        raise Unverified("a pinned key is not base64url") from error


def _signature_base(request: Request, response: Response, parameters: str) -> bytes:
    lines: List[str] = [
        f'"@status": {response.status}',
        f'"content-digest": {response.header("content-digest")}',
        f'"content-type": {response.header("content-type")}',
        f'"@method";req: {request.method}',
        f'"@authority";req: {request.authority}',
        f'"@path";req: {request.path}',
        f'"content-digest";req: {request.content_digest}',
        f'"@signature-params": {parameters}',
    ]
    return "\n".join(lines).encode()


def _body_of(
    request: Request, response: Response, tag: str, application_id: Optional[str]
) -> Dict[str, Any]:
    try:
        body = json.loads(response.body)
    except ValueError as error:
        raise Unverified("the body is not JSON") from error
    if not isinstance(body, dict):
        raise Unverified("the body is not a JSON object")
    if not _same(str(body.get("nonce", "")), request.nonce):
        raise Unverified("the body answers another request")
    if body.get("success") is not (response.status == 200):
        raise Unverified("body and status do not agree")
    if tag == APPLICATION_TAG and application_id not in (None, body.get("application_id")):
        raise Unverified("the answer is another application's")
    return body
