"""Files that scripts send: CSV with a line of headings (RFC 4180), or JSON lines. All of a file is right, or none of it is taken."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

from api.management.inputs import Id, Input, Text
from api.parsers import parse_object
from licensing import errors
from licensing.bulk import ROWS_MAX
from licensing.exports import FORMULA_STARTS

MEDIA_TYPES = ("text/csv", "application/jsonl")
# Whoever has a broken file mends the first few and tries again.
_FAULTS_MAX = 20


class KnownLicense(Input):
    id = Id()


class NewLicense(Input):
    username = Text(max_length=150, allow_blank=True, required=False)
    email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
    note = Text(max_length=5_000, allow_blank=True, required=False)


def rows_in(sent: bytes, content_type: str, kind: type[Input]) -> list[dict[str, Any]]:
    """Return the checked rows of a file; raises ValidationError that points at row and member, the first row being 0."""
    is_csv = content_type.partition(";")[0].strip().lower() == "text/csv"
    rows, faults = list[dict[str, Any]](), dict[str, Any]()
    for number, row in enumerate(_csv_rows(sent) if is_csv else _json_rows(sent)):
        if number >= ROWS_MAX:
            raise errors.InvalidRequestError(f"A job takes 1 to {ROWS_MAX} licenses")
        given = kind(data=row)
        if given.is_valid():
            rows.append(dict(given.validated_data))
        else:
            faults[str(number)] = given.errors
        if len(faults) == _FAULTS_MAX:
            break
    if faults:
        raise serializers.ValidationError(faults)
    return rows


def _csv_rows(sent: bytes) -> Iterator[dict[str, Any]]:
    try:
        # Spreadsheets write a byte order mark.
        text = sent.decode("utf-8-sig")
        if "\0" in text:
            raise errors.InvalidRequestError("The file holds a NUL character")
        for row in csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True):
            yield {name: _unguarded(cell) for name, cell in row.items()}
    except UnicodeDecodeError as error:
        raise errors.InvalidRequestError("The file is not UTF-8") from error
    except csv.Error as error:
        raise errors.InvalidRequestError(f"The file is not CSV: {error}") from error


def _json_rows(sent: bytes) -> Iterator[dict[str, Any]]:
    for line in sent.split(b"\n"):
        if line.strip():
            yield parse_object(line)


def _unguarded(cell: Any) -> Any:
    """Take away the apostrophe that our own files put before what a spreadsheet would run."""
    is_guarded = (
        isinstance(cell, str) and cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS)
    )
    return cell[1:] if is_guarded else cell or ""
