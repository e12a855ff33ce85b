"""Prepared statements straight on libpq, for the calls that programs make all day.

They run on Django's own connection, inside whatever transaction is open, and their errors come out as Django's. Going through
Django's cursor would plan every statement anew, and through psycopg's cost several times what PostgreSQL takes to answer.

What a server may do between a statement and its row, other calls say, is written as steps: a generator that yields a `Question`
and is sent the row. `answered` takes them one after the other, `licensing.pipeline` those of many calls at once.
"""

import dataclasses
import functools
import hashlib
import re
import uuid
from collections.abc import Generator
from typing import Any, LiteralString, NamedTuple, TypeVar

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
_Told = TypeVar("_Told")


class Question(NamedTuple):
    """One statement with its `%(name)s` parameters, whose first row is wanted; `is_durable` where its commit waits for the disk."""

    statement: LiteralString
    parameters: dict[str, Any]
    is_durable: bool = False


# Each must be good in a transaction of its own.
Steps = Generator[Question, Row | None, _Told]


class NotInStepsError(Exception):
    """What was begun in steps takes more than that, such as a lock, and has to be done from its beginning in another way."""


def answered(steps: Steps[_Told]) -> _Told:
    """Take steps to their end, on Django's own connection; raises what they raise."""
    try:
        question = next(steps)
        while True:
            try:
                row = fetch_row(question.statement, question.parameters)
            except Exception as error:
                question = steps.throw(error)
            else:
                question = steps.send(row)
    except StopIteration as end:
        told: _Told = end.value
        return told


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
class Prepared:
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


class Known:
    """What one connection has prepared, and its loaders."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.transformer = Transformer(_Loaders())

    def first_row(self, result: pq.abc.PGresult) -> Row | None:
        if result.ntuples == 0:
            return None
        self.transformer.set_pgresult(result, format=pq.Format.BINARY)
        row: Row = self.transformer.load_row(0, tuple)
        return row


def known_on(psycopg_connection: "psycopg.Connection[Any]") -> Known:
    kept = vars(psycopg_connection)
    known: Known = kept.get(_KNOWN) or kept.setdefault(_KNOWN, Known())
    return known


def _execute(
    psycopg_connection: "psycopg.Connection[Any]",
    statement: LiteralString,
    parameters: dict[str, Any],
) -> Row | None:
    pgconn = psycopg_connection.pgconn
    prepared, values = prepared_with_values(statement, parameters)
    if not psycopg_connection.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
        # psycopg begins a transaction with its own first statement, and this is none of its own.
        _checked(pgconn, pgconn.exec_(b"BEGIN"))
    known = known_on(psycopg_connection)
    if prepared.name not in known.names:
        _checked(pgconn, pgconn.prepare(prepared.name, prepared.text, prepared.types))
        known.names.add(prepared.name)
    result = pgconn.exec_prepared(prepared.name, values, prepared.formats, pq.Format.BINARY)
    return known.first_row(_checked(pgconn, result))


def prepared_with_values(
    statement: LiteralString, parameters: dict[str, Any]
) -> tuple[Prepared, list[Any]]:
    """Return what libpq is to be told of a statement, and its values in the order in which that wants them."""
    prepared = _prepared(statement, tuple(map(type, parameters.values())), tuple(parameters))
    return prepared, [_encoded(parameters[name]) for name in prepared.names]


@functools.cache
def _prepared(statement: str, types: tuple[type, ...], names: tuple[str, ...]) -> Prepared:
    type_of = dict(zip(names, types, strict=True))
    order = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
    text = _PARAMETER.sub(lambda match: f"${order.index(match[1]) + 1}", statement)
    return Prepared(
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
