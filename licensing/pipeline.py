"""The statements of many calls on one connection, sent without waiting for the rows of those before them.

In libpq's pipeline mode (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html) a statement goes out at once, and PostgreSQL
finds the next one there when it is done. So neither side waits for the other, and no thread for a row. Behind each statement stands a
synchronization point: a transaction of its own, whose failure is its own as well. Those whose commits wait for the disk may share
theirs: what is asked while others commit goes out together after them, and waits for the disk once.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, LiteralString, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.errors import LockNotAvailable, error_from_result

from licensing.statements import Prepared, Question, Row, known_on, prepared_with_values

Told = Callable[[Row | None], None]
Failed = Callable[[], None]

_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
# Who shares a transaction keeps rows locked that others hold as well, in whatever order they came. So it is always the
# first to give up, long before PostgreSQL looks for a deadlock (after a second) and has somebody fail.
_GIVE_UP_SOON: LiteralString = "SELECT set_config('lock_timeout', '50ms', true)"


class _Asked(NamedTuple):
    prepared: Prepared
    values: list[Any]
    told: Told
    failed: Failed
    at: float


class _Sent(NamedTuple):
    asked: _Asked
    # Its statement was prepared first, which has a result of its own.
    was_new: bool


class Pipeline:
    """One connection, and what was asked on it. One thread alone may use it, not necessarily that which made it."""

    def __init__(self, wrapper: Any, *, shares_commits: bool = False) -> None:
        """Take over a connection of Django's (a DatabaseWrapper), outside a transaction."""
        self._connection = wrapper.connection
        self._shares_commits = shares_commits
        self._pgconn = self._connection.pgconn
        self._fileno = int(self._pgconn.socket)
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._known = known_on(self._connection)
        # What was sent, as a list for each transaction, and what will be in the next one.
        self._sent: deque[list[_Sent]] = deque()
        self._unsent: list[_Asked] = []
        self._results: list[pq.abc.PGresult] = []
        # Some of what was sent did not fit into the socket: once there is room, `read` sends it.
        self.has_unsent = False

    @classmethod
    def on_new_connection(cls, *, shares_commits: bool = False) -> "Pipeline":
        """Connect, and wait for that; raises what Django does when it cannot."""
        wrapper: Any = connections.create_connection(DEFAULT_DB_ALIAS)
        wrapper.inc_thread_sharing()
        wrapper.ensure_connection()
        return cls(wrapper, shares_commits=shares_commits)

    def __len__(self) -> int:
        return sum(map(len, self._sent)) + len(self._unsent)

    def fileno(self) -> int:
        """Return the socket to wait on: for rows to read, and with `has_unsent` for room to write as well."""
        return self._fileno

    def waited_seconds(self) -> float:
        """Return for how long the first in the pipeline has waited for its row."""
        return time.monotonic() - self._sent[0][0].asked.at if self._sent else 0.0

    def ask(self, question: Question, told: Told, failed: Failed) -> None:
        """Send a statement; `read` calls `told` with its row once that is committed, or `close` calls `failed`.

        Raises psycopg.OperationalError when the connection is gone; it is for `close` to call `failed` then as well.
        """
        prepared, values = prepared_with_values(question.statement, question.parameters)
        self._unsent.append(_Asked(prepared, values, told, failed, time.monotonic()))
        if not (self._shares_commits and self._sent):
            self._send()

    def read(self) -> None:
        """Tell the rows that have arrived.

        Raises psycopg.Error when the connection is gone, and when a statement failed: what is prepared may be outdated. The
        pipeline is no use then but to be closed. Those who share a transaction and would wait for a lock have failed, and no more.
        """
        self._pgconn.consume_input()
        self.has_unsent = self._pgconn.flush() != 0
        was_the_end = False
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                # The end of one statement's results, or, at once again, of all that was asked.
                if was_the_end:
                    return
                was_the_end = True
                continue
            was_the_end = False
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._end_of_transaction()
            else:
                self._results.append(result)

    def leave(self) -> None:
        """Give the connection back as it was, once nothing stands in the pipeline."""
        self._pgconn.exit_pipeline_mode()
        self._pgconn.nonblocking = 0

    def close(self) -> None:
        """Give up the connection, and tell all who wait for a row that none will come."""
        # Not by Django, which lets no event loop do so.
        self._connection.close()
        waiting = [sent.asked for together in self._sent for sent in together] + self._unsent
        self._sent.clear()
        self._unsent.clear()
        for asked in waiting:
            asked.failed()

    def _send(self) -> None:
        if len(self._unsent) > 1:
            prepared, values = prepared_with_values(_GIVE_UP_SOON, {})
            self._unsent.insert(0, _Asked(prepared, values, _ignore, _ignore, self._unsent[0].at))
        together = []
        for asked in self._unsent:
            together.append(_Sent(asked, asked.prepared.name not in self._known.names))
            self._known.names.add(asked.prepared.name)
        self._unsent = []
        self._sent.append(together)
        for (prepared, values, *_), is_new in together:
            if is_new:
                self._pgconn.send_prepare(prepared.name, prepared.text, prepared.types)
            self._pgconn.send_query_prepared(
                prepared.name, values, prepared.formats, pq.Format.BINARY
            )
        self._pgconn.pipeline_sync()
        self.has_unsent = self._pgconn.flush() != 0

    def _end_of_transaction(self) -> None:
        results, self._results = self._results, []
        rows = self._rows(self._sent[0], results)
        together = self._sent.popleft()
        try:
            if self._unsent:
                self._send()
        finally:
            if rows is None:
                for sent in together:
                    sent.asked.failed()
            else:
                for sent, row in zip(together, rows, strict=True):
                    sent.asked.told(row)

    def _rows(
        self, together: list[_Sent], results: list[pq.abc.PGresult]
    ) -> list[Row | None] | None:
        """Return the row of each in a transaction, or None where one of them would have waited for a lock."""
        for result in results:
            # The last of them may be the commit's.
            if result.status not in _DONE:
                error = error_from_result(result)
                # What was not prepared behind it would have to be told from what was.
                if isinstance(error, LockNotAvailable) and not any(
                    sent.was_new for sent in together
                ):
                    return None
                raise error
        rest = iter(results)
        rows = []
        for sent in together:
            if sent.was_new:
                next(rest)
            rows.append(self._known.first_row(next(rest)))
        return rows


def _ignore(_row: Row | None = None) -> None:
    """Nobody asked."""
