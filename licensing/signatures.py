"""Signed answers: HTTP message signatures (RFC 9421) with Ed25519 over digested content (RFC 9530).

No Django models here: who signs is told as a `SigningFacts`, what is signed as a `SignedMessage`.
"""

import base64
import dataclasses
import datetime as dt
import functools
import hashlib
import json
import re
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from accounts import ciphers

LABEL = "lockence"
APPLICATION_TAG = "lockence-v1"
# A key of the installation, for answers that no application can sign. Clients accept it on a 401 only.
INSTANCE_TAG = "lockence-instance-v1"
# A client whose clock is further off than this cannot tell a replay from an answer.
LIFETIME_SECONDS = 60

SIGNING_KEY_TABLE = "licensing_signingkey"
SIGNING_KEY_COLUMN = "private_ciphertext"

_COMPONENTS = '"@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req'
_REQUEST_DIGEST = '"content-digest";req'
# One member of a Content-Digest field: an algorithm and a byte sequence (RFC 9530, section 2; RFC 8941, section 3.3.5).
_DIGEST_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*")
_DIGEST_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@dataclasses.dataclass(frozen=True, slots=True)
class SigningFacts:
    """The application that an answer speaks for, and its current signing key as it lies in the database."""

    application_id: uuid.UUID
    key_id: uuid.UUID
    private_ciphertext: str
    # When the developer's own words for refusals last changed (licensing/own_words.py); None: there are none.
    own_words_at: dt.datetime | None = None
    # Them, as JSON, where this process had not read them since.
    own_words: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SignedRequest:
    """What an answer's signature says of the request: `content_digest` is the field as the client sent it, if it did."""

    method: str
    authority: str
    path: str
    content_digest: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Signer:
    """A private key ready to sign; `key_id` is the thumbprint of the public key (RFC 7638)."""

    key_id: str
    private_key: Ed25519PrivateKey
    tag: str


def sign(
    *,
    signer: Signer,
    request: SignedRequest,
    status: int,
    content_type: str,
    body: bytes,
    nonce: str | None,
    created: int,
) -> dict[str, str]:
    """Return the three header fields that make an answer signed.

    `created` is in seconds since 1970; the signature expires LIFETIME_SECONDS later.
    """
    digest = content_digest(body)
    covered, told_digest = _COMPONENTS, ""
    if request.content_digest is not None:
        covered = f"{_COMPONENTS} {_REQUEST_DIGEST}"
        told_digest = f"{_REQUEST_DIGEST}: {request.content_digest}\n"
    parameters = _signature_parameters(covered, signer, nonce, created)
    base = (
        f'"@status": {status}\n"content-digest": {digest}\n"content-type": {content_type}\n'
        f'"@method";req: {request.method}\n"@authority";req: {request.authority}\n'
        f'"@path";req: {request.path}\n{told_digest}"@signature-params": {parameters}'
    )
    signature = base64.b64encode(signer.private_key.sign(base.encode())).decode()
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{signature}:",
    }


def content_digest(body: bytes) -> str:
    """Return the Content-Digest field of a body, by SHA-256 (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def digest_agrees(field: str, body: bytes) -> bool:
    """Tell whether a client's Content-Digest field is well formed and every digest in it that we know fits the body."""
    members = [_DIGEST_MEMBER.fullmatch(part) for part in field.split(",")]
    return all(member is not None and _member_agrees(member, body) for member in members)


def application_signer(facts: SigningFacts) -> Signer:
    """Return the signer of an application's current key; raises UndecipherableError.

    Opened keys are kept by key id and ciphertext: a key never changes, and which one is current comes fresh with every call.
    """
    return _application_signer(facts.key_id, facts.private_ciphertext)


def instance_signer() -> Signer:
    """Return the signer of this installation's current key, from the settings."""
    return instance_signers()[0]


@functools.cache
def instance_signers() -> list[Signer]:
    """Return every key that the installation publishes, the current one first."""
    return [
        _signer(Ed25519PrivateKey.from_private_bytes(seed), INSTANCE_TAG)
        for seed in settings.INSTANCE_SIGNING_KEYS.values()
    ]


def new_private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """Return a public key as programs pin it: its 32 bytes in base64url, 43 characters (the `x` of a JWK)."""
    public_key = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return _base64url(public_key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def thumbprint(public_text: str) -> str:
    """Return the JWK thumbprint of a public key, by SHA-256 (RFC 7638; members as RFC 8037 has them)."""
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": public_text}, separators=(",", ":"))
    return _base64url(hashlib.sha256(members.encode()).digest())


def jwk(public_text: str) -> dict[str, str]:
    """Return a public key as a JSON Web Key (RFC 7517, RFC 8037)."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": public_text,
        "kid": thumbprint(public_text),
        "alg": "EdDSA",
        "use": "sig",
    }


def _signature_parameters(covered: str, signer: Signer, nonce: str | None, created: int) -> str:
    told_nonce = f';nonce="{nonce}"' if nonce is not None else ""
    return (
        f"({covered});created={created};expires={created + LIFETIME_SECONDS}{told_nonce}"
        f';keyid="{signer.key_id}";alg="ed25519";tag="{signer.tag}"'
    )


def _member_agrees(member: re.Match[str], body: bytes) -> bool:
    algorithm = _DIGEST_ALGORITHMS.get(member[1])
    if algorithm is None:
        return True
    return base64.b64encode(algorithm(body).digest()).decode() == member[2]


@functools.lru_cache(maxsize=10_000)
def _application_signer(key_id: uuid.UUID, private_ciphertext: str) -> Signer:
    seed = ciphers.decrypt(
        private_ciphertext, table=SIGNING_KEY_TABLE, column=SIGNING_KEY_COLUMN, row=key_id
    )
    private_key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed))
    return _signer(private_key, APPLICATION_TAG)


def _signer(private_key: Ed25519PrivateKey, tag: str) -> Signer:
    return Signer(thumbprint(public_text(private_key)), private_key, tag)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
