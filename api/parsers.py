"""Strict JSON (RFC 8259) from bytes: whatever two readers could understand differently is refused."""

import json
from typing import Any

from licensing.errors import InvalidRequestError


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body holds.

    Raises InvalidRequestError for anything but one JSON object in UTF-8: duplicate keys, NaN, a byte order mark, NUL or half a
    surrogate pair in a text, numbers or nesting beyond reason.
    """
    if not body:
        raise InvalidRequestError("The body is empty: send a JSON object")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The body is not UTF-8") from error
    try:
        document = _DECODER.decode(text)
        # Only an escape can smuggle these in: as bytes they are not UTF-8 or not JSON.
        if "\\u" in text:
            _refuse_odd_texts(document)
    except RecursionError as error:
        raise InvalidRequestError("The body is nested too deep") from error
    except ValueError as error:
        raise InvalidRequestError(f"The body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidRequestError("The body must be a JSON object")
    return document


def _refuse_odd_texts(document: Any) -> None:
    text = json.dumps(document, ensure_ascii=False)
    # In what json writes, a NUL can only stand as this escape, and a backslash before it would be doubled.
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("a text holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half a surrogate pair") from error


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key stands twice in the same object")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_without_duplicates, parse_constant=_refuse_constant
)
