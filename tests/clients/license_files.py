"""Test vectors for license files: an honest one, and what attackers make of it. `python -m tests.clients.license_files` writes them."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PATH = Path(__file__).resolve().parents[2] / "clients" / "license-file-vectors.json"
NOW = 1_800_000_000
HOUR = 3_600
APPLICATION = "019c9a1d-5a70-7e21-8f9b-3c4d5e6f7a8b"
HWID = "my-first-device"
# Keys that everybody knows: for tests alone.
OURS, NEXT, THEIRS = (
    Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name).digest())
    for name in (b"license file: ours", b"license file: next", b"license file: theirs")
)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public(key: Ed25519PrivateKey) -> str:
    return base64url(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def keyid(key: Ed25519PrivateKey) -> str:
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": public(key)}, separators=(",", ":"))
    return base64url(hashlib.sha256(members.encode()).digest())


def device(hwid: str) -> str:
    return base64url(hashlib.sha256(f"{APPLICATION}{hwid}".encode()).digest())


CLAIMS: dict[str, Any] = {
    "iss": "https://lockence.example",
    "aud": APPLICATION,
    "license": "019c9a1e-0d5a-7c3b-b1f4-5a8f6f0d2c11",
    "device": device(HWID),
    "policy": "Standard",
    "entitlements": {"export": True, "pages": 100},
    "username": "Zoë",
    "metadata": {"plan": "pro"},
    "license_expires_at": None,
    "iat": NOW - HOUR,
    "nbf": NOW - HOUR,
    "exp": NOW + 71 * HOUR,
    "jti": "6f1c2a0e-8f0b-4c58-9d07-3a0f6f1f9b52",
}


def file(
    key: Ed25519PrivateKey = OURS, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    told = {"alg": "EdDSA", "kid": keyid(key), "typ": "license+jwt"} if header is None else header
    return signed(key, written(told), written({**CLAIMS, **claims}))


def signed(key: Ed25519PrivateKey, header: bytes, payload: bytes) -> str:
    text = f"{base64url(header)}.{base64url(payload)}"
    return f"{text}.{base64url(key.sign(text.encode()))}"


def written(members: dict[str, Any]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def head(**members: Any) -> dict[str, Any]:
    told = {"alg": "EdDSA", "kid": keyid(OURS), "typ": "license+jwt"} | members
    return {name: value for name, value in told.items() if value is not None}


def by_secret(secret: bytes) -> str:
    text = f"{base64url(written(head(alg='HS256')))}.{base64url(written(CLAIMS))}"
    return f"{text}.{base64url(hmac.digest(secret, text.encode(), 'sha256'))}"


def other_form(text: str) -> str:
    """The same bytes in base64url that nobody writes: the bits that stand for nothing are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1]


def cases() -> dict[str, tuple[str, str]]:
    good = file()
    header, payload, signature = good.split(".")
    unsigned = f"{base64url(written(head(alg='none')))}.{payload}"
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": public(THEIRS)}
    no = "not a license file"
    return {
        "an honest file": (good, "grants"),
        "signed with the next key": (file(NEXT), "grants"),
        "a clock that is two minutes slow": (file(iat=NOW + 120, nbf=NOW + 120), "grants"),
        "algorithm none, no signature": (f"{unsigned}.", no),
        "algorithm none, the old signature": (f"{unsigned}.{signature}", no),
        "HS256 with the public key as its secret": (by_secret(OURS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)), no),
        "HS256 with the public key's text as its secret": (by_secret(public(OURS).encode()), no),
        "another key": (file(THEIRS), no),
        "another key under our id": (file(THEIRS, head()), no),
        "another key, brought along": (file(THEIRS, head(kid=keyid(THEIRS), jwk=jwk)), no),
        "our id, another key brought along": (file(THEIRS, head(jwk=jwk)), no),
        "our key, and a critical header": (file(OURS, head(crit=["exp"], exp=1)), no),
        "no type": (file(OURS, head(typ=None)), no),
        "another type": (file(OURS, head(typ="JWT")), no),
        "no key id": (file(OURS, head(kid=None)), no),
        "another application's": (file(aud="019c9a1d-5a70-7e21-8f9b-000000000000"), no),
        "applications in a list": (file(aud=[APPLICATION]), no),
        "another device's": (file(device=device("another-device")), no),
        "ended a second ago": (file(exp=NOW - 1), no),
        "ends now": (file(exp=NOW), no),
        "no end": (signed(OURS, written(head()), written({n: v for n, v in CLAIMS.items() if n != "exp"})), no),
        "an end in words": (file(exp=str(NOW + HOUR)), no),
        "not yet valid": (file(nbf=NOW + HOUR), no),
        "a longer end under the old signature": (f"{header}.{file(exp=NOW + 9_000 * HOUR).split('.')[1]}.{signature}", no),
        "a signature cut short": (good[:-4], no),
        "no signature": (f"{header}.{payload}", no),
        "a fourth part": (f"{good}.{signature}", no),
        "a signature in another form": (f"{header}.{payload}.{other_form(signature)}", no),
        "padding": (f"{good}==", no),
        "a line feed behind": (f"{good}\n", no),
        "claims that are a list": (signed(OURS, written(head()), b"[]"), no),
        "claims that are no JSON": (signed(OURS, written(head()), b"exp=1900000000"), no),
        "spaces in the header": (signed(OURS, json.dumps(head()).encode(), written(CLAIMS)), no),
        "a header twice": (signed(OURS, written(head())[:-1] + b',"alg":"none"}', written(CLAIMS)), no),
        "nothing": ("", no),
    }  # fmt: skip


def text() -> str:
    document = {
        "note": "For whoever checks license files: what each text is worth, on this device, at this moment.",
        "now": NOW,
        "application_id": APPLICATION,
        "hwid": HWID,
        "public_keys": [public(OURS), public(NEXT)],
        "cases": [
            {"name": name, "license_file": license_file, "expected": expected}
            for name, (license_file, expected) in cases().items()
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
