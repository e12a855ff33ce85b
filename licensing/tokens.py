"""Digests under which secrets are found again without being kept: HMAC indexes and session-token hashes.

While a key is changed a ring holds two, and rows under either are found. An index has a second column for that: what a process
that knows both keys writes is found by one that still knows the old key alone.
"""

import base64
import functools
import hashlib
import hmac
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from licensing import keys

_API_KEY = b"api-key"
_LICENSE_KEY = b"license-key"
_SESSION_TOKEN = b"session-token"


def api_key_digests(api_key: str) -> tuple[bytes, bytes]:
    """Return the 32-byte HMAC-SHA-256 of an API key with the current index key and with the other (one key: twice its)."""
    return _api_key_digests(tuple(settings.INDEX_KEYS.values()), api_key)


def license_key_digests(typed: str) -> tuple[bytes, bytes]:
    """Return the two digests of a license key, in its forgiving form, as `api_key_digests` does."""
    message = _LICENSE_KEY + b"\0" + keys.normalized_license_key(typed).encode()
    return _digests(settings.INDEX_KEYS.values(), message)


def api_key_index(api_key: str) -> dict[str, Any]:
    """Return the columns under which an API key is found."""
    return _index(api_key_digests(api_key))


def license_key_index(license_key: str) -> dict[str, Any]:
    """Return the columns under which a license key is found."""
    return _index(license_key_digests(license_key))


def hwid_digest(application_id: uuid.UUID, hwid: str) -> bytes:
    """Return the 32-byte keyed digest of a hardware id, salted by the application it was shown to.

    The same machine has unrelated digests in two applications, so that nobody can follow it from one to the other.
    """
    return hwid_digests(application_id, hwid)[0]


def hwid_digests(application_id: uuid.UUID, hwid: str) -> tuple[bytes, bytes]:
    """Return the digests of a hardware id with the current key and with the other (one key: twice its)."""
    return _digests(settings.HWID_KEYS.values(), application_id.bytes + hwid.encode())


def component_digests(
    application_id: uuid.UUID, components: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return "name:digest" of each part of a hardware id, by name, with the current key and with the other.

    A digest covers the name of its part: a disk is no board with the same number.
    """
    pairs = [
        (
            name,
            _digests(
                settings.HWID_KEYS.values(), application_id.bytes + f"{name}\0{value}".encode()
            ),
        )
        for name, value in sorted(components.items())
    ]
    current, other = ([f"{name}:{pair[key].hex()}" for name, pair in pairs] for key in (0, 1))
    return current, other


def device_digests(
    application_id: uuid.UUID, hwid: str, components: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return all that a device is known by, as access rules write it, with the current key and with the other: ":digest" of the
    whole hardware id, and "name:digest" of each part.
    """
    wholes = hwid_digests(application_id, hwid)
    parts = component_digests(application_id, components)
    current, other = ([f":{wholes[key].hex()}", *parts[key]] for key in (0, 1))
    return current, other


def hwid_key_id() -> str:
    """Return the id of the key that hardware ids are digested with now."""
    return next(iter(settings.HWID_KEYS))


def other_hwid_key_id() -> str:
    """Return the id of the other key that hardware ids are digested with (one key: its own)."""
    return [*settings.HWID_KEYS][-1]


def index_key_id() -> str:
    """Return the id of the key that API keys and license keys are indexed with now."""
    return next(iter(settings.INDEX_KEYS))


def device_digest(application_id: uuid.UUID, hwid: str) -> str:
    """Return what a license file says of its device, in base64url: the SHA-256 of application id and hardware id.

    Other than `hwid_digest` it takes no secret, so that the program can tell its own; it is never kept.
    """
    digest = hashlib.sha256(f"{application_id}{hwid}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sealed_device_digest(session_token: uuid.UUID, device_digest: str) -> bytes:
    """Return 32 bytes that only the session's program, which holds the token, can have opened again.

    A pad that is drawn from the token's 122 random bits and used once: whoever steals the database holds no token.
    """
    digest = base64.urlsafe_b64decode(device_digest + "=")
    return _exclusive_or(digest, _pad(session_token))


def opened_device_digest(session_token: uuid.UUID, sealed: bytes) -> str:
    """Return the device digest that `sealed_device_digest` sealed with this token."""
    digest = _exclusive_or(sealed, _pad(session_token))
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


def _pad(session_token: uuid.UUID) -> bytes:
    return hmac.digest(session_token.bytes, b"device-digest", "sha256")


def session_token_digest(session_token: uuid.UUID) -> bytes:
    """Return the SHA-256 of a session token (122 random bits need no key)."""
    return hashlib.sha256(session_token.bytes).digest()


def repeatable_session_token(
    license_id: uuid.UUID, hwid: str, user_name: str, idempotency_key: str
) -> uuid.UUID:
    """Return the session token of an `init` that may be asked again: the same for the same program, and a guess for all others.

    So it need not be kept to be told twice. Across a change of the index key it is another one.
    """
    message = b"\0".join(
        [_SESSION_TOKEN, license_id.bytes, *map(str.encode, (hwid, user_name, idempotency_key))]
    )
    key = next(iter(settings.INDEX_KEYS.values()))
    return uuid.UUID(bytes=hmac.digest(key, message, "sha256")[:16], version=4)


def management_token_digest(text: str) -> bytes:
    """Return the SHA-256 of a management token as it was shown (160 random bits need no key)."""
    return hashlib.sha256(text.encode()).digest()


def _index(digests: tuple[bytes, bytes]) -> dict[str, Any]:
    current, *other = settings.INDEX_KEYS
    return {
        "key_digest": digests[0],
        "index_key_id": current,
        "second_key_digest": digests[1] if other else None,
        "second_index_key_id": other[0] if other else "",
    }


# An API key is public and comes with every call; license keys and hardware ids are not to be kept, not even in memory.
@functools.lru_cache(maxsize=1_000)
def _api_key_digests(ring: tuple[bytes, ...], api_key: str) -> tuple[bytes, bytes]:
    return _digests(ring, _API_KEY + b"\0" + api_key.encode())


def _digests(ring: Iterable[bytes], message: bytes) -> tuple[bytes, bytes]:
    current, *other = ring
    digest = hmac.digest(current, message, "sha256")
    return digest, hmac.digest(other[0], message, "sha256") if other else digest
