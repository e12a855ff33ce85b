"""The statements that leave this process for PostgreSQL, or, as a program, those of the first call that a process answers.

The client calls go past Django's cursors, so only libpq itself, which traces every message to and from PostgreSQL, tells all.
`python -m tests.sent_statements CALL BODY` prints the status and the statements as JSON.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator

import django
from django.db import connection
from django.test import Client
from psycopg.pq import Trace

# What PostgreSQL answers to a statement that it completed: B 13 CommandComplete "SELECT 1".
_COMPLETED = re.compile(r'^B\t\d+\tCommandComplete\t "(?P<command>\w+)', re.MULTILINE)
_TRANSACTION_COMMANDS = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the kind of each statement that PostgreSQL completes for this thread: SELECT, UPDATE, … but BEGIN and its like."""
    sent: list[str] = []
    connection.ensure_connection()
    pgconn = connection.connection.pgconn
    with tempfile.TemporaryFile("w+") as trace:
        pgconn.trace(trace.fileno())
        pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield sent
        finally:
            pgconn.untrace()
        trace.seek(0)
        commands = _COMPLETED.findall(trace.read())
    sent += [command for command in commands if command not in _TRANSACTION_COMMANDS]


def main(call: str, body: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "lockence.settings"
    django.setup()
    with statements() as sent:
        response = Client(SERVER_NAME="localhost").post(
            f"/api/v1/{call}", body, content_type="application/json"
        )
    sys.stdout.write(json.dumps([response.status_code, sent]))


if __name__ == "__main__":
    main(*sys.argv[1:])
