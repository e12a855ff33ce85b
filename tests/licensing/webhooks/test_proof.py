"""The promise of webhooks, with real workers that are killed again and again: every event arrives, with its own id, and none is lost."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import connection
from standardwebhooks import Webhook

from accounts.models import User
from licensing import webhook_delivery
from licensing.models import Event, WebhookDelivery
from tests import factories
from tests.servers import ROOT, database_url

EVENTS, APPLICATIONS, KILLS = 10_000, 4, 10
SECONDS_MAX = 100


class Receiver(BaseHTTPRequestHandler):
    """Counts ids, checks every signature, and says thanks."""

    protocol_version = "HTTP/1.1"
    secrets: dict[str, str]
    arrived: Counter[tuple[str, str]]
    refused: list[str]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            # Its worker was killed in the middle of sending.
            return
        try:
            Webhook(self.secrets[self.path]).verify(body, dict(self.headers))
        except Exception as error:
            self.refused.append(repr(error))
        self.arrived[self.path, self.headers["webhook-id"]] += 1
        self.send_response(204)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *facts: object) -> None:
        pass


@contextlib.contextmanager
def receiving() -> Iterator[str]:
    Receiver.secrets, Receiver.arrived, Receiver.refused = {}, Counter(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "procrastinate", "worker"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        stderr=subprocess.DEVNULL,
    )


def write_events(application_id: object, team_id: object, start: int, count: int) -> None:
    """Many events in one statement, past all our own code: the database queues them all the same."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_event (id, team_id, application_id, actor_kind, action, target_type, "
            "target_id, target_label, before, after, created_at) "
            "SELECT licensing_uuid7(), %s, %s, 'system', 'license.changed', 'license', licensing_uuid7(), "
            "'…' || number, '{}', '{}', now() FROM generate_series(%s, %s) AS number",
            [team_id, application_id, start + 1, start + count],
        )


@pytest.mark.timeout(240)
@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_however_often_workers_are_killed(developer: User) -> None:
    team = factories.make_team(developer)
    applications = [factories.make_application(team, f"game {n}") for n in range(APPLICATIONS)]
    paths = {application.pk: f"/{number}" for number, application in enumerate(applications)}
    events_each = EVENTS // APPLICATIONS // KILLS
    with receiving() as url:
        for application in applications:
            path = paths[application.pk]
            endpoint = factories.make_endpoint(
                application, f"{url}{path}", events=["license.changed"]
            )
            Receiver.secrets[path] = endpoint.secrets.get().reveal()
        running = worker()
        try:
            for kill in range(KILLS):
                for application in applications:
                    write_events(application.pk, team.pk, kill * events_each, events_each)
                wait_for_progress(kill + 1)
                running.send_signal(signal.SIGKILL)
                running.wait()
                running = worker()
            left = wait_until_delivered()
        finally:
            running.terminate()
            running.wait()

    events = Event.objects.filter(action="license.changed").values_list("application_id", "pk")
    assert len(events) == EVENTS
    assert left == 0
    assert Receiver.refused == []
    assert {*Receiver.arrived} == {(paths[application], str(id)) for application, id in events}
    # What was sent twice is what no worker lived to put down, and not the rule.
    again = sum(Receiver.arrived.values()) - EVENTS
    assert again <= KILLS * APPLICATIONS * webhook_delivery._BATCH_MAX


def wait_for_progress(kill: int) -> None:
    """Give the worker some way into what is queued, and strike somewhere in the middle of it."""
    deadline = time.monotonic() + 20
    before = sum(Receiver.arrived.values())
    wanted = before + random.Random(kill).randint(20, 400)
    while sum(Receiver.arrived.values()) < wanted and time.monotonic() < deadline:
        time.sleep(0.005)


def wait_until_delivered() -> int:
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        left = WebhookDelivery.objects.exclude(status="delivered").count()
        if not left:
            break
        time.sleep(0.2)
    return left
