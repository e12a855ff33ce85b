"""Many statements on one connection: each gets its own row, or all are told that theirs will not come."""

import select
import uuid
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from django.db import connection, transaction

from licensing.models import License
from licensing.pipeline import Pipeline
from licensing.statements import Question, Row
from tests import factories
from tests.licensing.test_statements import end_the_backend

pytestmark = pytest.mark.django_db(transaction=True)


class Asker:
    """Asks and keeps what it is told."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.told: list[tuple[int, Row | None]] = []
        self.failed: list[int] = []

    def ask(self, number: int, statement: LiteralString, **parameters: Any) -> None:
        self.pipeline.ask(
            Question(statement, parameters),
            lambda row: self.told.append((number, row)),
            lambda: self.failed.append(number),
        )

    def read_all(self) -> None:
        while len(self.pipeline):
            self.wait()
            self.pipeline.read()

    def read_for_ever(self) -> None:
        """PostgreSQL's last word comes before the end of its connection."""
        while True:
            self.wait()
            self.pipeline.read()

    def wait(self) -> None:
        writing = [self.pipeline] if self.pipeline.has_unsent else []
        ready = select.select([self.pipeline], writing, [], 20)
        assert any(ready)


@pytest.fixture
def asker() -> Iterator[Asker]:
    pipeline = Pipeline.on_new_connection()
    yield Asker(pipeline)
    pipeline.close()


@pytest.fixture
def sharer() -> Iterator[Asker]:
    pipeline = Pipeline.on_new_connection(shares_commits=True)
    yield Asker(pipeline)
    pipeline.close()


def test_each_gets_its_own_row_in_the_order_of_asking(asker: Asker) -> None:
    for number in range(50):
        asker.ask(
            number, "SELECT %(it)s::int, 'a'" if number % 2 else "SELECT %(it)s::int", it=number
        )
    asker.ask(50, "SELECT 1 WHERE false")

    asker.read_all()

    odd_and_even = [(n, (n, "a") if n % 2 else (n,)) for n in range(50)]
    assert asker.told == [*odd_and_even, (50, None)]
    assert asker.failed == []


def test_an_answer_may_lead_to_the_next_question(asker: Asker) -> None:
    def ask_on(row: Row | None) -> None:
        asker.ask(2, "SELECT %(it)s::int + 1", it=row[0] if row else 0)

    asker.pipeline.ask(Question("SELECT 7", {}), ask_on, lambda: None)
    asker.read_all()

    assert asker.told == [(2, (8,))]


def test_each_is_a_transaction_of_its_own(asker: Asker) -> None:
    license = factories.make_license()
    asker.ask(1, "UPDATE licensing_license SET note = 'kept' RETURNING 1")
    asker.ask(2, "SELECT 1 / %(it)s::int", it=0)

    with pytest.raises(psycopg.errors.DivisionByZero):
        asker.read_all()

    license.refresh_from_db()
    assert (asker.told, license.note) == ([(1, (1,))], "kept")


def test_when_one_fails_those_behind_it_are_told_so(asker: Asker) -> None:
    asker.ask(1, "SELECT 1 / %(it)s::int", it=0)
    asker.ask(2, "SELECT 2")
    with pytest.raises(psycopg.errors.DivisionByZero):
        asker.read_all()

    asker.pipeline.close()

    assert (asker.told, asker.failed) == ([], [1, 2])


def test_what_does_not_parse_fails_as_well(asker: Asker) -> None:
    asker.ask(1, "SELECT nothing_like_that")

    with pytest.raises(psycopg.errors.UndefinedColumn):
        asker.read_all()


def test_a_connection_that_is_gone_is_an_error_to_who_reads_and_who_asks(asker: Asker) -> None:
    asker.ask(1, "SELECT pg_backend_pid()")
    asker.read_all()
    [(_, row)] = asker.told
    assert row is not None
    end_the_backend(row[0])

    with pytest.raises(psycopg.OperationalError):
        asker.read_for_ever()
    with pytest.raises(psycopg.OperationalError):
        asker.ask(2, "SELECT 2")
    asker.pipeline.close()

    assert asker.failed == [2]


def test_those_asked_while_others_commit_share_the_next_transaction(sharer: Asker) -> None:
    own = "SELECT pg_current_xact_id()::text"
    for number in range(4):
        sharer.ask(number, own)

    sharer.read_all()

    [first, *others] = [row for _, row in sharer.told]
    assert len(set(others)) == 1
    assert first not in others
    assert [number for number, _ in sharer.told] == [0, 1, 2, 3]


