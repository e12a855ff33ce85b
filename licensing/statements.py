"""Prepared statements straight on libpq, for the calls that programs make all day.

They run on Django's own connection, inside whatever transaction is open, and their errors come out as Django's. Going through
Django's cursor would plan every statement anew, and through psycopg's cost several times what PostgreSQL takes to answer.
"""

import dataclasses
import datetime as dt
import functools
import hashlib
import re
import uuid
import weakref
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from django.db import InterfaceError, NotSupportedError, OperationalError, connection
from psycopg import pq
from psycopg.errors import error_from_result

Row = tuple[Any, ...]


def fetch_row(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
    """Run one statement with its `%(name)s` parameters and return its first row, or None.

    A connection that PostgreSQL closed while it lay idle (a restart, a failover) is replaced and the statement asked once
    more, but only outside a transaction: within one, what came before would be lost. So is one whose prepared statements a
    migration has outdated; within a transaction that raises OperationalError, and the next call finds a new connection.
    """
    try:
        return _run(statement, parameters)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
    except NotSupportedError as error:
        # "cached plan must not change result type" (SQLSTATE 0A000)
        in_transaction = connection.in_atomic_block
        connection.close()
        if in_transaction:
            raise OperationalError("A prepared statement is outdated") from error
    return _run(statement, parameters)


def _run(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        row = _execute(connection.connection, statement, parameters)
    # An answer is the best health check: Django need not ask again before the next statement of this request.
    connection.health_check_done = True  # type: ignore[attr-defined]
    return row


@dataclasses.dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as libpq knows it: `$1` for the first of `names`, and so on."""

    name: bytes
    text: bytes
    names: tuple[str, ...]
    types: tuple[int, ...]
    formats: tuple[int, ...]


# PostgreSQL's numbers of types (pg_type.oid); 0 lets it infer the type from where the parameter stands.
_BOOL, _BYTEA, _INT8, _INT2, _INT4, _TEXT, _VARCHAR = 16, 17, 20, 21, 23, 25, 1043
_TIMESTAMPTZ, _UUID, _JSONB, _INFERRED = 1184, 2950, 3802, 0
# What goes over the wire in its binary form; all else goes as text.
_TYPES = {uuid.UUID: _UUID, bytes: _BYTEA}
_PARAMETER = re.compile(r"%\((\w+)\)s")
_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
# Which statements each connection has prepared; a connection that is closed takes its list with it.
_prepared_on: "weakref.WeakKeyDictionary[psycopg.Connection[Any], set[bytes]]" = (
    weakref.WeakKeyDictionary()
)


def _execute(
    psycopg_connection: "psycopg.Connection[Any]", statement: str, parameters: dict[str, Any]
) -> Row | None:
    pgconn = psycopg_connection.pgconn
    prepared = _prepared(
        statement, tuple(type(value) for value in parameters.values()), *parameters
    )
    if not psycopg_connection.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
        # psycopg begins a transaction with its own first statement, and this is none of its own.
        _checked(pgconn, pgconn.exec_(b"BEGIN"))
    known = _prepared_on.setdefault(psycopg_connection, set())
    if prepared.name not in known:
        _checked(pgconn, pgconn.prepare(prepared.name, prepared.text, prepared.types))
        known.add(prepared.name)
    values = [_encoded(parameters[name]) for name in prepared.names]
    result = pgconn.exec_prepared(prepared.name, values, prepared.formats, pq.Format.BINARY)
    return _first_row(_checked(pgconn, result))


@functools.cache
def _prepared(statement: str, types: tuple[type, ...], *names: str) -> _Prepared:
    type_of = dict(zip(names, types, strict=True))
    order = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
    text = _PARAMETER.sub(lambda match: f"${order.index(match[1]) + 1}", statement)
    return _Prepared(
        # By content, so that threads that come here at once give the same name to the same statement and to no other.
        name=hashlib.sha256(f"{statement}{types}".encode()).hexdigest()[:32].encode(),
        text=text.encode(),
        names=order,
        types=tuple(_TYPES.get(type_of[name], _INFERRED) for name in order),
        formats=tuple(
            pq.Format.BINARY if type_of[name] in _TYPES else pq.Format.TEXT for name in order
        ),
    )


def _encoded(value: Any) -> Any:
    """Return a value's bytes, or None, which the types of psycopg do not know of here."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, uuid.UUID):
        return value.bytes
    return str(value).encode()


def _checked(pgconn: pq.abc.PGconn, result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in _DONE:
        return result
    # PostgreSQL gives every error of its own a SQLSTATE; what has none was found out by libpq: the connection is gone.
    if not result.error_field(pq.DiagnosticField.SQLSTATE):
        raise psycopg.OperationalError(pgconn.get_error_message())
    raise error_from_result(result)


def _first_row(result: pq.abc.PGresult) -> Row | None:
    if result.ntuples == 0:
        return None
    return tuple(
        None
        if (value := result.get_value(0, column)) is None
        else _DECODERS[result.ftype(column)](value)
        for column in range(result.nfields)
    )


def _timestamp(value: bytes) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=int.from_bytes(value, "big", signed=True))


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


# Binary forms (https://www.postgresql.org/docs/current/protocol-overview.html): numbers are big-endian, times are
# microseconds since 2000, and jsonb is its text behind a version byte.
_DECODERS: dict[int, Callable[[bytes], Any]] = {
    _BOOL: lambda value: value == b"\x01",
    _BYTEA: bytes,
    _INT2: _integer,
    _INT4: _integer,
    _INT8: _integer,
    _TEXT: bytes.decode,
    _VARCHAR: bytes.decode,
    _UUID: lambda value: uuid.UUID(bytes=value),
    _TIMESTAMPTZ: _timestamp,
    _JSONB: lambda value: value[1:].decode(),
}
