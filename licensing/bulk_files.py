"""Files that tell of many licenses: CSV with a line of headings (RFC 4180), or JSON lines. All of a file is right, or none of it is taken."""

import contextlib
import csv
import datetime as dt
import io
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dateparse import parse_datetime

from licensing import errors
from licensing.exports import FORMULA_STARTS
from licensing.fields import LIMIT_MAX
from licensing.metadata import parse_json, parse_metadata
from licensing.models import Policy
from licensing.models.policy import BORROW_MAX_SECONDS, GRACE_MAX_SECONDS, RELEASES_MAX
from licensing.versions import VERSION_MAX, version_key

ROWS_MAX = 100_000
# As many lines of some length.
FILE_MAX_BYTES = 16 * 1024 * 1024
CSV, JSON_LINES = "text/csv", "application/jsonl"
MEDIA_TYPES = (CSV, JSON_LINES)
# Whoever has a broken file mends the first few and tries again.
_FAULTS_MAX = 20
# More than there are fields, and few enough that a line of nothing but commas is no work.
_COLUMNS_MAX = 100
Row = dict[str, Any]
_Check = Callable[[Any], Any]


def known_licenses_in(sent: bytes, media_type: str) -> list[uuid.UUID]:
    """Return the ids of licenses that a file names; beside `id` it may have the columns of our own files of licenses."""
    return [row["id"] for row in _checked(sent, media_type, _OF_KNOWN, needed="id")]


def new_licenses_in(sent: bytes, media_type: str, policies: Iterable[Policy]) -> list[Row]:
    """Return what a file wants written on new licenses: what issuing takes, each member where its row has it.

    A row names one of `policies` by its id or its name, and is returned with the id.
    """
    return _checked(sent, media_type, {**OF_NEW, "policy": _one_among(policies)})


def _checked(
    sent: bytes, media_type: str, checks: Mapping[str, _Check], needed: str = ""
) -> list[Row]:
    """Raises InvalidRequestError: for rows that cannot be, with their faults, and for what is no such file or too long."""
    rows, faults, licenses = list[Row](), dict[tuple[int, str], dict[str, list[str]]](), 0
    sent_rows = _csv_rows(sent) if media_type == CSV else _json_rows(sent)
    for number, (place, sent_row) in enumerate(sent_rows):
        row, wrong = _checked_row(sent_row, checks)
        if needed and needed not in row and needed not in wrong:
            wrong[needed] = ["This field is required."]
        rows.append(row)
        licenses += row.get("count", 1)
        if wrong:
            faults[number, place] = wrong
        if licenses > ROWS_MAX:
            raise errors.InvalidRequestError(f"A job takes 1 to {ROWS_MAX} licenses")
        if len(faults) == _FAULTS_MAX:
            break
    if faults:
        raise errors.InvalidRequestError.of_rows(faults)
    return rows


def _checked_row(sent: Row, checks: Mapping[str, _Check]) -> tuple[Row, dict[str, list[str]]]:
    row, wrong = Row(), dict[str, list[str]]()
    for name, value in sent.items():
        if len(wrong) == _FAULTS_MAX:
            break
        check = checks.get(name)
        if check is None:
            wrong[name] = ["There is no such field"]
            continue
        try:
            row[name] = check(value)
        except ValueError as error:
            wrong[name] = [str(error)]
    return row, wrong


def _csv_rows(sent: bytes) -> Iterator[tuple[str, Row]]:
    """Yield each row that is not empty, with the number that a spreadsheet gives it and its cells that are not empty."""
    try:
        # Spreadsheets write a byte order mark.
        text = sent.decode("utf-8-sig")
        if "\0" in text:
            raise errors.InvalidRequestError("The file holds a NUL character")
        cells_of_rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        names = next(cells_of_rows, [])
        if len(names) > _COLUMNS_MAX:
            raise errors.InvalidRequestError(f"A file has at most {_COLUMNS_MAX} columns")
        for number, cells in enumerate(cells_of_rows, start=2):
            # Spreadsheets write commas for rows in which nobody wrote anything.
            if any(cells):
                row = {
                    name: _cell(name, cell)
                    for name, cell in zip(names, cells, strict=False)
                    if cell
                }
                # What stands behind the last heading is of no field.
                yield f"row {number}", row | ({"": ""} if len(cells) > len(names) else {})
    except UnicodeDecodeError as error:
        raise errors.InvalidRequestError("The file is not UTF-8") from error
    except csv.Error as error:
        raise errors.InvalidRequestError(f"The file is not CSV: {error}") from error


