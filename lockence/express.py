"""Client calls answered by the thread that accepts them, or by an event loop, as far as they need nothing but a row or two.

What a call costs beside its own work is mostly that it goes from thread to thread, each of which has to be woken, and has a
connection, and so a process of PostgreSQL, that was idle and is cold. Here many calls share one thread and one connection
(licensing/pipeline.py), and neither waits for the other. Whatever else may come of a call, it has other ways to be answered: those
of the threads.
"""

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Protocol

import psycopg
from django.conf import settings

from api.runtime import overload
from api.runtime.overload import Gates
from licensing.pipeline import Pipeline
from licensing.statements import NotInStepsError, Question, Row, Steps
from lockence.fast_lane import FastLane, Response
from lockence.plain_http import PlainRequest
from lockence.request_id import current_request_id, request_id_of

logger = logging.getLogger(__name__)

CALLS = ("init", "validate", "heartbeat", "logout")
_DURABLE_CALLS = ("init", "logout")
# While more is asked than can be answered, so many who validate are a crowd: whoever came behind them would wait for all of them, with
# every process busy for longer than a row takes.
CROWD = 2
# For what waits for the disk: those wait together, and nobody else waits with them. The second is for when a row of the first is locked.
DURABLE_LINES = 2
# Whoever would wait for longer behind others, or behind more of them, takes a thread: a row may be locked.
WAIT_SECONDS_MAX = 0.05
IN_FLIGHT_MAX = 64
# Where one has waited for so long, those behind it are asked elsewhere.
GIVEN_UP_SECONDS = 2
RECONNECT_SECONDS = 1

Told = Callable[[Response], None]
Failed = Callable[[], None]
Read = Callable[[object], None]


class Poller(Protocol):
    """A selector (of `selectors`), or what stands for one, whose owner calls back what was registered."""

    def register(self, fileobj: Any, events: int, data: Read) -> object: ...
    def modify(self, fileobj: Any, events: int, data: Read) -> object: ...
    def unregister(self, fileobj: Any) -> object: ...


class Connecting(Protocol):
    """A future that is done."""

    def exception(self) -> BaseException | None: ...
    def result(self) -> Pipeline: ...


