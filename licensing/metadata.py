"""Metadata as people type it: one JSON object that every reader understands in the same way."""

import json
from typing import Any

from licensing.errors import InvalidRequestError
from licensing.licenses import METADATA_MAX_BYTES


def parse_metadata(text: str) -> dict[str, Any]:
    """Return the JSON object that was typed, an empty one for nothing.

    Raises InvalidRequestError for anything else, and for what PostgreSQL cannot keep or programs read differently: NUL, half a
    surrogate pair, NaN, numbers beyond a double, a key that stands twice, more than 8 kB.
    """
    if len(text.encode(errors="replace")) > METADATA_MAX_BYTES:
        raise InvalidRequestError(f"Metadata may have at most {METADATA_MAX_BYTES:,} bytes")
    try:
        document = _DECODER.decode(text.strip() or "{}")
        _refuse_odd_texts(document)
    except RecursionError as error:
        raise InvalidRequestError("Metadata is nested too deep") from error
    except ValueError as error:
        raise InvalidRequestError(f"This is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidRequestError('Metadata must be a JSON object, such as {"plan": "pro"}')
    return document


def parse_json(text: str) -> Any:
    """Return what strict JSON says; raises ValueError for anything that two readers could understand differently."""
    try:
        document = _DECODER.decode(text.strip())
        _refuse_odd_texts(document)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return document


def _refuse_odd_texts(document: Any) -> None:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
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
