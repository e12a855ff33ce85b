"""More is asked than can be answered: who would wait too long is refused at once, pages first, init and validate last."""

import datetime as dt
import uuid
from selectors import DefaultSelector
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from api.runtime import overload
from api.runtime.overload import (
    BURST_SECONDS,
    BURST_TIMES,
    LAST,
    LATER,
    MEMORY_SECONDS,
    PAGES,
    Gates,
)
from licensing.statements import Question
from lockence.express import CROWD, Express, Line
from lockence.fast_lane import Environ
from lockence.plain_http import PlainRequest
from lockence.turned_away import turning_away
from tests import factories
from tests.api.runtime.adaptors import FastLaneClient
from tests.api.runtime.conftest import Program

MS = 20
LONG, SHORT = 0.03, 0.001


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gates(clock: Clock) -> Gates:
    return Gates(MS, clock)


@pytest.fixture
def busy(gates: Gates, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Gates:
    """The gates of this process, after others have waited too long for too long."""
    monkeypatch.setattr(overload, "gates", lambda: gates)
    wait_on(gates, clock, LONG)
    return gates


def wait_on(gates: Gates, clock: Clock, waited: float) -> float:
    """Which share is refused when a wait has stood for as long as no burst does."""
    gates.refused_shares(waited)
    clock.now += BURST_SECONDS
    return gates.refused_shares(waited)


def test_a_burst_passes(gates: Gates, clock: Clock) -> None:
    refused = []
    for _ in range(20):
        refused.append(gates.refused_shares(LONG))
        clock.now += BURST_SECONDS / 25

    assert not any(refused)


def test_a_wait_that_stands_is_refused(gates: Gates, clock: Clock) -> None:
    assert wait_on(gates, clock, LONG) == LAST
    assert not gates.refused_shares(SHORT)


def test_a_queue_that_is_much_too_long_is_no_burst(gates: Gates) -> None:
    assert gates.refused_shares(BURST_TIMES * MS / 1000) == LAST


def test_after_a_refusal_no_new_burst_is_allowed_for(gates: Gates, clock: Clock) -> None:
    wait_on(gates, clock, LONG)
    gates.refused_shares(SHORT)

    assert gates.refused_shares(LONG) == LAST

    clock.now += MEMORY_SECONDS
    gates.refused_shares(SHORT)
    assert not gates.refused_shares(LONG)


def test_pages_go_first_and_init_and_validate_last(gates: Gates, clock: Clock) -> None:
    assert wait_on(gates, clock, MS * 0.6 / 1000) == PAGES
    assert gates.refuse_page()
    assert wait_on(gates, clock, MS * 0.8 / 1000) == LATER
    assert wait_on(gates, clock, MS * 1.1 / 1000) == LAST

    last = ("init", "validate", "consume", "checkout")
    assert {overload.share_of(call) for call in ("heartbeat", "logout")} == {LATER}
    assert {overload.share_of(call) for call in last} == {LAST}


def test_nothing_is_refused_where_waiting_is_not_limited(clock: Clock) -> None:
    gates = Gates(0, clock)

    assert not wait_on(gates, clock, 60)
    assert not gates.refuse_page()


def test_beats_are_further_apart_and_scattered_while_it_is_busy(gates: Gates, clock: Clock) -> None:
    tomorrow = timezone.now() + dt.timedelta(days=1)
    assert gates.paced(300, tomorrow) == 300

    wait_on(gates, clock, MS * 0.6 / 1000)
    busy = {gates.paced(300, tomorrow) for _ in range(50)}
    wait_on(gates, clock, LONG)
    busier = {gates.paced(300, tomorrow) for _ in range(50)}

    assert 300 < min(busy) < max(busy) <= 750 < min(busier) < max(busier) <= 1500


def test_three_beats_fit_in_before_a_session_ends(busy: Gates) -> None:
    assert busy.paced(300, timezone.now() + dt.timedelta(minutes=20)) <= 400
    assert busy.paced(300, timezone.now() + dt.timedelta(minutes=10)) == 300


@pytest.mark.django_db
def test_a_call_that_is_turned_away_is_told_when_to_come_again(busy: Gates) -> None:
    program = Program(FastLaneClient(), factories.make_license())
    assert program.init().status_code == 200

    with turning_away():
        refused = program.validate()

    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
    assert refused["Retry-After"] == "5"
    assert 'tag="lockence-instance-v1"' in refused["Signature-Input"]
    assert refused["X-Request-ID"]
    assert program.validate().status_code == 200


@pytest.mark.django_db
def test_who_is_turned_away_costs_no_signature_of_its_own(busy: Gates) -> None:
    program = Program(FastLaneClient(), factories.make_license())

    with turning_away():
        refused = [program.validate(session_token=str(uuid.uuid4())) for _ in range(50)]
        elsewhere = program.heartbeat(session_token=str(uuid.uuid4()))

    # The second may have changed meanwhile.
    signatures = {answer["Signature"] for answer in refused}
    assert len(signatures) <= 2
    assert elsewhere["Signature"] not in signatures
    assert len({answer["X-Request-ID"] for answer in refused}) == 50


@pytest.mark.parametrize(("milliseconds", "is_refused"), [(150, False), (170, True)])
def test_who_waits_to_be_read_and_then_for_a_row_waits_for_both(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, milliseconds: int, is_refused: bool
) -> None:
    settings.WEB_WAIT_MS = 5
    monkeypatch.setattr(overload, "gates", lambda: Gates(5))
    express = Express(FastLaneClient.lane, DefaultSelector())
    [quick, *_] = express.lines
    quick.waited_seconds = lambda: milliseconds / 1000  # type: ignore[method-assign]

    share = express.refused_share(
        "validate", is_taken=True, until_read=milliseconds / 1000, for_a_thread=0
    )

    # Sixty-four times as long is no burst.
    assert (share == LAST) is is_refused


@pytest.mark.parametrize(("call", "crowd"), [("validate", CROWD), ("heartbeat", 1)])
def test_while_it_is_busy_nobody_is_let_in_behind_a_crowd(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, call: str, crowd: int
) -> None:
    express = busy_express(settings, monkeypatch)
    in_flight = {express.lines[0]: crowd}
    monkeypatch.setattr(Line, "__len__", lambda line: in_flight.get(line, 0))

    assert share_of(express, call) == LAST
    in_flight[express.lines[0]] -= 1
    assert share_of(express, call) == 0


@pytest.mark.parametrize("call", ["init", "logout"])
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "failed"])
def test_while_it_is_busy_one_at_a_time_goes_to_wait_for_the_disk(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, call: str, is_told: bool
) -> None:
    express = busy_express(settings, monkeypatch)
    asked: list[Any] = []
    ended: list[Any] = []
    monkeypatch.setattr(Line, "ask", lambda line, question, *then: asked.append(then))
    assert share_of(express, call) == 0

    # What it asks first, as an init that may be asked again does, does not wait for the disk.
    express.begin(PlainRequest(call, {}), ended.append, lambda: ended.append(None))

    assert share_of(express, "init") == share_of(express, "logout") == LAST
    [(told, failed)] = asked
    told(None) if is_told else failed()
    assert len(ended) == 1
    assert share_of(express, call) == 0


