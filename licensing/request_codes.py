"""Request codes: what a device without network shows, so that somebody with the license key can fetch its license file.

Version 1 is `REQ1` and, in Crockford's base32: 16 bytes of application id, one byte of kind (0: the hardware id follows as UTF-8,
1: as bytes that it spells in lower-case hexadecimal), the hardware id, and the first four bytes of the SHA-256 of all that.
Dashes stand after every five symbols for those who type; they and the case do not count, and I, L and O read as 1, 1 and 0.
"""

import dataclasses
import hashlib
import uuid

from licensing import keys
from licensing.errors import InvalidRequestError

PREFIX = "REQ1"
# 256 characters of four bytes each, with all else, in groups of five.
LENGTH_MAX = 2_100
_CHECKSUM_BYTES = 4
_HEAD_BYTES = 17
_TEXT, _HEXADECIMAL = 0, 1
_HWID_MAX = 256


@dataclasses.dataclass(frozen=True, slots=True)
class RequestCode:
    application_id: uuid.UUID
    hwid: str


def read(typed: str) -> RequestCode:
    """Return what a request code says, however it was typed; raises InvalidRequestError."""
    symbols = keys.normalized_license_key(typed) if len(typed) <= LENGTH_MAX else ""
    if not symbols.startswith(PREFIX):
        raise InvalidRequestError(f"request_code must begin with {PREFIX}")
    data = _bytes_of(symbols[len(PREFIX) :])
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if hashlib.sha256(body).digest()[:_CHECKSUM_BYTES] != checksum:
        raise InvalidRequestError("request_code has a typing mistake: its checksum does not agree")
    return RequestCode(uuid.UUID(bytes=body[:16]), _hwid(body[16:17], body[_HEAD_BYTES:]))


def _bytes_of(symbols: str) -> bytes:
    if any(symbol not in keys.SYMBOLS for symbol in symbols):
        raise InvalidRequestError("request_code has a symbol that is none of its own")
    number = 0
    for symbol in symbols:
        number = number << 5 | keys.SYMBOLS.index(symbol)
    length, left_over = divmod(len(symbols) * 5, 8)
    if length < _HEAD_BYTES + 1 + _CHECKSUM_BYTES or left_over > 4 or number & (1 << left_over) - 1:
        raise InvalidRequestError("request_code is not complete")
    return (number >> left_over).to_bytes(length, "big")


def _hwid(kind: bytes, data: bytes) -> str:
    if kind[0] not in (_TEXT, _HEXADECIMAL):
        raise InvalidRequestError("request_code is of a kind that is not known")
    try:
        hwid = data.hex() if kind[0] == _HEXADECIMAL else data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError("request_code holds no text") from error
    if len(hwid) > _HWID_MAX or "\0" in hwid:
        raise InvalidRequestError("request_code holds no hardware id")
    return hwid
