"""The ways that `bench.alternatives` compares, on the database that it seeded: `python -m bench.ways FOLDER ROUNDS CALLS QUESTION …`."""

import contextlib
import io
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import psycopg
from psycopg import sql

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
django.setup()

# Models can be imported only now that Django is set up.
from django.db import connection as djangos  # noqa: E402

from accounts.ids import uuid7  # noqa: E402
from bench import processes  # noqa: E402
from licensing import signatures, statements, tokens  # noqa: E402
from licensing.opening_statements import OPEN_SESSION  # noqa: E402
from licensing.session_statements import FIND_SESSION, TOUCH_SESSION  # noqa: E402
from licensing.versions import version_key  # noqa: E402
from lockence.wsgi import application, pages  # noqa: E402

try:
    from psycopg_pool import ConnectionPool
except ImportError:  # The site does without; whoever wants it compared installs it.
    ConnectionPool = None  # type: ignore[assignment,misc]

Ways = dict[str, Callable[[], object]]
Connection = psycopg.Connection[Any]
Parameters = dict[str, Any]


def main(folder: str, rounds: str, calls: str, *questions: str) -> None:
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, Path(folder))
        for question in questions:
            load = os.getloadavg()[0]
            print(
                f"\n{question}, PostgreSQL {bench.version}, {os.cpu_count()} cores, load {load:.1f}"
            )
            for title, ways in QUESTIONS[question](bench).items():
                _tell(title, _measured(ways, int(rounds), int(calls), bench.cpu_seconds))


@dataclass(frozen=True)
class Turn:
    """Seconds for one call in one round: on the clock, and of CPU time here and in PostgreSQL together."""

    wall: float
    cpu: float


def _measured(
    ways: Ways, rounds: int, calls: int, cpu_seconds: Callable[[], float]
) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {name: [] for name in ways}
    names = list(ways)
    # The first round warms up, and is thrown away.
    for number in range(rounds + 1):
        # Nobody comes first in every round.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            wall, cpu = time.perf_counter(), cpu_seconds()
            for _ in range(calls):
                ways[name]()
            took = Turn((time.perf_counter() - wall) / calls, (cpu_seconds() - cpu) / calls)
            if number:
                turns[name].append(took)
    return turns