def _cell(name: str, cell: str) -> Any:
    """Return what a cell means: CSV has text alone."""
    # The apostrophe that our own files put before what a spreadsheet would run.
    if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS):
        cell = cell[1:]
    if name in _NUMBERS and cell.isascii() and cell.isdecimal() and len(cell) < 19:
        return int(cell)
    if name == "metadata":
        with contextlib.suppress(ValueError):
            return parse_json(cell)
    return cell


def _json_rows(sent: bytes) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(sent.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line.decode())
        except ValueError as error:
            raise errors.InvalidRequestError(f"Line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise errors.InvalidRequestError(f"Line {number} is not a JSON object")
        yield f"line {number}", row


def _text(length_max: int) -> _Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("Not a valid string.")
        if len(value) > length_max:
            raise ValueError(f"Ensure this field has no more than {length_max} characters.")
        return value

    return check


def _number(least: int, most: int, *, nullable: bool = True) -> _Check:
    def check(value: Any) -> int | None:
        if value is None and nullable:
            return None
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"Must be a whole number between {least} and {most}")
        return value

    return check


def _email(value: Any) -> str:
    text: str = _text(254)(value)
    try:
        if text:
            validate_email(text)
    except ValidationError as error:
        raise ValueError("Enter a valid email address.") from error
    return text


def _metadata(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("Must be an object")
    try:
        return parse_metadata(json.dumps(value, ensure_ascii=False))
    except errors.InvalidRequestError as refusal:
        raise ValueError(refusal.message) from refusal


def _moment(value: Any) -> Any:
    if value is None:
        return None
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("Must be a moment with its offset, such as 2030-01-31T12:00:00Z")
    try:
        # PostgreSQL keeps what lies in other years of UTC, and then nobody can read it any more.
        return moment.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError("Must lie in the years 1 to 9999") from error


def _version(value: Any) -> str:
    text: str = _text(VERSION_MAX)(value)
    if text and not version_key(text):
        raise ValueError("Must be a version, such as 2.4.1")
    return text


def _one_of(choices: Sequence[str]) -> _Check:
    def check(value: Any) -> str:
        if value not in ("", *choices):
            raise ValueError(f"Must be one of {', '.join(choices)}")
        return str(value)

    return check


def _one_among(policies: Iterable[Policy]) -> _Check:
    """Names may differ in case alone: then it counts, and else not."""
    exact = {name: str(one.pk) for one in policies for name in (str(one.pk), one.name)}
    alike = dict[str, set[str]]()
    for name, id in exact.items():
        alike.setdefault(name.casefold(), set()).add(id)

    def check(value: Any) -> str:
        text: str = _text(100)(value)
        found = {exact[text]} if text in exact else alike.get(text.strip().casefold(), set())
        if text and not found:
            raise ValueError("No policy of this application has this id or name")
        if len(found) > 1:
            raise ValueError("Several policies have this name: write it with their capitals")
        return next(iter(found), "")

    return check


def _id(value: Any) -> uuid.UUID:
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError("Must be a valid UUID.") from error


def _passed_over(value: Any) -> None:
    """What our own files of licenses tell beside the id."""


OF_NEW: dict[str, _Check] = {
    "count": _number(1, ROWS_MAX, nullable=False),
    # By its id or its name.
    "policy": _text(100),
    "expires_at": _moment,
    "username": _text(150),
    "email": _email,
    "note": _text(5_000),
    "metadata": _metadata,
    "devices_max": _number(1, LIMIT_MAX),
    "releases_max": _number(0, RELEASES_MAX),
    "sessions_max": _number(1, LIMIT_MAX),
    "grace_seconds": _number(0, GRACE_MAX_SECONDS),
    "expiry_strategy": _one_of(Policy.ExpiryStrategy.values),
    "app_version_min": _version,
    "app_version_max": _version,
    "sessions_overdraft": _number(0, LIMIT_MAX),
    "users_max": _number(1, LIMIT_MAX),
    "hwid_matching": _one_of(Policy.HwidMatching.values),
    "sessions_per": _one_of(Policy.SessionsPer.values),
    "borrow_max_seconds": _number(0, BORROW_MAX_SECONDS),
}
_NUMBERS = frozenset(
    {
        "count",
        "devices_max",
        "releases_max",
        "sessions_max",
        "grace_seconds",
        "sessions_overdraft",
        "users_max",
        "borrow_max_seconds",
    }
)
_OF_KNOWN: dict[str, _Check] = {
    "id": _id,
    **dict.fromkeys(
        ("key", "status", "policy", "username", "email", "expires_at", "created_at", "note"),
        _passed_over,
    ),
}
