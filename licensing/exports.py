"""Licenses as files: CSV that no spreadsheet runs as formulas, and plain lines of keys. Both come in pieces."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator

from licensing.models import License
from licensing.models.license import LicenseQuerySet
from licensing.revealing import revealed

# What one statement fetches and one piece of the answer holds: a file of any length needs this much memory.
_ROWS_PER_PIECE = 1_000
# A cell that begins like this is a formula to a spreadsheet (OWASP, CSV injection), the full-width forms included.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
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


def license_keys(licenses: LicenseQuerySet) -> Iterator[str]:
    """Yield the keys in the order of issue, one a line."""
    for rows in _pieces(licenses):
        yield "".join(f"{revealed(license)}\n" for license in rows)


def licenses_csv(licenses: LicenseQuerySet, *, at: dt.datetime, with_keys: bool) -> Iterator[str]:
    """Yield CSV (RFC 4180) with a header line; without the right to see keys a key is its last five symbols."""
    yield _lines([_COLUMNS])
    for rows in _pieces(licenses.select_related("policy")):
        yield _lines(_cells(license, at, with_keys) for license in rows)


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet shows as text: an apostrophe stands before what would be a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _cells(license: License, at: dt.datetime, with_keys: bool) -> Iterator[str]:
    yield str(license.pk)
    yield revealed(license) if with_keys else f"…{license.key_last5}"
    yield license.state(at)
    yield harmless(license.policy.name)
    yield harmless(license.username)
    yield harmless(license.email)
    yield _time(license.expires_at)
    yield _time(license.created_at)
    yield harmless(license.note)


def _pieces(licenses: LicenseQuerySet) -> Iterator[list[License]]:
    # Each piece asks for the ids after the last: no cursor and no transaction stay open while a slow reader reads.
    licenses = licenses.order_by("pk")
    rows = list(licenses[:_ROWS_PER_PIECE])
    while rows:
        yield rows
        rows = list(licenses.filter(pk__gt=rows[-1].pk)[:_ROWS_PER_PIECE])


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _time(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
