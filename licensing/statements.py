"""Prepared statements straight on libpq, for the calls that programs make all day.

They run on Django's own connection, inside whatever transaction is open, and their errors come out as Django's. Going through
Django's cursor would plan every statement anew, and through psycopg's cost several times what PostgreSQL takes to answer.
"""

import dataclasses
import functools
import hashlib
import re
import uuid
from typing import Any, LiteralString

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    connection,
    connections,
)
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader, Transformer
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
    # Looked up once: each look through the proxy costs as much as a column of the answer.
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        row = _execute(wrapper.connection, statement, parameters)
    # An answer is the best health check: Django need not ask again before the next statement of this request.
    wrapper.health_check_done = True
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
_BYTEA, _UUID, _INFERRED = 17, 2950, 0
# What goes over the wire in its binary form; all else goes as text.
_TYPES = {uuid.UUID: _UUID, bytes: _BYTEA}
_PARAMETER = re.compile(r"%\((\w+)\)s")

_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
# Where a connection keeps what it has prepared, so that it is forgotten with it.
_KNOWN = "lockence_prepared"


class _JsonText(Loader):
    """jsonb is its text behind a version byte."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data)[1:].decode()


class _Loaders:
    """psycopg's own for what comes back, whatever Django has changed on its connection."""

    connection = None
    adapters = AdaptersMap(psycopg.adapters)


_Loaders.adapters.register_loader("jsonb", _JsonText)


class _Known:
    """What one connection has prepared, and its loaders."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.transformer = Transformer(_Loaders())


def _execute(
    psycopg_connection: "psycopg.Connection[Any]", statement: str, parameters: dict[str, Any]
) -> Row | None:
    pgconn = psycopg_connection.pgconn
    prepared = _prepared(statement, tuple(map(type, parameters.values())), tuple(parameters))
    if not psycopg_connection.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
        # psycopg begins a transaction with its own first statement, and this is none of its own.
        _checked(pgconn, pgconn.exec_(b"BEGIN"))
    kept = vars(psycopg_connection)
    known = kept.get(_KNOWN) or kept.setdefault(_KNOWN, _Known())
    if prepared.name not in known.names:
        _checked(pgconn, pgconn.prepare(prepared.name, prepared.text, prepared.types))
        known.names.add(prepared.name)
    values = [_encoded(parameters[name]) for name in prepared.names]
    result = pgconn.exec_prepared(prepared.name, values, prepared.formats, pq.Format.BINARY)
    if _checked(pgconn, result).ntuples == 0:
        return None
    known.transformer.set_pgresult(result, format=pq.Format.BINARY)
    row: Row = known.transformer.load_row(0, tuple)
    return row


@functools.cache
def _prepared(statement: str, types: tuple[type, ...], names: tuple[str, ...]) -> _Prepared:
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
