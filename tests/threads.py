"""Acts at the same moment, each in a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

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
