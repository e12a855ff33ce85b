"""The request code that a device without network shows; whoever holds the license key exchanges it for a license file."""

from __future__ import annotations

import hashlib
import re
import uuid

from lockence_client.machine import Hwid, hwid_text

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PREFIX = "REQ1"
_TEXT, _HEXADECIMAL = b"\0", b"\1"
_HEXADECIMAL_TEXT = re.compile("([0-9a-f]{2})+")
# More than that the server takes for no hardware id.
_HWID_MAX = 256


def request_code(application_id: str, hwid: Hwid) -> str:
    """Return the code of this device, `REQ1-…` in groups of five: for people to type, and for a QR code.

    `REQ1` and, in Crockford's base32: the application id, one byte for the kind of what follows, the hardware id (as the
    bytes that it spells, where it is lower-case hexadecimal), and the first four bytes of the SHA-256 of all that.
    Raises ValueError for a hardware id of more than 256 characters; parts count as the JSON text of their object.
    """
    text = hwid_text(hwid)
    if len(text) > _HWID_MAX:
        raise ValueError("the hardware id is too long for a request code")
    is_hexadecimal = _HEXADECIMAL_TEXT.fullmatch(text) is not None
    told = _HEXADECIMAL + bytes.fromhex(text) if is_hexadecimal else _TEXT + text.encode()
    body = uuid.UUID(application_id).bytes + told
    data = body + hashlib.sha256(body).digest()[:4]
    bits = len(data) * 8
    count = -(-bits // 5)
    number = int.from_bytes(data, "big") << (count * 5 - bits)
    symbols = "".join(_SYMBOLS[number >> 5 * left & 31] for left in range(count - 1, -1, -1))
    return "-".join([_PREFIX, *(symbols[at : at + 5] for at in range(0, count, 5))])


def request_url(url: str, application_id: str, hwid: Hwid) -> str:
    """Return the address of the page that exchanges the code, with the code filled in: what a QR code should say.

    The code stands behind a #, which a browser sends to no server, so that no log on the way keeps the hardware id.
    """
    return f"{url.rstrip('/')}/offline/#{request_code(application_id, hwid)}"
