"""A database of the bench's own, and how it is put back between two segments of load."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench import processes

_CLIENTS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Database:
    url: str
    connection: psycopg.Connection

    def settle(self) -> None:
        """Leave a new database as it would be after a quiet night."""
        self.connection.execute("VACUUM ANALYZE")
        self.connection.execute("CHECKPOINT")

    def put_back(self) -> None:
        """Undo what a segment did: sessions that it opened or ended, and the dead rows that it left."""
        # The seed gave every session of its own a version.
        self.connection.execute("DELETE FROM licensing_session WHERE app_version = ''")
        self.connection.execute(
            "UPDATE licensing_session SET ended_at = NULL, ended_reason = '' WHERE ended_at IS NOT NULL"
        )
        self.connection.execute("VACUUM licensing_session, licensing_device")

    def count_ended_sessions(self) -> int:
        return int(self._value("SELECT count(*) FROM licensing_session WHERE ended_at IS NOT NULL"))

    def cpu_seconds(self) -> float | None:
        """Return the CPU time that the servers' connections took so far; None where PostgreSQL runs elsewhere."""
        pids = [pid for (pid,) in self.connection.execute(_CLIENTS)]
        return processes.cpu_seconds(pid for pid in pids if processes.name_of(pid) == "postgres")

    def version(self) -> str:
        return str(self._value("SHOW server_version"))

    def _value(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None


@contextlib.contextmanager
def own_database(server_url: str) -> Iterator[Database]:
    """Make an empty database on the server, beside whatever is there, and drop it in the end."""
    name = f"lockence_bench_{os.getpid()}_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                yield Database(url, connection)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
