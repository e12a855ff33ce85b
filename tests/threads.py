"""Acts at the same moment, each in a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Model

_Result = TypeVar("_Result")


def at_once(acts: Sequence[Callable[[], _Result]], pool: Executor | None = None) -> list[_Result]:
    """Run all acts at once and return what they return; what one raises is raised here."""
    if pool is None:
        with ThreadPoolExecutor(len(acts)) as own:
            return at_once(acts, own)
    barrier = threading.Barrier(len(acts))

    def start(act: Callable[[], _Result]) -> _Result:
        barrier.wait()
        try:
            return act()
        finally:
            # What Django connects in a thread has to be closed there.
            connection.close()

    return list(pool.map(start, acts))


def while_it_is_deleted(row: Model, act: Callable[[], _Result]) -> _Result:
    """Act on a row that somebody deletes: the act still finds it, and then has to wait for the deletion."""

    def start() -> _Result:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            row.delete()
            acting = pool.submit(start)
            wait_until_somebody_waits()
        return acting.result()


def wait_until_somebody_waits(people: int = 1) -> None:
    """Wait until so many wait for what somebody has locked; without a bound of its own, for the test has one."""
    with connection.cursor() as cursor:
        while (
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0] < people
        ):
            time.sleep(0.01)
