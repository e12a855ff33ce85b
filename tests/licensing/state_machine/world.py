"""What every machine stands in: a clock that can be told the time, and verbs that must refuse just as a dictionary says.

The clock is the database's own, told by a function that stands before PostgreSQL's in the search path, so every end is met to
the microsecond.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from licensing import errors, licenses
from licensing.events import SYSTEM
from licensing.models import Application, License, Policy
from tests import factories

START = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
WHICH = st.integers(0, 7)
A_BIT = st.sampled_from([-1, 0, 1])
_THE_CLOCK = """
    CREATE SCHEMA travelled;
    CREATE FUNCTION travelled.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
        AS $$ SELECT current_setting('travelled.now')::timestamptz $$;
    SET LOCAL search_path = travelled, public, pg_catalog;
"""


def seconds(count: float) -> dt.timedelta:
    return dt.timedelta(seconds=count)


class World(RuleBasedStateMachine):
    """An application in a transaction of its own, which nobody else ever sees."""

    # How many steps were taken, all runs together.
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.now = START

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def begin(self) -> Application:
        application = factories.make_application()
        self.api_key = factories.api_key_of(application)
        with connection.cursor() as cursor:
            cursor.execute(_THE_CLOCK)
        self.tell_the_time()
        return application

    def issue(self, policy: Policy) -> License:
        """Issue a license at the moment that the clock tells."""
        batch = licenses.issue_licenses(policy=policy, count=1, actor=SYSTEM, now=self.now)
        return batch.licenses.select_related("application", "policy").get()

    def go_to(self, moment: dt.datetime) -> None:
        self.now = moment
        self.tell_the_time()

    def meet(self, ends: list[dt.datetime | None], which: int, a_bit: int) -> bool:
        """Go to one of the moments ahead, or to the microsecond before or after it; tell whether there is any."""
        ahead = sorted({end for end in ends if end and end > self.now})
        if ahead:
            self.go_to(ahead[which % len(ahead)] + dt.timedelta(microseconds=a_bit))
        return bool(ahead)

    def tell_the_time(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('travelled.now', %s, true)", [self.now.isoformat()])

    def answer(self, expected: str, act: Callable[[], Any]) -> Any:
        """Return what a verb returns; what it refuses is as expected, and None."""
        refusal, answer = None, None
        try:
            answer = act()
        except errors.RefusalError as raised:
            refusal = raised
        assert (refusal.code if refusal else "") == expected
        self.check(refusal)
        return answer

    def check(self, refusal: errors.RefusalError | None) -> None:
        """Look at what a refusal says beside its code."""
