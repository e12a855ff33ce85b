"""Many rows of one kind by COPY, which PostgreSQL takes in several times as fast as it takes INSERT, in constant memory."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import sql


def copy_rows(example: Model, varying: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Write one row for each tuple of `rows`: its values stand in the columns `varying`, and all else is as in `example`.

    What a column of these holds must need no preparing: text, bytes, a UUID. `example` itself is not written. Constraints hold
    and errors come out as Django's, as with any other statement.
    """
    fields = example._meta.concrete_fields
    columns = [str(field.column) for field in fields]
    values = [
        field.get_db_prep_save(field.pre_save(example, add=True), connection) for field in fields
    ]
    places = [columns.index(column) for column in varying]
    names = sql.SQL(", ").join([sql.Identifier(column) for column in columns])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(example._meta.db_table), names
    )
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement) as copy,
    ):
        for row in rows:
            for place, value in zip(places, row, strict=True):
                values[place] = value
            copy.write_row(values)
