"""Tell whether a license file lets this device run at this moment. It needs `pip install cryptography`.

Put `granted` into your program. To try it on files that are good and on files that are not:
python verify_file.py license-file-vectors.json
"""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# A file may begin that much later by this clock. No tolerance prolongs it.
CLOCK_TOLERANCE_SECONDS = 300


class NotALicenseFile(Exception):
    """What lets nobody run here and now."""


def granted(file, pinned, hwid, now):
    """Return the claims of a license file that counts; raise NotALicenseFile for any other text.

    `pinned` has the public_keys and the application_id that your program was built with; `now` is in seconds since 1970.
    """
    parts = file.split(".")
    demand(file.isascii() and len(parts) == 3, "not three parts")
    header, payload, signature = parts
    # The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
    keys = [key for key in pinned["public_keys"] if header == header_of(key)]
    demand(keys, "another header, or a key that is not pinned")
    try:
        key = Ed25519PublicKey.from_public_bytes(decoded(keys[0]))
        key.verify(decoded(signature), f"{header}.{payload}".encode())
    except InvalidSignature:
        raise NotALicenseFile("a forgery") from None
    claims = claims_of(decoded(payload))
    demand(claims.get("aud") == pinned["application_id"], "another application's")
    demand(claims.get("device") == digest_of(pinned["application_id"] + hwid), "another device's")
    demand(seconds(claims, "nbf") <= now + CLOCK_TOLERANCE_SECONDS, "it does not count yet")
    demand(seconds(claims, "exp") > now, "it has ended")
    return claims


def header_of(public_key):
    # The key's id is the thumbprint of RFC 7638.
    kid = digest_of(f'{{"crv":"Ed25519","kty":"OKP","x":"{public_key}"}}')
    return encoded(f'{{"alg":"EdDSA","kid":"{kid}","typ":"license+jwt"}}'.encode())


def claims_of(payload):
    try:
        claims = json.loads(payload)
    except ValueError:
        raise NotALicenseFile("no JSON") from None
    demand(isinstance(claims, dict), "no JSON object")
    return claims


def seconds(claims, name):
    demand(type(claims.get(name)) is int, f"{name} is no number")
    return claims[name]


def digest_of(text):
    return encoded(hashlib.sha256(text.encode()).digest())


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part):
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise NotALicenseFile("no base64url") from None
    # The same bytes can be written in several ways, of which one is right.
    demand(encoded(data) == part, "no base64url")
    return data


def demand(condition, otherwise):
    if not condition:
        raise NotALicenseFile(otherwise)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as vectors_file:
        vectors = json.load(vectors_file)
    for case in vectors["cases"]:
        try:
            granted(case["license_file"], vectors, vectors["hwid"], vectors["now"])
            print(case["name"], "grants", sep="\t")
        except NotALicenseFile:
            print(case["name"], "not a license file", sep="\t")
