"""The outage contract of the Python client: a verdict is obeyed, without one the license file counts, and nothing else does."""

import contextlib
import datetime as dt
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from lockence_client import Client, CouldNotAsk, No, NotALicenseFile, Yes, YesOffline

from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import License, Policy, Session
from tests import factories
from tests.clients.test_python_client import client_of
from tests.servers import Server, database_url, serve

pytestmark = pytest.mark.django_db(transaction=True)

HWID = "device-1"
NOWHERE = "http://127.0.0.1:9"
# A server on a busy machine takes its time.
PATIENCE = 20


@pytest.fixture
def license(transactional_db: None) -> License:
    return factories.make_license(username="Ada", metadata={"tier": "pro"})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "license.json"


@pytest.fixture
def online(license: License, server: Server, kept: Path) -> Client:
    """A program that was let in, and kept its license file."""
    client = client_of(license, server.url, offline_path=kept, deadline_seconds=PATIENCE)
    assert type(client.init(license.reveal(), HWID)) is Yes
    return client


def cut_off(client: Client) -> Client:
    client.url, client.deadline_seconds = NOWHERE, 0.2
    return client


@contextlib.contextmanager
def later(**times: float) -> Iterator[None]:
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(**times), tick=True):
        yield


def test_an_honest_customer_rides_out_an_outage_of_72_hours(license: License, kept: Path) -> None:
    key = license.reveal()
    with serve(database_url()) as server:
        client = client_of(license, server.url, offline_path=kept, deadline_seconds=PATIENCE)
        assert type(client.init(key, HWID)) is Yes
    client.deadline_seconds = 0.2
    # The server is gone. The program runs on, and is started anew, for as long as its file lasts.
    for hours in (0, 1, 24, 48, 71.9):
        with later(hours=hours):
            assert isinstance(client.heartbeat(), YesOffline)
            restarted = client_of(license, server.url, offline_path=kept)
            answer = restarted.init(key, HWID)
            assert isinstance(answer, YesOffline)
            assert answer.body["username"] == "Ada"
            assert answer.body["metadata"] == {"tier": "pro"}
            assert answer.body["license"]["id"] == str(license.pk)

    with later(hours=72.1):
        assert isinstance(client.heartbeat(), CouldNotAsk)


def test_a_program_that_outlived_its_session_is_let_in_again_after_the_outage(
    online: Client, license: License
) -> None:
    first = online.session_token
    expired = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    Session.objects.update(opened_at=expired - dt.timedelta(days=1), expires_at=expired)

    outcome = online.heartbeat()

    assert type(outcome) is Yes
    assert online.session_token != first


def test_a_program_that_started_offline_opens_a_session_when_the_server_is_back(
    online: Client, license: License, server: Server, kept: Path
) -> None:
    client = client_of(license, NOWHERE, offline_path=kept)
    assert isinstance(client.init(license.reveal(), HWID), YesOffline)

    client.url, client.deadline_seconds = server.url, PATIENCE

    assert type(client.heartbeat()) is Yes
    assert client.session_token


def test_a_no_is_obeyed_and_takes_the_file_with_it(online: Client, license: License) -> None:
    licenses.suspend_license(license=license, actor=SYSTEM)
    assert isinstance(online.heartbeat(), No)

    outcome = cut_off(online).validate()

    assert isinstance(outcome, CouldNotAsk)
    assert "no license file" in outcome.reason


def test_a_goodbye_leaves_the_file_for_the_next_morning(online: Client, license: License) -> None:
    online.logout()

    assert isinstance(cut_off(online).init(license.reveal(), HWID), YesOffline)


def test_a_clock_that_is_turned_back_is_noticed(online: Client) -> None:
    with later(hours=71):
        assert isinstance(cut_off(online).heartbeat(), YesOffline)

    outcome = online.heartbeat()

    assert isinstance(outcome, CouldNotAsk)
    assert "turned back" in outcome.reason


