"""Signatures of webhooks, as Standard Webhooks has them (https://www.standardwebhooks.com): v1 by a shared secret, v1a by a key pair.

What is signed is `<id>.<timestamp>.<body>`. A secret is written `whsec_` and base64, a public key `whpk_` and base64; the header holds
every signature that is valid at the time, with a space between them.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 (what every secret begins with)
PUBLIC_KEY_PREFIX = "whpk_"
_PRIVATE_KEY_PREFIX = "whsk_"
# The standard asks for 24 to 64.
_SECRET_BYTES = 32


def new_secret() -> str:
    return SECRET_PREFIX + _text(os.urandom(_SECRET_BYTES))


def new_private_key() -> str:
    return _PRIVATE_KEY_PREFIX + _text(Ed25519PrivateKey.generate().private_bytes_raw())


def public_key_of(private_key: str) -> str:
    """Return the public key that receivers check v1a signatures with."""
    return PUBLIC_KEY_PREFIX + _text(_ed25519(private_key).public_key().public_bytes_raw())


def signatures(keys: Iterable[str], *, id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header: one signature by each secret or private key, in their order."""
    content = b"%b.%d.%b" % (id.encode(), timestamp, body)
    return " ".join(_signature(key, content) for key in keys)


def _signature(key: str, content: bytes) -> str:
    if key.startswith(_PRIVATE_KEY_PREFIX):
        return f"v1a,{_text(_ed25519(key).sign(content))}"
    secret = base64.b64decode(key.removeprefix(SECRET_PREFIX))
    return f"v1,{_text(hmac.digest(secret, content, hashlib.sha256))}"


def _ed25519(private_key: str) -> Ed25519PrivateKey:
    seed = base64.b64decode(private_key.removeprefix(_PRIVATE_KEY_PREFIX))
    return Ed25519PrivateKey.from_private_bytes(seed)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
