"""Licenses and events as files: CSV that no spreadsheet runs as formulas, and plain lines of keys. They come in pieces."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from accounts.models import Event
from licensing.models import BulkRow, License
from licensing.models.license import LicenseQuerySet
from licensing.revealing import revealed

# What one statement fetches and one piece of the answer holds: a file of any length needs this much memory.
_ROWS_PER_PIECE = 1_000
# A cell that begins like this is a formula to a spreadsheet (OWASP, CSV injection), the full-width forms included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_COLUMNS = (
    "id",
    "key",
    "status",
    "policy",
    "username",
    "email",
    "expires_at",
    "created_at",
    "note",
)
_OUTCOME_COLUMNS = ("license", "code", "message")
_EVENT_COLUMNS = (
    "number",
    "created_at",
    "action",
    "actor_kind",
    "actor",
    "ip_address",
    "application",
    "license",
    "target_type",
    "target_id",
    "target",
    "before",
    "after",
    "id",
    "hash",
)
_Row = TypeVar("_Row", bound=Model)


def license_keys(licenses: LicenseQuerySet) -> Iterator[str]:
    """Yield the keys in the order of issue, one a line."""
    for rows in _pieces(licenses):
        yield "".join(f"{revealed(license)}\n" for license in rows)


def licenses_csv(licenses: LicenseQuerySet, *, at: dt.datetime, with_keys: bool) -> Iterator[str]:
    """Yield CSV (RFC 4180) with a header line; without the right to see keys a key is its last five symbols."""
    yield _lines([_COLUMNS])
    for rows in _pieces(licenses.select_related("policy")):
        yield _lines(_cells(license, at, with_keys) for license in rows)


def licenses_jsonl(licenses: LicenseQuerySet, *, at: dt.datetime, with_keys: bool) -> Iterator[str]:
    """Yield JSON lines (https://jsonlines.org), an object for each license with the members that the CSV has."""
    for rows in _pieces(licenses.select_related("policy")):
        yield "".join(
            json.dumps(_members(license, at, with_keys), ensure_ascii=False) + "\n"
            for license in rows
        )


def outcomes(rows: QuerySet[BulkRow], kind: str) -> Iterator[str]:
    """Yield what became of rows of a bulk job, as `csv` or `jsonl`."""
    if kind == "csv":
        yield _lines([_OUTCOME_COLUMNS])
    for piece in _pieces(rows):
        facts = [row.outcome() for row in piece]
        if kind == "csv":
            yield _lines(one.values() for one in facts)
        else:
            yield "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in facts)


# By the name that scripts ask with.
FORMATS = {"csv": licenses_csv, "jsonl": licenses_jsonl}


def events_csv(events: QuerySet[Event]) -> Iterator[str]:
    """Yield CSV of events that tell their places (event_log.with_places), in their order, with a header line."""
    yield _lines([_EVENT_COLUMNS])
    for rows in _pieces(events):
        yield _lines(_event_cells(event) for event in rows)


def _cells(license: License, at: dt.datetime, with_keys: bool) -> Iterator[str]:
    yield str(license.pk)
    yield revealed(license) if with_keys else f"…{license.key_last5}"
    yield license.state(at)
    yield license.policy.name
    yield license.username
    yield license.email
    yield _time(license.expires_at)
    yield _time(license.created_at)
    yield license.note


def _members(license: License, at: dt.datetime, with_keys: bool) -> dict[str, Any]:
    return {
        "id": str(license.pk),
        "key": revealed(license) if with_keys else f"…{license.key_last5}",
        "status": license.state(at),
        "policy": license.policy.name,
        "username": license.username,
        "email": license.email,
        "expires_at": _time(license.expires_at) or None,
        "created_at": _time(license.created_at),
        "note": license.note,
    }


def _event_cells(event: Any) -> Iterator[str]:
    yield str(event.number or "")
    yield f"{event.created_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    yield event.action
    yield event.actor_kind
    yield event.actor_email
    yield event.ip_address
    yield event.application_name or ""
    yield f"…{event.license_last5}" if event.license_last5 else ""
    yield event.target_type
    yield str(event.target_id)
    yield event.target_label
    yield json.dumps(event.full_before, ensure_ascii=False)
    yield json.dumps(event.full_after, ensure_ascii=False)
    yield str(event.pk)
    yield bytes(event.hash or b"").hex()


def _pieces(found: QuerySet[_Row]) -> Iterator[list[_Row]]:
    # Each piece asks for the ids after the last: no cursor and no transaction stay open while a slow reader reads.
    found = found.order_by("pk")
    rows = list(found[:_ROWS_PER_PIECE])
    while rows:
        yield rows
        rows = list(found.filter(pk__gt=rows[-1].pk)[:_ROWS_PER_PIECE])


def _lines(rows: Iterable[Iterable[str]]) -> str:
    """Return rows as lines of CSV; every cell goes through here, and so none is left unguarded."""
    text = io.StringIO()
    csv.writer(text).writerows(map(_harmless, row) for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """Return a cell that a spreadsheet shows as text: an apostrophe stands before what would be a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _time(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