def _tell(title: str, turns: dict[str, list[Turn]]) -> None:
    """Print medians, the ratio's middle half, and the ratio of all CPU time."""
    print(f"\n{title:<50} {'µs':>7} {'ratio':>7} {'from':>7} {'to':>7} {'CPU':>7}")
    taken = next(iter(turns.values()))
    for name, mine in turns.items():
        ratios = sorted(one.wall / other.wall for one, other in zip(mine, taken, strict=True))
        facts = (
            statistics.median(ratios),
            ratios[len(ratios) // 4],
            ratios[-1 - len(ratios) // 4],
            sum(turn.cpu for turn in mine) / sum(turn.cpu for turn in taken),
        )
        microseconds = statistics.median(turn.wall for turn in mine) * 1e6
        told = " ".join(f"{fact:7.2f}" for fact in facts)
        print(f"{name:<50} {microseconds:7.0f} {told}", flush=True)


class Bench:
    """The seeded database, and endless parameters for the statements and bodies for the calls."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        self.stack = stack
        self.url = os.environ["DATABASE_URL"]
        self.backends: list[int] = []
        self.database: Connection = stack.enter_context(psycopg.connect(self.url, autocommit=True))
        self.version = f"{self.database.info.server_version // 10_000}"
        [row] = self.database.execute(
            "SELECT key.key_digest, application.id, application.team_id FROM licensing_apikey key"
            " JOIN licensing_application application ON application.id = key.application_id"
        )
        self.api_key_digest, self.application_id, self.team_id = row
        self.sessions = self._sessions()
        self.devices = self._devices()
        self.bodies = itertools.cycle((folder / "session.jsonl").read_bytes().splitlines())

    def connect(self, role: str = "") -> Connection:
        options = f"-c role={role}" if role else ""
        connection: Connection = psycopg.connect(self.url, autocommit=True, options=options)
        self.stack.callback(connection.close)
        self.watch(connection)
        return connection

    def watch(self, connection: Connection) -> None:
        self.backends.append(connection.info.backend_pid)

    def cpu_seconds(self) -> float:
        """Return the CPU time taken so far; PostgreSQL's part only where it runs on this machine, under Linux."""
        return time.process_time() + sum(map(processes.scheduled_seconds, self.backends))

    def _sessions(self) -> Iterator[Parameters]:
        digests = self.database.execute(
            "SELECT token_digest FROM licensing_session ORDER BY random()"
        ).fetchall()
        for (digest,) in itertools.cycle(digests):
            yield {
                **self._api_key(),
                "token_digest": digest,
                "ip_address": "127.0.0.1",
                "country": "",
            }

    def _devices(self) -> Iterator[Parameters]:
        devices = self.database.execute(
            "SELECT license_id, hwid_digest FROM licensing_device ORDER BY random()"
        ).fetchall()
        for license_id, hwid_digest in itertools.cycle(devices):
            yield {
                **self._api_key(),
                "license_id": license_id,
                "is_locked": True,
                "hwid_digest": hwid_digest,
                "other_hwid_digest": hwid_digest,
                "hwid_key_id": tokens.hwid_key_id(),
                "application_id": self.application_id,
                "components": "{}",
                "digests": f"{{:{hwid_digest.hex()}}}",
                "other_digests": f"{{:{hwid_digest.hex()}}}",
                "session_id": uuid7(),
                "overdraft_event_id": uuid7(),
                "token_digest": os.urandom(32),
                "sealed_device_digest": os.urandom(32),
                "device_name": "",
                "platform": "",
                "app_version": "",
                "app_version_key": version_key(""),
                "user_name": "",
                "ip_address": "127.0.0.1",
                "country": "",
            }

    def _api_key(self) -> Parameters:
        return {
            "api_key_digest": self.api_key_digest,
            "other_api_key_digest": self.api_key_digest,
            "own_words_known": None,
        }


def _row(connection: Connection, statement: str, parameters: Parameters) -> tuple[Any, ...]:
    """Run a statement as the client calls do; no row means that a wall stands in the way."""
    row = statements._execute(connection, statement, parameters)
    if row is None or row[0] is None:
        raise RuntimeError("the statement found nothing")
    return row


# Row-level security (docs/decisions/0006-row-level-security.md)

_TABLES = ("application", "signingkey", "policy", "license", "device", "session")
_ROLES = ("bench_plain", "bench_by_application", "bench_by_team")
_APPLICATION = "current_setting('lockence.application', true)::uuid"
_TEAM = "current_setting('lockence.team', true)::uuid"
_APPLICATIONS_OF_THE_TEAM = f"SELECT id FROM licensing_application WHERE team_id = {_TEAM}"  # noqa: S608
# The table of API keys stands before the wall: without it nobody could know whose rows to show.
_SET_APPLICATION = """
    SELECT set_config('lockence.application', application_id::text, false)
    FROM licensing_apikey WHERE key_digest = %(api_key_digest)s
"""
_SET_IT_FOR_THE_TRANSACTION = _SET_APPLICATION.replace("false", "true")


def _walls(bench: Bench) -> dict[str, Ways]:
    _build_walls(bench)
    setter = bench.connect("bench_by_application")
    return {
        "FIND_SESSION (validate)": _ways_behind_walls(bench, FIND_SESSION, bench.sessions),
        "TOUCH_SESSION (heartbeat)": _ways_behind_walls(bench, TOUCH_SESSION, bench.sessions),
        "OPEN_SESSION (init)": _ways_behind_walls(bench, OPEN_SESSION, bench.devices),
        "validate, from WSGI environment to answer": {
            "the whole": lambda: _ask(application, next(bench.bodies)),
            "setting the application alone": lambda: _row(
                setter, _SET_APPLICATION, next(bench.sessions)
            ),
        },
    }


def _build_walls(bench: Bench) -> None:
    """Force policies on every tenant table, for all roles but the one that is let past them."""
    for role in _ROLES:
        _execute(bench, "CREATE ROLE {} {}", role, "BYPASSRLS" if role == "bench_plain" else "")
        bench.stack.callback(_execute, bench, "DROP OWNED BY {0}; DROP ROLE {0}", role)
        _execute(
            bench, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}", role
        )
    for table in _TABLES:
        name = f"licensing_{table}"
        _execute(bench, "ALTER TABLE {} ENABLE ROW LEVEL SECURITY", name)
        _execute(bench, "ALTER TABLE {} FORCE ROW LEVEL SECURITY", name)
        of_application = f"application_id = {_APPLICATION}"
        of_team = f"application_id IN ({_APPLICATIONS_OF_THE_TEAM})"
        if table == "application":
            of_application, of_team = f"id = {_APPLICATION}", f"team_id = {_TEAM}"
        for role, condition in (
            ("bench_by_application", of_application),
            ("bench_by_team", of_team),
        ):
            _execute(bench, f"CREATE POLICY {role} ON {{}} TO {role} USING ({condition})", name)


def _execute(bench: Bench, statement: str, name: str, literally: str = "") -> None:
    bench.database.execute(sql.SQL(statement).format(sql.Identifier(name), sql.SQL(literally)))


def _ways_behind_walls(bench: Bench, statement: str, parameters: Iterator[Parameters]) -> Ways:
    plain, by_application, by_team = (bench.connect(role) for role in _ROLES)
    each_call, in_transaction = (bench.connect("bench_by_application") for _ in range(2))
    by_application.execute(f"SET lockence.application = '{bench.application_id}'")
    by_team.execute(f"SET lockence.team = '{bench.team_id}'")

    def after(setting: str, connection: Connection) -> None:
        given = next(parameters)
        _row(connection, setting, given)
        _row(connection, statement, given)

    def within_a_transaction() -> None:
        in_transaction.pgconn.exec_(b"BEGIN")
        after(_SET_IT_FOR_THE_TRANSACTION, in_transaction)
        in_transaction.pgconn.exec_(b"COMMIT")

    return {
        "no policies": lambda: _row(plain, statement, next(parameters)),
        "by application, set beforehand": lambda: _row(by_application, statement, next(parameters)),
        "by application, set for each call": lambda: after(_SET_APPLICATION, each_call),
        "by application, set in a transaction": within_a_transaction,
        "by team, set beforehand": lambda: _row(by_team, statement, next(parameters)),
    }


# One prepared statement for a call (docs/decisions/0007-one-prepared-statement.md)

_IN_THREE = (
    """
    SELECT application.id, application.enabled, key.expires_at, signing_key.id, signing_key.private_ciphertext
    FROM licensing_apikey key
    JOIN licensing_application application ON application.id = key.application_id
    JOIN licensing_signingkey signing_key
        ON signing_key.application_id = application.id AND signing_key.state = 'current'
    WHERE key.key_digest = %(api_key_digest)s
    """,
    """
    SELECT session.id, session.license_id, session.expires_at, session.ended_at, device.released_at
    FROM licensing_session session JOIN licensing_device device ON device.id = session.device_id
    WHERE session.token_digest = %(token_digest)s
    """,
    """
    SELECT license.id, license.status, license.expires_at, license.username, license.metadata, policy.name
    FROM licensing_license license JOIN licensing_policy policy ON policy.id = license.policy_id
    WHERE license.id = %(license_id)s
    """,
)


def _preparing(bench: Bench) -> dict[str, Ways]:
    libpq, psycopgs, in_three = (bench.connect() for _ in range(3))
    djangos.ensure_connection()
    bench.watch(djangos.connection)

    def through_django() -> None:
        with djangos.cursor() as cursor:
            cursor.execute(FIND_SESSION, next(bench.sessions))
            cursor.fetchone()

    def by_three_statements() -> None:
        given = next(bench.sessions)
        _row(in_three, _IN_THREE[0], given)
        session = _row(in_three, _IN_THREE[1], given)
        _row(in_three, _IN_THREE[2], {**given, "license_id": session[1]})

    return {
        "FIND_SESSION (validate)": {
            "one, prepared, on libpq": lambda: _row(libpq, FIND_SESSION, next(bench.sessions)),
            "one, prepared, by psycopg's cursor": lambda: psycopgs.execute(
                FIND_SESSION, next(bench.sessions), prepare=True
            ).fetchone(),
            "one, by Django's cursor": through_django,
            "three, prepared, on libpq": by_three_statements,
        }
    }


# Persistent connections (docs/decisions/0008-persistent-connections.md)


def _connections(bench: Bench) -> dict[str, Ways]:
    own = bench.connect()

    def asked_first() -> None:
        own.execute("SELECT 1")
        _row(own, FIND_SESSION, next(bench.sessions))

    def anew() -> None:
        with psycopg.connect(bench.url, autocommit=True) as connection:
            _row(connection, FIND_SESSION, next(bench.sessions))

    return {
        "FIND_SESSION (validate)": {
            "the thread's own": lambda: _row(own, FIND_SESSION, next(bench.sessions)),
            "the thread's own, asked first if it lives": asked_first,
            **(_from_pools(bench) if ConnectionPool else {}),
            "a new one for each call": anew,
        }
    }


def _from_pools(bench: Bench) -> Ways:
    plain, asking = (
        bench.stack.enter_context(
            ConnectionPool(
                bench.url,
                kwargs={"autocommit": True},
                min_size=1,
                max_size=1,
                check=check,
                configure=bench.watch,
            )
        )
        for check in (None, ConnectionPool.check_connection)
    )

    def from_pool(pool: Any) -> None:
        with pool.connection() as connection:
            _row(connection, FIND_SESSION, next(bench.sessions))

    return {
        "from a pool": lambda: from_pool(plain),
        "from a pool, asked first if it lives": lambda: from_pool(asking),
    }


# The adaptor in front of Django, and signatures (docs/decisions/0009-signed-answers.md, 0010-adaptor-in-front-of-django.md)


def _adaptor(bench: Bench) -> dict[str, Ways]:
    return {
        "validate, from WSGI environment to answer": {
            "the adaptor in front of Django": lambda: _ask(application, next(bench.bodies)),
            "Django's handler and the view": lambda: _ask(pages, next(bench.bodies)),
        }
    }


def _signing(bench: Bench) -> dict[str, Ways]:
    def sign() -> None:
        signatures.sign(
            signer=signatures.instance_signer(),
            request=signatures.SignedRequest("POST", "127.0.0.1", "/api/v1/validate"),
            status=200,
            content_type="application/json",
            body=b"x" * 600,
            nonce="0123456789abcdef",
            created=1_800_000_000,
        )

    return {
        "validate, from WSGI environment to answer": {
            "the whole": lambda: _ask(application, next(bench.bodies)),
            "digest and signature alone": sign,
        }
    }


def _ask(server: Any, body: bytes) -> None:
    statuses: list[str] = []
    answer = server(
        {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/api/v1/validate",
            "RAW_URI": "/api/v1/validate",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
        },
        lambda status, headers, exc_info=None: statuses.append(status),
    )
    told = json.loads(b"".join(answer))
    if hasattr(answer, "close"):
        answer.close()
    if told["success"] is not True:
        raise RuntimeError(f"{statuses}: {told}")


QUESTIONS: dict[str, Callable[[Bench], dict[str, Ways]]] = {
    "preparing": _preparing,
    "connections": _connections,
    "adaptor": _adaptor,
    "signing": _signing,
    "walls": _walls,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