def test_what_is_unprepared_or_tells_nothing_may_share_as_well(sharer: Asker) -> None:
    sharer.ask(1, "SELECT 1")
    sharer.ask(2, "UPDATE licensing_license SET note = '' WHERE false")
    sharer.ask(3, "SELECT 1")
    sharer.ask(4, "SELECT %(it)s::int", it=4)

    sharer.read_all()

    assert sharer.told == [(1, (1,)), (2, None), (3, (1,)), (4, (4,))]


def test_who_shares_a_transaction_fails_together(sharer: Asker) -> None:
    license = factories.make_license()
    sharer.ask(1, "SELECT 1")
    sharer.ask(2, "UPDATE licensing_license SET note = 'kept' RETURNING 1")
    sharer.ask(3, "SELECT 1 / %(it)s::int", it=0)
    sharer.ask(4, "SELECT 4")
    with pytest.raises(psycopg.errors.DivisionByZero):
        sharer.read_all()

    sharer.pipeline.close()

    license.refresh_from_db()
    assert (sharer.told, sharer.failed, license.note) == ([(1, (1,))], [2, 3, 4], "")


@pytest.mark.parametrize("name", ["asker", "sharer"])
def test_nobody_is_told_what_could_not_be_committed(
    name: str, request: pytest.FixtureRequest
) -> None:
    """A foreign key is looked at when its transaction commits."""
    asker: Asker = request.getfixturevalue(name)
    license = factories.make_license()
    asker.ask(
        1,
        "UPDATE licensing_license SET policy_id = %(it)s RETURNING 1",
        it=uuid.uuid4(),
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        asker.read_all()

    asker.pipeline.close()

    assert (asker.told, asker.failed) == ([], [1])
    assert License.objects.get().policy_id == license.policy_id


@pytest.mark.parametrize("is_prepared", [False, True])
def test_who_shares_a_transaction_waits_for_no_lock(sharer: Asker, is_prepared: bool) -> None:
    """Or two who share would wait for each other in a circle, and a developer's act be the one that PostgreSQL ends."""
    license = factories.make_license()
    change = "UPDATE licensing_license SET note = 'changed' WHERE id = %(id)s RETURNING 1"
    other = "SELECT %(it)s::int"
    if is_prepared:
        for _ in range(2):
            sharer.ask(0, other, it=0)
            sharer.ask(0, other, it=0)
            sharer.ask(0, change, id=uuid.uuid4())
            sharer.read_all()
    sharer.told.clear()
    with transaction.atomic():
        License.objects.select_for_update().get(pk=license.pk)
        sharer.ask(1, other, it=1)
        sharer.ask(2, change, id=license.pk)
        sharer.ask(3, other, it=3)
        if is_prepared:
            sharer.read_all()
        else:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                sharer.read_all()
            sharer.pipeline.close()

    assert (sharer.told, sharer.failed) == ([(1, (1,))], [2, 3])
    if is_prepared:
        sharer.ask(4, change, id=license.pk)
        sharer.read_all()
        assert sharer.told[-1] == (4, (1,))


def test_a_parameter_that_cannot_be_sent_is_its_askers_alone(sharer: Asker) -> None:
    sharer.ask(1, "SELECT 1")
    sharer.ask(2, "SELECT 2")
    with pytest.raises(UnicodeEncodeError):
        sharer.ask(3, "SELECT %(it)s::text", it="\ud800")

    sharer.read_all()

    assert sharer.told == [(1, (1,)), (2, (2,))]


def test_how_long_the_first_has_waited_is_known(asker: Asker) -> None:
    assert asker.pipeline.waited_seconds() == 0
    asker.ask(1, "SELECT 1")
    asker.ask(2, "SELECT 2")

    assert len(asker.pipeline) == 2
    assert asker.pipeline.waited_seconds() > 0


def test_more_than_a_socket_holds_is_sent_and_read(asker: Asker) -> None:
    text = "x" * 10**6
    for number in range(5):
        asker.ask(number, "SELECT %(it)s::text", it=text)

    asker.read_all()

    assert asker.told == [(number, (text,)) for number in range(5)]


def test_a_connection_is_given_back_as_it_was() -> None:
    connection.ensure_connection()
    pipeline = Pipeline(connection)
    asker = Asker(pipeline)
    asker.ask(1, "SELECT 1")
    asker.read_all()

    pipeline.leave()

    with connection.cursor() as cursor:
        assert cursor.execute("SELECT 2").fetchone() == (2,)
