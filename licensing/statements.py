"""Prepared statements straight on psycopg, for the calls that programs make all day.

They run on Django's own connection, inside whatever transaction is open, and skip only Django's cursor wrappers; errors come
out as Django's.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from django.db import InterfaceError, OperationalError, connection

Row = tuple[Any, ...]


def fetch_row(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
    """Run one statement and return its first row, or None.

    A connection that PostgreSQL closed while it lay idle (a restart, a failover) is replaced and the statement asked once
    more, but only outside a transaction: within one, what came before would be lost.
    """
    try:
        return _run(statement, parameters)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return _run(statement, parameters)


def _run(statement: LiteralString, parameters: dict[str, Any]) -> Row | None:
    connection.ensure_connection()
    with connection.wrap_database_errors, _preparing(connection.connection) as psycopg_connection:
        # Not Django's own kind of cursor: that one writes the parameters into the text, and so can prepare nothing.
        cursor = psycopg.Cursor(psycopg_connection)
        row: Row | None = cursor.execute(statement, parameters, prepare=True).fetchone()
    # An answer is the best health check: Django need not ask again before the next statement of this request.
    connection.health_check_done = True  # type: ignore[attr-defined]
    return row


@contextlib.contextmanager
def _preparing(
    psycopg_connection: psycopg.Connection[Row],
) -> Iterator[psycopg.Connection[Row]]:
    """Let statements be prepared, which Django forbids its connections: left on, it would keep every text the ORM writes."""
    psycopg_connection.prepare_threshold = 0
    try:
        yield psycopg_connection
    finally:
        psycopg_connection.prepare_threshold = None
