"""The secrets of an installation: fresh ones for a .env, and a generated file in development.

`python -m lockence.secrets_env` prints lines for a .env. A ring of keys is written "id:key,id:key", and
the first key is the current one.
"""

import base64
import binascii
import fcntl
import os
import re
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

KEY_BYTES = 32  # AES-256, HMAC-SHA-256 and the seed of Ed25519
# Key ids are written beside what the keys were used for, in columns and ciphertexts.
_KEY_ID = re.compile(r"[A-Za-z0-9]{1,32}")
KEY_RINGS = ("ENCRYPTION_KEYS", "INDEX_KEYS", "HWID_KEYS", "INSTANCE_SIGNING_KEYS")


def fresh_lines() -> dict[str, str]:
    """SECRET_KEY and one new key for each ring, as lines of a .env file, by name."""
    key_id = f"{datetime.now(UTC):%Y%m%d}"
    rings = {name: f"{name}={key_id}:{_fresh_key()}\n" for name in KEY_RINGS}
    return {"SECRET_KEY": f"SECRET_KEY={secrets.token_urlsafe(50)}\n", **rings}


def development_file(path: Path) -> Path:
    """The path, once every secret is in that file (mode 600); those already there stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+") as file:
        # Two processes may start at once; the second finds what the first wrote.
        fcntl.flock(file, fcntl.LOCK_EX)
        there = {line.partition("=")[0] for line in file}
        file.writelines(line for name, line in fresh_lines().items() if name not in there)
    return path


def key_ring(text: str, keys_max: int | None = None) -> dict[str, bytes]:
    """Parse "id:base64,id2:base64" into keys by id, in that order. Raises ValueError that shows no key."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, _, encoded = part.partition(":")
        if not _KEY_ID.fullmatch(key_id) or key_id in keys:
            raise ValueError(
                "each key needs an id of its own, of 1 to 32 letters and digits, before a colon"
            )
        keys[key_id] = _decoded(key_id, encoded)
    if not keys:
        raise ValueError("there is no key in it")
    if keys_max is not None and len(keys) > keys_max:
        raise ValueError(f"it holds at most {keys_max} keys, the current one and the one before")
    return keys


def refuse_equal_keys(rings: Mapping[str, Mapping[str, bytes]], secret_key: str) -> None:
    """Raise ValueError, which shows no key, when one key serves twice, in a ring, across rings or as SECRET_KEY.

    A key that does two things gives away one through the other, and one that is "rotated" to itself was not.
    """
    seen = {secret_key.encode(): "SECRET_KEY"}
    for name, ring in rings.items():
        for key_id, key in ring.items():
            place = f"{name} {key_id!r}"
            for form in (key, base64.b64encode(key)):
                if form in seen:
                    raise ValueError(f"{seen[form]} and {place} are the same key")
            seen[key] = place


def _decoded(key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"key {key_id!r} is not {KEY_BYTES} bytes in base64")
    return key


def _fresh_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


if __name__ == "__main__":
    sys.stdout.writelines(fresh_lines().values())