class Asking:
    """A lane whose calls ask one thing, and are answered."""

    def answering(self, call: str, environ: Environ, request_id: str, **options: bool) -> Any:
        yield Question("SELECT 1", {})
        return 200, [], b""


def busy_express(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Express:
    settings.WEB_WAIT_MS = 5
    monkeypatch.setattr(overload, "gates", lambda: Gates(5))
    express = Express(Asking(), DefaultSelector())  # type: ignore[arg-type]
    assert share_of(express, "validate") == 0
    assert share_of(express, "validate", until_read=1) == LAST
    return express


def share_of(express: Express, call: str, until_read: float = 0) -> float:
    return express.refused_share(call, is_taken=True, until_read=until_read, for_a_thread=0)


@pytest.mark.django_db
def test_a_busy_answer_asks_for_later_beats(busy: Gates) -> None:
    program = Program(FastLaneClient(), factories.make_license())

    assert program.init().json()["heartbeat_interval"] > 300
    assert program.heartbeat().json()["heartbeat_interval"] > 300


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/dashboard/", "text/html; charset=utf-8"),
        ("/api/v1/applications", "application/problem+json"),
    ],
)
def test_pages_and_the_management_api_make_way(
    busy: Gates, client: Client, path: str, content_type: str
) -> None:
    response = client.get(path)

    assert (response.status_code, response["Content-Type"]) == (503, content_type)
    assert response["Retry-After"] == "5"


@pytest.mark.django_db
def test_probes_are_answered_all_the_same(busy: Gates, client: Client) -> None:
    assert client.get("/healthz").status_code == 200
