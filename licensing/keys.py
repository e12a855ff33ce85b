"""The written forms of API keys, management tokens and license keys: making, checking and forgiving them.

Symbols are Crockford's base32 (https://www.crockford.com/base32.html): no I, L, O or U.
"""

import re
import secrets
import zlib

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {symbol: value for value, symbol in enumerate(SYMBOLS)}

API_KEY_PREFIX = "lck_pk_"
MANAGEMENT_TOKEN_PREFIX = "lck_sk_"  # noqa: S105 (a prefix, not a secret)
_API_KEY_SYMBOLS = 26
_MANAGEMENT_TOKEN_SYMBOLS = 32
# A CRC-32 shortened to 30 bits fills exactly six symbols; it lets a secret scanner tell a key from noise.
_CHECKSUM_SYMBOLS = 6

_LICENSE_KEY_SYMBOLS = 18
# The largest prime below 32²: with a prime every wrong symbol and every swap of neighbours changes the remainder.
_LICENSE_KEY_MODULUS = 1021
_FORGIVEN = str.maketrans("ILO", "110")
# White space and every dash that a mail program or a word processor makes of a plain one.
_SEPARATORS = re.compile(r"[\s_\-\u00ad\u2010-\u2015\u2212]+")


def new_api_key() -> str:
    """Return a fresh API key: `lck_pk_`, 26 random symbols (130 bits) and a six-symbol checksum."""
    return _with_checksum(API_KEY_PREFIX + _random_symbols(_API_KEY_SYMBOLS))


def new_management_token() -> str:
    """Return a fresh management token: `lck_sk_`, 32 random symbols (160 bits) and a six-symbol checksum."""
    return _with_checksum(MANAGEMENT_TOKEN_PREFIX + _random_symbols(_MANAGEMENT_TOKEN_SYMBOLS))


def has_valid_checksum(key: str) -> bool:
    """Tell whether an API key or management token ends in the checksum of what stands before it."""
    body, checksum = key[:-_CHECKSUM_SYMBOLS], key[-_CHECKSUM_SYMBOLS:]
    return _checksum(body) == checksum


def new_license_key() -> str:
    """Return a fresh license key, `XXXXX-XXXXX-XXXXX-XXXXX`: 18 random symbols (90 bits) and two check symbols."""
    body = _random_symbols(_LICENSE_KEY_SYMBOLS)
    return grouped(body + _check_symbols(body))


def normalized_license_key(typed: str) -> str:
    """Return the one form under which a license key is indexed, however it was typed.

    Case, spaces and dashes are forgiven, and I and L read as 1, O as 0. A key that is not ours in form (an imported
    one) keeps its letters, and differs from others only by what it says after the same forgiving.
    """
    return _SEPARATORS.sub("", typed.upper()).translate(_FORGIVEN)


def is_well_formed_license_key(typed: str) -> bool:
    """Tell whether what was typed has our form and its check symbols agree (so that a typing mistake shows)."""
    key = normalized_license_key(typed)
    if len(key) != _LICENSE_KEY_SYMBOLS + 2 or any(symbol not in _VALUES for symbol in key):
        return False
    return _check_symbols(key[:_LICENSE_KEY_SYMBOLS]) == key[_LICENSE_KEY_SYMBOLS:]


def grouped(symbols: str) -> str:
    """Return symbols in groups of five joined by dashes, as license keys are shown."""
    return "-".join(symbols[start : start + 5] for start in range(0, len(symbols), 5))


def _random_symbols(count: int) -> str:
    return "".join(SYMBOLS[byte & 31] for byte in secrets.token_bytes(count))


def _with_checksum(body: str) -> str:
    return body + _checksum(body)


def _checksum(body: str) -> str:
    remainder = zlib.crc32(body.encode()) & (2**30 - 1)
    return "".join(SYMBOLS[remainder >> shift & 31] for shift in range(25, -1, -5))


def _check_symbols(body: str) -> str:
    value = 0
    for symbol in body:
        value = value * 32 + _VALUES[symbol]
    high, low = divmod(value % _LICENSE_KEY_MODULUS, 32)
    return SYMBOLS[high] + SYMBOLS[low]
