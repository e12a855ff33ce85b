"""Looking back at what happened, and following it: each event once, whatever happens in between."""

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from lockence_client.command_line import following
from lockence_client.command_line.api import Api
from lockence_client.command_line.login_file import Login

from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories
from tests.command_line.conftest import Terminal


@pytest.fixture
def follow(at_work: Terminal) -> Iterator[Any]:
    processes = []

    def start(*arguments: str) -> Any:
        processes.append(at_work.start("events", "--follow", "--json", *arguments))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_the_last_events_stand_in_a_table(at_work: Terminal, application: Application) -> None:
    license = factories.make_license(application)
    licenses.suspend_license(license=license, actor=SYSTEM)

    run = at_work.run("events", "--limit", "2")
    narrowed = at_work.run("events", "--action", "license.suspended", "--json")

    assert [line.split()[2] for line in run.stdout.splitlines()[1:]] == [
        "license.suspended",
        "licenses.issued",
    ]
    assert json.loads(narrowed.stdout)["license"] == str(license.pk)


def test_following_tells_each_event_once(application: Application, follow: Any) -> None:
    known = factories.make_license(application)
    following = follow("--action", "licenses.issued")
    first = json.loads(following.stdout.readline())

    issuing = threading.Thread(target=_issue, args=(application, 150))
    issuing.start()
    told = [json.loads(following.stdout.readline()) for _ in range(150)]
    issuing.join()

    assert first["target"]["id"] == str(known.batch_id)
    ids = [row["id"] for row in told]
    assert ids == sorted(set(ids))
    assert first["id"] not in ids
    assert len(ids) == 150


def test_after_an_event_whose_id_was_kept_all_later_ones_come(
    at_work: Terminal, application: Application
) -> None:
    factories.make_license(application)
    last = json.loads(at_work.run("events", "--json", "--limit", "1").stdout)
    for _ in range(120):
        factories.make_license(application)

    run = at_work.run("events", "--since", last["id"], "--json")

    ids = [json.loads(line)["id"] for line in run.stdout.splitlines()]
    assert len(ids) == 120
    assert ids == sorted(set(ids))
    assert min(ids) > last["id"]


def test_an_event_that_shows_late_is_told_too(
    application: Application, at_work: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(following, "_LOOK_BACK_EVERY_SECONDS", 0.0)
    first, second = factories.make_licenses(application, 2)
    login = Login(at_work.environment["LOCKENCE_URL"], at_work.environment["LOCKENCE_TOKEN"])
    follower = following.Follower(Api(login), f"applications/{application.pk}", {})
    follower.recent(1)
    later = follower.later()
    written, told = threading.Event(), threading.Event()
    slow = threading.Thread(target=_suspend_slowly, args=(first, written, told))
    slow.start()
    assert written.wait(10)

    # Written after the slow one, and shown before it.
    licenses.suspend_license(license=second, actor=SYSTEM)
    shown_first = next(later)
    told.set()
    shown_late = next(later)
    slow.join()

    assert (shown_first["license"], shown_late["license"]) == (str(second.pk), str(first.pk))
    assert shown_late["id"] < shown_first["id"]


def test_ctrl_c_ends_it_without_a_word(application: Application, follow: Any) -> None:
    factories.make_license(application)
    following = follow()
    following.stdout.readline()

    following.send_signal(signal.SIGINT)
    _, said = following.communicate(timeout=20)

    assert following.returncode == 130
    assert said.strip() == ""


def test_a_reader_that_goes_away_ends_it_without_a_word(
    application: Application, follow: Any
) -> None:
    factories.make_license(application)
    following = follow()
    following.stdout.readline()

    following.stdout.close()
    factories.make_license(application)

    assert following.wait(timeout=20) == 141
    assert following.stderr.read() == ""
    following.stdout = None


def _issue(application: Application, count: int) -> None:
    for _ in range(count):
        factories.make_license(application)
    connection.close()


def _suspend_slowly(license: License, written: threading.Event, told: threading.Event) -> None:
    with transaction.atomic():
        licenses.suspend_license(license=license, actor=SYSTEM)
        written.set()
        told.wait(20)
    connection.close()
