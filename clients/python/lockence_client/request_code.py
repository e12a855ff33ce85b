"""The request code that a device without network shows; whoever holds the license key exchanges it for a license file."""

from __future__ import annotations

import hashlib
import re
import uuid
from urllib.parse import urlencode

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PREFIX = "REQ1"
_TEXT, _HEXADECIMAL = b"\0", b"\1"
_HEXADECIMAL_TEXT = re.compile("([0-9a-f]{2})+")


def request_code(application_id: str, hwid: str) -> str:
    """Return the code of this device, `REQ1-…` in groups of five: for people to type, and for a QR code.

    `REQ1` and, in Crockford's base32: the application id, one byte for the kind of what follows, the hardware id (as the
    bytes that it spells, where it is lower-case hexadecimal), and the first four bytes of the SHA-256 of all that.
    """
    is_hexadecimal = _HEXADECIMAL_TEXT.fullmatch(hwid) is not None
    told = _HEXADECIMAL + bytes.fromhex(hwid) if is_hexadecimal else _TEXT + hwid.encode()
    body = uuid.UUID(application_id).bytes + told
    data = body + hashlib.sha256(body).digest()[:4]
    bits = len(data) * 8
    count = -(-bits // 5)
    number = int.from_bytes(data, "big") << (count * 5 - bits)
    symbols = "".join(_SYMBOLS[number >> 5 * left & 31] for left in range(count - 1, -1, -1))
    return "-".join([_PREFIX, *(symbols[at : at + 5] for at in range(0, count, 5))])


def request_url(url: str, application_id: str, hwid: str) -> str:
    """Return the address of the page that exchanges the code, with the code filled in: what a QR code should say."""
    return f"{url.rstrip('/')}/offline/?{urlencode({'code': request_code(application_id, hwid)})}"
