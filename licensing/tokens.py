"""Digests under which secrets are found again without being kept: HMAC indexes and session-token hashes."""

import hashlib
import hmac
import uuid

from django.conf import settings

from licensing import keys


def api_key_digest(api_key: str) -> bytes:
    """Return the 32-byte HMAC-SHA-256 under which an API key is indexed, with the current index key."""
    return _index_digest(b"api-key", api_key)


def license_key_digest(typed: str) -> bytes:
    """Return the 32-byte HMAC-SHA-256 under which a license key is indexed, in its forgiving form."""
    return _index_digest(b"license-key", keys.normalized_license_key(typed))


def hwid_digest(application_id: uuid.UUID, hwid: str) -> bytes:
    """Return the 32-byte keyed digest of a hardware id, salted by the application it was shown to.

    The same machine has unrelated digests in two applications, so that nobody can follow it from one to the other.
    """
    return hmac.digest(_current(settings.HWID_KEYS), application_id.bytes + hwid.encode(), "sha256")


def session_token_digest(session_token: uuid.UUID) -> bytes:
    """Return the SHA-256 of a session token (122 random bits need no key)."""
    return hashlib.sha256(session_token.bytes).digest()


def _index_digest(purpose: bytes, text: str) -> bytes:
    return hmac.digest(_current(settings.INDEX_KEYS), purpose + b"\0" + text.encode(), "sha256")


def _current(keys_by_id: dict[str, bytes]) -> bytes:
    return next(iter(keys_by_id.values()))
