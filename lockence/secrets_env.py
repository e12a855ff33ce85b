"""The secrets of an installation: fresh ones for a .env, and a generated file in development.

`python -m lockence.secrets_env` prints lines for a .env. Each of the three key rings is "id:key", and
the first is the current one: to rotate, put a new key in front and keep the old ones behind it.
"""

import base64
import binascii
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

KEY_BYTES = 32  # AES-256 and HMAC-SHA-256
KEY_RINGS = ("ENCRYPTION_KEYS", "INDEX_KEYS", "HWID_KEYS")


def fresh_lines() -> str:
    """SECRET_KEY and one new key for each ring, as lines of a .env file."""
    key_id = f"{datetime.now(UTC):%Y%m%d}"
    rings = (f"{name}={key_id}:{_fresh_key()}" for name in KEY_RINGS)
    return "\n".join([f"SECRET_KEY={secrets.token_urlsafe(50)}", *rings]) + "\n"


def development_file(path: Path) -> Path:
    """The path, after writing fresh secrets there (mode 600) unless it has some already."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh_lines())
    _link_unless_there(draft, path)
    return path


def key_ring(text: str) -> dict[str, bytes]:
    """Parse "id:base64,id2:base64" into keys by id, in that order. Raises ValueError that shows no key."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, _, encoded = part.partition(":")
        if not key_id.isalnum() or key_id in keys:
            raise ValueError(
                "each key needs an id of its own, of letters and digits, before a colon"
            )
        keys[key_id] = _decoded(key_id, encoded)
    return keys


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


def _link_unless_there(draft: Path, path: Path) -> None:
    # Two processes may start at once: a link, unlike a rename, never replaces what the other one wrote.
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


if __name__ == "__main__":
    sys.stdout.write(fresh_lines())
