"""The statements of many calls on one connection, sent without waiting for the rows of those before them.

In libpq's pipeline mode (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html) a statement goes out at once, and PostgreSQL
finds the next one there when it is done. So neither side waits for the other, and no thread for a row. Each statement is
followed by a synchronization point: a transaction of its own, whose failure is its own as well.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.errors import error_from_result

from licensing.statements import Known, Question, Row, prepared_with_values

Told = Callable[[Row | None], None]
Failed = Callable[[], None]


class _Asked(NamedTuple):
    told: Told
    failed: Failed
    at: float
    # Whether the statement is prepared first, which has a result of its own.
    is_new: bool


class Pipeline:
    """One connection, and what was asked on it. One thread alone may use it, not necessarily that which made it."""

    def __init__(self, wrapper: Any) -> None:
        """Take over a connection of Django's (a DatabaseWrapper), outside a transaction."""
        self._wrapper = wrapper
        self._pgconn = wrapper.connection.pgconn
        self._fileno = int(self._pgconn.socket)
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._known = Known()
        self._asked: deque[_Asked] = deque()
        self._results: list[pq.abc.PGresult] = []
        # Some of what was asked did not fit into the socket: once there is room, `read` sends it.
        self.has_unsent = False

    @classmethod
    def on_new_connection(cls) -> "Pipeline":
        """Connect, and wait for that; raises what Django does when it cannot."""
        wrapper: Any = connections.create_connection(DEFAULT_DB_ALIAS)
        wrapper.inc_thread_sharing()
        wrapper.ensure_connection()
        return cls(wrapper)

    def __len__(self) -> int:
        return len(self._asked)

    def fileno(self) -> int:
        """Return the socket to wait on: for rows to read, and with `has_unsent` for room to write as well."""
        return self._fileno

    def waited_seconds(self) -> float:
        """Return for how long the first in the pipeline has waited for its row."""
        return time.monotonic() - self._asked[0].at if self._asked else 0.0

    def ask(self, question: Question, told: Told, failed: Failed) -> None:
        """Send a statement; `read` calls `told` with its row, or `close` calls `failed`.

        Raises psycopg.OperationalError, and calls neither, when the connection is gone.
        """
        prepared, values = prepared_with_values(question.statement, question.parameters)
        is_new = prepared.name not in self._known.names
        if is_new:
            self._pgconn.send_prepare(prepared.name, prepared.text, prepared.types)
            self._known.names.add(prepared.name)
        self._pgconn.send_query_prepared(prepared.name, values, prepared.formats, pq.Format.BINARY)
        self._pgconn.pipeline_sync()
        self.has_unsent = self._pgconn.flush() != 0
        self._asked.append(_Asked(told, failed, time.monotonic(), is_new))

    def read(self) -> None:
        """Tell the rows that have arrived.

        Raises psycopg.Error when the connection is gone, and when a statement failed: what is prepared may be outdated. The
        pipeline is no use then but to be closed.
        """
        self._pgconn.consume_input()
        self.has_unsent = self._pgconn.flush() != 0
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                # The end of one statement's results, or, at once again, of all that was asked.
                if not self._results:
                    return
                self._end_of_results()
            elif result.status != pq.ExecStatus.PIPELINE_SYNC:
                self._results.append(result)

    def leave(self) -> None:
        """Give the connection back as it was, once nothing stands in the pipeline."""
        self._pgconn.exit_pipeline_mode()
        self._pgconn.nonblocking = 0

    def close(self) -> None:
        """Give up the connection, and tell all who wait for a row that none will come."""
        self._wrapper.close()
        while self._asked:
            self._asked.popleft().failed()

    def _end_of_results(self) -> None:
        (result,), self._results = self._results, []
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise error_from_result(result)
        first = self._asked[0]
        if first.is_new:
            self._asked[0] = first._replace(is_new=False)
            return
        row = self._known.first_row(result)
        self._asked.popleft()
        first.told(row)