class Line:
    """A pipeline that is made when there is none."""

    def __init__(self, poller: Poller, *, is_durable: bool = False) -> None:
        self._poller = poller
        self._is_durable = is_durable
        self._pipeline: Pipeline | None = None
        self._is_writing = False
        self._connect_at = 0.0

    def __len__(self) -> int:
        return len(self._pipeline) if self._pipeline else 0

    def wants_to_connect(self) -> bool:
        """Tell whether it is time to make a pipeline, and take note that this is being done."""
        if self._pipeline is not None or time.monotonic() < self._connect_at:
            return False
        self._connect_at = math.inf
        return True

    def connect(self) -> Pipeline:
        """Make a pipeline, which takes some time."""
        return Pipeline.on_new_connection(shares_commits=self._is_durable)

    def connected(self, connecting: Connecting) -> None:
        """Use the pipeline that was made, if it could be."""
        self._connect_at = time.monotonic() + RECONNECT_SECONDS
        if connecting.exception() is None:
            self._pipeline = connecting.result()
            self._is_writing = False
            self._poller.register(self._pipeline, EVENT_READ, self.read)

    def has_room(self) -> bool:
        return (
            self._pipeline is not None
            and len(self._pipeline) < IN_FLIGHT_MAX
            and self._pipeline.waited_seconds() < WAIT_SECONDS_MAX
        )

    def waited_seconds(self) -> float:
        """Return how long the first of those in flight waits, as far as that tells of a crowd: not alone, and not for a lock."""
        if self._pipeline is None or len(self._pipeline) < 2:
            return 0.0
        waited = self._pipeline.waited_seconds()
        return waited if waited < WAIT_SECONDS_MAX else 0.0

    def ask(self, question: Question, told: Callable[[Row | None], None], failed: Failed) -> None:
        if self._pipeline is None:
            failed()
            return
        try:
            self._pipeline.ask(question, told, failed)
        except psycopg.Error:
            self.close()
        else:
            self._watch()

    def read(self, _readable: object) -> None:
        """Go on with those whose rows have arrived."""
        if self._pipeline is None:
            return
        try:
            self._pipeline.read()
        except psycopg.Error:
            logger.warning("The calls in flight are asked again", exc_info=True)
            self.close()
        else:
            self._watch()

    def give_up_on_the_late(self) -> None:
        if self._pipeline is not None and self._pipeline.waited_seconds() > GIVEN_UP_SECONDS:
            self.close()

    def close(self) -> None:
        """Have those in flight answered in another way."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            self._poller.unregister(pipeline)
            pipeline.close()

    def _watch(self) -> None:
        """Have `read` called when there are rows, or room for what is unsent."""
        if self._pipeline is not None and self._pipeline.has_unsent != self._is_writing:
            self._is_writing = self._pipeline.has_unsent
            events = EVENT_READ | EVENT_WRITE if self._is_writing else EVENT_READ
            self._poller.modify(self._pipeline, events, self.read)


class Express:
    """The calls in flight of one worker, and the lines that their statements take."""

    def __init__(self, lane: FastLane, poller: Poller) -> None:
        self._lane = lane
        self._quick = Line(poller)
        self._durable = [Line(poller, is_durable=True) for _ in range(DURABLE_LINES)]
        self.lines = [self._quick, *self._durable]
        self._gates = Gates(settings.WEB_WAIT_MS)
        self._durable_calls = 0

    def takes(self, call: str) -> bool:
        return call in CALLS and self._quick.has_room()

    def refused_share(
        self, call: str, *, is_taken: bool, until_read: float, for_a_thread: float
    ) -> float:
        """Return the highest share that is refused (api/runtime/overload.py) of what threads answer, or of what is taken here.

        Either is judged by how many seconds somebody will have waited who is read now and answered after those before: to be
        read, and for a row or for a thread.
        """
        here = until_read + self._quick.waited_seconds()
        share = overload.gates().refused_shares(max(here, until_read + for_a_thread))
        if not is_taken:
            return share
        share = self._gates.refused_shares(here)
        is_busy = self._gates.are_shut(overload.share_of(call))
        return overload.LAST if is_busy and self._is_crowded(call) else share

    def _is_crowded(self, call: str) -> bool:
        # What can best be made later finds nobody, or makes way, and so does what waits for the disk.
        if call in _DURABLE_CALLS:
            return self._durable_calls > 0
        return len(self._quick) >= (CROWD if call == "validate" else 1)

    def begin(self, request: PlainRequest, told: Told, failed: Failed) -> None:
        """Answer a request: `told` gets the answer, sooner or later, or `failed` is called for it to be answered in another way."""
        if request.call in _DURABLE_CALLS:
            # Whatever they ask first: in the end they wait for the disk.
            self._durable_calls += 1
            told, failed = self._counted_off(told), self._counted_off(failed)
        request_id = request_id_of(request.environ)
        steps = self._lane.answering(request.call, request.environ, request_id, in_steps=True)
        self._go_on(steps, request_id, told, failed, None)

    def _go_on(
        self, steps: Steps[Response], request_id: str, told: Told, failed: Failed, row: Row | None
    ) -> None:
        token = current_request_id.set(request_id)
        try:
            question = steps.send(row)
        except StopIteration as end:
            told(end.value)
            return
        except Exception as error:
            if not isinstance(error, NotInStepsError):
                logger.exception("A call failed in steps")
            failed()
            return
        finally:
            current_request_id.reset(token)
        line = self._line_for(question)
        if line is None:
            failed()
            return
        line.ask(question, partial(self._go_on, steps, request_id, told, failed), failed)

    def _counted_off(self, then: Callable[..., None]) -> Callable[..., None]:
        def ended(*answer: Response) -> None:
            self._durable_calls -= 1
            then(*answer)

        return ended

    def _line_for(self, question: Question) -> Line | None:
        if not question.is_durable:
            return self._quick
        return self._durable_line()

    def _durable_line(self) -> Line | None:
        return next(filter(Line.has_room, self._durable), None)
