"""What a hardware id may be: one text, or an object of named parts."""

import json
import re
from collections.abc import Mapping
from typing import Any

from licensing.errors import InvalidRequestError
from licensing.metadata import parse_json

TEXT_MAX = 256
PARTS_MAX = 8
_PART = re.compile(r"[a-z0-9_]{1,32}")


def is_part(name: str) -> bool:
    """Tell whether a part may be called so."""
    return bool(_PART.fullmatch(name))


def checked_parts(parts: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return the parts of a hardware id; raises InvalidRequestError, which calls the field by its `name`."""
    if not 1 <= len(parts) <= PARTS_MAX:
        raise InvalidRequestError(f"{name} must be an object of 1 to {PARTS_MAX} parts")
    for part, value in parts.items():
        if not is_part(part):
            raise InvalidRequestError(
                f"{name} must name its parts with 1 to 32 characters of a-z, 0-9 and _"
            )
        if not isinstance(value, str) or not _is_text(value):
            raise InvalidRequestError(f"{name}.{part} must be a text of 1 to {TEXT_MAX} characters")
    return dict(parts)


def _is_text(value: str) -> bool:
    # JSON can spell half a surrogate pair, which no text holds and no digest can be made of.
    return 1 <= len(value) <= TEXT_MAX and not any("\ud800" <= one <= "\udfff" for one in value)


def whole(parts: Mapping[str, str]) -> str:
    """Return all parts in one text, the same in whatever order they are named."""
    return json.dumps(parts, sort_keys=True)


def typed(text: str) -> str | dict[str, Any]:
    """Return the parts that somebody typed as JSON, and anything else as the text that it is.

    Raises InvalidRequestError for what looks like parts and is none.
    """
    # An id in braces, as Windows writes its own, is a text.
    if not text.startswith("{") or not any(mark in text for mark in ':"'):
        return text
    try:
        parts: dict[str, Any] = parse_json(text)
    except ValueError as error:
        raise InvalidRequestError(
            f'value looks like parts, such as {{"board": "B-1"}}, and is not valid JSON: {error}'
        ) from error
    return parts
