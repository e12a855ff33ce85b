"""The statements of the client API are prepared once and then only executed."""

import datetime as dt
import uuid
from typing import Any, LiteralString

import pytest
from django.db import DataError, OperationalError, connection, transaction

from licensing.statements import fetch_row

pytestmark = pytest.mark.django_db

ID = uuid.UUID("01940000-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT %(it)s::uuid", ID),
        ("SELECT %(it)s::bytea", b"\x00\xff"),
        ("SELECT %(it)s::text", "é \N{SNOWMAN} '; --"),
        ("SELECT %(it)s::varchar", ""),
        ("SELECT %(it)s::int", -7),
        ("SELECT %(it)s::bigint", 2**40),
        ("SELECT %(it)s::smallint", 7),
        ("SELECT %(it)s::bool", True),
        ("SELECT %(it)s::timestamptz", dt.datetime(2027, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)),
        ("SELECT %(it)s::timestamptz", dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("SELECT %(it)s::text", None),
    ],
)
def test_a_value_comes_back_as_it_went(statement: LiteralString, value: Any) -> None:
    assert fetch_row(statement, {"it": value}) == (value,)


def test_json_comes_as_text() -> None:
    assert fetch_row("SELECT %(it)s::jsonb", {"it": '{"a": 1}'}) == ('{"a": 1}',)


def test_no_row_is_none() -> None:
    assert fetch_row("SELECT 1 WHERE %(it)s::bool", {"it": False}) is None


def test_a_parameter_may_stand_twice_and_others_not_at_all() -> None:
    parameters = {"other": ID, "it": 3}

    assert fetch_row("SELECT %(it)s::int + %(it)s::int", parameters) == (6,)


def test_a_statement_is_planned_once_however_often_it_runs() -> None:
    for number in range(3):
        assert fetch_row("SELECT %(number)s::int + 40", {"number": number}) == (number + 40,)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(generic_plans + custom_plans) FROM pg_prepared_statements "
            "WHERE statement LIKE '%%+ 40'"
        )
        assert cursor.fetchone() == (1, 3)


def test_errors_come_out_as_djangos() -> None:
    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        fetch_row("SELECT 1 / %(it)s::int", {"it": 0})


@pytest.mark.django_db(transaction=True)
def test_a_first_statement_in_a_transaction_is_rolled_back_with_it() -> None:
    with transaction.atomic():
        fetch_row(
            "INSERT INTO accounts_limitwindow (name, subject, hits, ends_at) "
            "VALUES ('t', %(it)s, 1, now()) RETURNING id",
            {"it": "somebody"},
        )
        transaction.set_rollback(True)

    assert fetch_row("SELECT count(*) FROM accounts_limitwindow WHERE name = 't'", {}) == (0,)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_closed_behind_our_back_is_replaced() -> None:
    [before] = fetch_row("SELECT pg_backend_pid()", {}) or ()
    end_the_backend(before)

    [after] = fetch_row("SELECT pg_backend_pid()", {}) or ()

    assert after != before


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_a_lost_connection_is_an_error() -> None:
    with pytest.raises(OperationalError), transaction.atomic():
        lose_the_connection_and_ask()

    assert fetch_row("SELECT 1", {}) == (1,)


def lose_the_connection_and_ask() -> None:
    [backend] = fetch_row("SELECT pg_backend_pid()", {}) or ()
    end_the_backend(backend)
    fetch_row("SELECT pg_backend_pid()", {})


def end_the_backend(backend: int) -> None:
    """As a restart of PostgreSQL does; from another connection, and not before it is really gone."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    other.close()
