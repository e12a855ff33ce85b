# ruff: noqa: S608 (tables and columns are constants of this installation's code)
"""Changing encryption and index keys while the service runs: rows move to the current keys, a few at a time.

Whatever was moved is found and opened by every process that knows both keys, so nothing has to stop. A run that is broken off is
taken up by the next. docs/how-to/rotate-encryption-keys.md has the steps.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts import cells
from accounts.cells import Cell
from accounts.ciphers import UndecipherableError
from licensing import idempotency, signatures, tokens
from licensing.models import webhook

API_KEY = Cell("licensing_apikey", "key_ciphertext")
LICENSE_KEY = Cell("licensing_license", "key_ciphertext")
SIGNING_KEY = Cell(signatures.SIGNING_KEY_TABLE, signatures.SIGNING_KEY_COLUMN)
VARIABLE = Cell("licensing_variable", "value_ciphertext")
CELLS = (
    API_KEY,
    LICENSE_KEY,
    SIGNING_KEY,
    VARIABLE,
    idempotency.CALL,
    webhook.SECRET,
    webhook.PRIVATE_KEY,
    *cells.CELLS,
)

_Row = dict[str, Any]
# A row's id, what its ciphertext is bound to, and the ciphertext.
_Sealed = tuple[object, object, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Index:
    """Digests of secrets by which rows are found; `columns` computes them anew from the secret."""

    cell: Cell
    columns: Callable[[str], _Row]


INDEXES = (Index(API_KEY, tokens.api_key_index), Index(LICENSE_KEY, tokens.license_key_index))


@dataclasses.dataclass(frozen=True, slots=True)
class KeyUse:
    """How many rows one key made in one place."""

    ring: str
    place: str
    key_id: str
    rows: int
    is_current: bool
    is_configured: bool
    is_disposable: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """What became of some rows: moved, or not because they do not open; the rest was in use and is left for the next pass."""

    place: str
    moved: int
    undecipherable: int


def uses_of_keys() -> Iterator[KeyUse]:
    """Yield rows by place and key; each place is one statement that reads its whole table."""
    for cell in _existing_cells():
        counts = _counts(cell.table, f"split_part({_value(cell)}, '.', 2)", _value(cell))
        for use in _uses("ENCRYPTION_KEYS", str(cell), counts):
            yield dataclasses.replace(use, is_disposable=cell.is_disposable)
    for index in INDEXES:
        table = index.cell.table
        yield from _uses("INDEX_KEYS", f"{table}.key_digest", _counts(table, "index_key_id"))
        yield from _uses(
            "INDEX_KEYS",
            f"{table}.second_key_digest",
            _counts(table, "second_index_key_id", "second_key_digest"),
            is_second=True,
        )
    devices = _counts("licensing_device", "hwid_key_id")
    yield from _uses("HWID_KEYS", "licensing_device.hwid_digest", devices)
    trials = _counts("licensing_trialuse", "hwid_key_id")
    yield from _uses("HWID_KEYS", "licensing_trialuse.hwid_digest", trials)
    rules = _counts("licensing_accessrule", "hwid_key_id", "NULLIF(hwid_key_id, '')")
    yield from _uses("HWID_KEYS", "licensing_accessrule.digests", rules)


def rotate(batch_size: int) -> Iterator[Batch]:
    """Move every row that can be moved to the current keys, in transactions of `batch_size` rows that wait for nobody."""
    for cell in _existing_cells():
        yield from _reencrypt(cell, batch_size)
    for index in INDEXES:
        yield from _reindex(index, batch_size)


def rows_left() -> int:
    """Count the rows that `rotate` has still to move."""
    precious = [cell for cell in _existing_cells() if not cell.is_disposable]
    stale = [(cell.table, *_stale_cell(cell)) for cell in precious]
    stale += [(index.cell.table, *_stale_index()) for index in INDEXES]
    return sum(_count(table, condition, parameters) for table, condition, parameters in stale)


def _reencrypt(cell: Cell, batch_size: int) -> Iterator[Batch]:
    value = _value(cell)
    written = (
        f"jsonb_set({cell.column}, '{{{cell.member}}}', to_jsonb(%(new)s::text))"
        if cell.member
        else "%(new)s"
    )
    update = _update_unless_in_use(cell, f"{cell.column} = {written}", f"{value} = %(old)s")

    def moved(row: object, bound_to: object, old: str) -> _Row:
        return {"id": row, "old": old, "new": cell.encrypt(cell.decrypt(old, bound_to), bound_to)}

    for rows in _stale_rows(cell, _stale_cell(cell), batch_size):
        batch = _move(str(cell), rows, moved, update)
        yield dataclasses.replace(batch, undecipherable=0) if cell.is_disposable else batch


def _reindex(index: Index, batch_size: int) -> Iterator[Batch]:
    names = index.columns("")
    assignments = ", ".join(f"{name} = %({name})s" for name in names)
    update = _update_unless_in_use(index.cell, assignments, "true")

    def moved(row: object, bound_to: object, ciphertext: str) -> _Row:
        return {"id": row, **index.columns(index.cell.decrypt(ciphertext, bound_to))}

    for rows in _stale_rows(index.cell, _stale_index(), batch_size):
        yield _move(f"{index.cell.table}.key_digest", rows, moved, update)


def _move(
    place: str,
    rows: list[_Sealed],
    moved: Callable[[object, object, str], _Row],
    update: str,
) -> Batch:
    parameters, undecipherable = [], 0
    for sealed in rows:
        try:
            parameters.append(moved(*sealed))
        except UndecipherableError:
            undecipherable += 1
    with transaction.atomic(), connection.cursor() as cursor:
        count = 0
        if parameters:
            cursor.executemany(update, parameters)
            count = cursor.rowcount
    return Batch(place, count, undecipherable)


def _update_unless_in_use(cell: Cell, assignments: str, guard: str) -> str:
    # A row that a program's call holds is left for the next pass: who waits for nobody is part of no deadlock.
    return f"""
        UPDATE {cell.table} SET {assignments} WHERE {cell.row_column} = (
            SELECT {cell.row_column} FROM {cell.table}
            WHERE {cell.row_column} = %(id)s AND {guard} FOR UPDATE SKIP LOCKED
        )
    """


def _stale_rows(cell: Cell, stale: tuple[str, _Row], batch_size: int) -> Iterator[list[_Sealed]]:
    condition, parameters = stale
    after: Any = None
    while True:
        behind = "" if after is None else f"AND {cell.row_column} > %(after)s"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {cell.row_column}, {cell.bound_column}, {_value(cell)} FROM {cell.table} "
                f"WHERE {condition} {behind} ORDER BY {cell.row_column} LIMIT %(size)s",
                {**parameters, "after": after, "size": batch_size},
            )
            rows: list[_Sealed] = cursor.fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _stale_cell(cell: Cell) -> tuple[str, _Row]:
    beginning = f"v1.{next(iter(settings.ENCRYPTION_KEYS))}."
    return f"NOT starts_with({_value(cell)}, %(beginning)s)", {"beginning": beginning}


def _stale_index() -> tuple[str, _Row]:
    current, *other = settings.INDEX_KEYS
    return (
        "(index_key_id, second_index_key_id) <> (%(current)s, %(second)s)",
        {"current": current, "second": other[0] if other else ""},
    )


def _value(cell: Cell) -> str:
    return f"({cell.column} ->> '{cell.member}')" if cell.member else cell.column


def _existing_cells() -> list[Cell]:
    tables = set(connection.introspection.table_names())
    return [cell for cell in CELLS if cell.table in tables]


def _count(table: str, condition: str, parameters: _Row) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}", parameters)
        return int(cursor.fetchone()[0])


def _counts(table: str, key_id: str, present: str = "1") -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key_id}, count(*) FROM {table} WHERE {present} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        counts: list[tuple[str, int]] = cursor.fetchall()
    return counts


def _uses(
    ring: str, place: str, counts: list[tuple[str, int]], *, is_second: bool = False
) -> Iterator[KeyUse]:
    current, *other = getattr(settings, ring)
    wanted = [*other[:1]] if is_second else [current]
    for key_id, rows in counts:
        yield KeyUse(ring, place, key_id, rows, key_id in wanted, key_id in (current, *other))
