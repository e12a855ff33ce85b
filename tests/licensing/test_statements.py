"""The statements of the client API are prepared once and then only executed."""

import pytest
from django.db import connection

from licensing.statements import fetch_row

pytestmark = pytest.mark.django_db


def test_a_statement_is_planned_once_however_often_it_runs() -> None:
    for number in range(3):
        assert fetch_row("SELECT %(number)s::int + 40", {"number": number}) == (number + 40,)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(generic_plans + custom_plans) FROM pg_prepared_statements "
            "WHERE statement LIKE '%%+ 40'"
        )
        assert cursor.fetchone() == (1, 3)


def test_the_orms_own_statements_are_not_kept() -> None:
    fetch_row("SELECT %(number)s::int", {"number": 1})

    assert connection.connection.prepare_threshold is None
