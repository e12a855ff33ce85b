"""Versions of a program, in an order that a database can keep: Semantic Versioning 2.0.0, and forgiving beyond it.

`1.2` is `1.2.0`, a leading `v` is none, `1.0.0-rc.2` and `1.0rc2` come before `1.0.0` and before their tenth, and what stands
behind a plus is no part of the order (sections 10 and 11 there). A key is text that is compared byte by byte (`COLLATE "C"` in PostgreSQL).
"""

import re

from licensing.errors import InvalidRequestError

VERSION_MAX = 50
# A key of the longest version that is understood has room in so many characters.
KEY_MAX = 500
_PARTS_MAX = 6
# A date with its time, as builds are numbered, still fits.
_DIGITS_MAX = 14
_VERSION = re.compile(
    r"[vV]?(?P<numbers>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<before>[A-Za-z][0-9A-Za-z.-]*)|-(?P<number_before>[0-9][0-9A-Za-z.-]*))?"
    r"(?:\+[0-9A-Za-z.-]*)?",
    re.ASCII,
)
# Digits sort below it: a release comes after all that leads to it, and an upper bound after all that begins like it.
_LAST = "~"


def version_key(text: str) -> str:
    """Return the key of a version, "" for a text that is none: it comes before every version."""
    return _key(text, is_maximum=False)


def bounds(app_version_min: str, app_version_max: str) -> dict[str, str]:
    """Return two bounds with their keys, as policies and licenses keep them; "" is none.

    The upper one means all that begins like it: `2` lets in 2.9.9, and `2.4` lets in 2.4.1. Raises InvalidRequestError when
    one is no version, or no version lies between them.
    """
    keys = {
        "app_version_min": _bound("app_version_min", app_version_min, is_maximum=False),
        "app_version_max": _bound("app_version_max", app_version_max, is_maximum=True),
    }
    if all(keys.values()) and keys["app_version_min"] > keys["app_version_max"]:
        raise InvalidRequestError("app_version_min must not come after app_version_max")
    return {f"{name}_key": key for name, key in keys.items()}


def _bound(name: str, text: str, *, is_maximum: bool) -> str:
    key = _key(text, is_maximum=is_maximum)
    if text and not key:
        raise InvalidRequestError(f"{name} must be a version, such as 2.4.1")
    return key


def _key(text: str, *, is_maximum: bool) -> str:
    match = _VERSION.fullmatch(text.strip())
    if match is None or len(text) > VERSION_MAX:
        return ""
    numbers = match["numbers"].split(".")
    before = re.findall(r"\d+|[A-Za-z-]+", match["before"] or match["number_before"] or "")
    if len(numbers) > _PARTS_MAX or any(map(_is_too_long, numbers + before)):
        return ""
    written = "".join(map(_padded, numbers))
    if is_maximum and not before:
        return written + _LAST
    written = written.ljust(_PARTS_MAX * _DIGITS_MAX, "0")
    return f"{written}-{_identifiers(before)}" if before else written + _LAST


def _identifiers(before: list[str]) -> str:
    """Numbers count as numbers and come before words; a space, below every symbol, ends each (section 11.4)."""
    return " ".join(f"0{_padded(part)}" if part.isdigit() else f"1{part}" for part in before)


def _padded(number: str) -> str:
    return number.lstrip("0").zfill(_DIGITS_MAX)


def _is_too_long(part: str) -> bool:
    return part.isdigit() and len(part.lstrip("0")) > _DIGITS_MAX