def test_a_clock_set_back_before_the_last_answer_is_noticed(online: Client) -> None:
    with later(hours=-1):
        outcome = cut_off(online).heartbeat()

    assert isinstance(outcome, CouldNotAsk)
    assert "turned back" in outcome.reason


def test_an_answer_of_the_server_sets_the_clock_right_again(online: Client, server: Server) -> None:
    with later(hours=71):
        cut_off(online).heartbeat()
    online.url, online.deadline_seconds = server.url, PATIENCE
    assert type(online.heartbeat()) is Yes

    assert isinstance(cut_off(online).heartbeat(), YesOffline)


def test_nothing_but_a_file_grants_use(license: License, kept: Path) -> None:
    client = client_of(license, NOWHERE, offline_path=kept)
    for text in (None, "", "{}", "[]", "nonsense", '{"license_file": 7}', '{"license_file": "a.b.c"}'):
        kept.parent.mkdir(exist_ok=True)
        if text is not None:
            kept.write_text(text)

        assert isinstance(client.init(license.reveal(), HWID), CouldNotAsk)


def test_a_file_on_another_device_is_worth_nothing(online: Client, license: License) -> None:
    outcome = cut_off(online).init(license.reveal(), "device-2")

    assert isinstance(outcome, CouldNotAsk)
    assert "another device" in outcome.reason


def test_a_program_that_runs_for_long_fetches_the_next_file_in_time(
    online: Client, kept: Path
) -> None:
    first = json.loads(kept.read_text())["license_file"]
    online.heartbeat()
    assert json.loads(kept.read_text())["license_file"] == first
    Policy.objects.update(license_file_seconds=7_200)
    online.checkout()
    shorter = json.loads(kept.read_text())["license_file"]
    # A short file that is half over, by moving what is kept and not the clock of the answers.
    online._store.is_half_over = lambda hwid: True  # type: ignore[union-attr,method-assign]

    online.heartbeat()

    assert json.loads(kept.read_text())["license_file"] not in (first, shorter)


def test_a_file_can_come_by_hand(license: License, online: Client, kept: Path, tmp_path: Path) -> None:
    license_file = json.loads(kept.read_text())["license_file"]
    elsewhere = client_of(license, NOWHERE, offline_path=tmp_path / "other.json")

    claims = elsewhere.take_license_file(f" {license_file[:60]}\n{license_file[60:]}\n", HWID)

    assert claims["license"] == str(license.pk)
    assert isinstance(elsewhere.init(license.reveal(), HWID), YesOffline)
    with pytest.raises(NotALicenseFile, match="another device"):
        elsewhere.take_license_file(license_file, "device-2")


def test_without_a_place_to_keep_them_nothing_changes(license: License, server: Server) -> None:
    client = client_of(license, server.url)
    client.init(license.reveal(), HWID)

    assert isinstance(cut_off(client).heartbeat(), CouldNotAsk)


def test_a_place_without_an_application_is_a_mistake(license: License, kept: Path) -> None:
    with pytest.raises(ValueError, match="application_id"):
        client_of(license, NOWHERE, application_id=None, offline_path=kept)


def test_a_server_that_drips_is_given_up_after_the_deadline(license: License, kept: Path) -> None:
    with drip() as url:
        client = client_of(license, url, offline_path=kept, timeout_seconds=0.5, deadline_seconds=1)
        started = dt.datetime.now(dt.UTC)

        outcome: Any = client.init(license.reveal(), HWID)

    assert isinstance(outcome, CouldNotAsk)
    assert dt.datetime.now(dt.UTC) - started < dt.timedelta(seconds=5)


@contextlib.contextmanager
def drip() -> Iterator[str]:
    """A server whose answer has no end: a byte now and then, each in time for the one who waits for it."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while not over.is_set():
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                        while not over.wait(0.1):
                            connection.sendall(b"x")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
