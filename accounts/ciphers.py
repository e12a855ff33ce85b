"""Encryption of what must be shown again: AES-256-GCM with a key id and the place the text belongs to.

The written form is `v1.<key id>.<base64url of nonce and ciphertext>`. The associated data names table, column and row, so a
ciphertext moved to another row does not open (NIST SP 800-38D).
"""

import base64
import functools
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

# 96 bits: the nonce length that GCM is defined for without further hashing (NIST SP 800-38D, 8.2).
_NONCE_BYTES = 12
_VERSION = "v1"


class UndecipherableError(Exception):
    """A ciphertext does not open: its key is not configured, it was changed, or it belongs to another row."""


def encrypt(text: str, *, table: str, column: str, row: object) -> str:
    """Return `text` encrypted with the current key for exactly one cell of the database."""
    key_id = next(iter(settings.ENCRYPTION_KEYS))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(settings.ENCRYPTION_KEYS[key_id]).encrypt(
        nonce, text.encode(), _place(table, column, row)
    )
    return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(ciphertext: str, *, table: str, column: str, row: object) -> str:
    """Return the text that `encrypt` sealed for this cell; raise UndecipherableError when it does not open."""
    try:
        version, key_id, encoded = ciphertext.split(".")
        sealed = base64.urlsafe_b64decode(encoded)
        key = settings.ENCRYPTION_KEYS[key_id]
        if version != _VERSION:
            raise UndecipherableError(f"unknown version {version} in {table}.{column}")
        place = _place(table, column, row)
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place).decode()
    except (ValueError, KeyError, InvalidTag) as error:
        raise UndecipherableError(f"{table}.{column} of {row} does not open") from error


def key_id_of(ciphertext: str) -> str:
    """Return the id of the key that a ciphertext was made with."""
    return ciphertext.split(".")[1]


def _place(table: str, column: str, row: object) -> bytes:
    return f"{table}.{column}.{row}".encode()


@functools.lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
