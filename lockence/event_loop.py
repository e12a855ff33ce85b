"""The site on an event loop, for servers of ASGI 3: it does what gunicorn's worker does (lockence/worker.py).

The loop answers the calls that programs make all day, where that takes no waiting (lockence/express.py), and refuses calls while
waits stand too long (api/runtime/overload.py). All else goes to the threads, which have the site as gunicorn's have it
(lockence/bridge.py). The loop waits for nobody.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from selectors import EVENT_WRITE
from typing import Any

from api.runtime import overload
from api.runtime.requests import BODY_MAX_BYTES
from lockence.bridge import Body, Bridge, Receive, Scope, Send, environ_of, response_start
from lockence.express import Express, Read
from lockence.fast_lane import Environ, FastLane, Response, call_of
from lockence.plain_http import PlainRequest
from lockence.turned_away import turning_away

# How often lines that are gone are made anew, and calls given up whose row does not come.
TICK_SECONDS = 0.25
# So many times a call has taken its turn in the loop's queue when it is judged: it is begun, and its body is asked for and comes.
TURNS = 3


class Site:
    """An ASGI application; all that it does, it does on the one event loop that it is first called on."""

    def __init__(self, lane: FastLane, bridge: Bridge) -> None:
        self.bridge = bridge
        self.poller = LoopPoller()
        self.express = Express(lane, self.poller)
        self.lateness = Lateness()
        # Not one of those that answer: while all of them wait for something, there has to be another way.
        self.connectors = ThreadPoolExecutor(1, "connect")
        self.ticking: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.ticking is None:
            self._tick(asyncio.get_running_loop())
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            # Before it is accepted: a plain 403.
            await send({"type": "websocket.close"})
        else:
            raise ValueError(f"Nothing here speaks {scope['type']}")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        body = Body(environ, receive, self.bridge.silence_seconds_max)
        call = call_of(environ)
        if call is not None and environ["REQUEST_METHOD"] == "POST":
            response = await self._answer_here(call, environ, body)
            if response is not None:
                await _send(response, send)
                return
            # As it was sent: who took it up first may have changed it.
            environ = environ_of(scope)
        await self.bridge.answer(environ, body, send)

    async def _answer_here(self, call: str, environ: Environ, body: Body) -> Response | None:
        """Refuse or answer a call that has arrived whole; None where a thread is to do so."""
        if body.length is None or not 0 < body.length <= BODY_MAX_BYTES:
            return None
        arrived = await body.all_that_comes()
        if body.is_broken_off:
            return None
        environ["wsgi.input"] = BytesIO(arrived)
        request = PlainRequest(call, environ)
        answer: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        told, failed = partial(_settle, answer), partial(_settle, answer, None)
        is_taken = self.express.takes(call)
        share = self.express.refused_share(
            call,
            is_taken=is_taken,
            until_read=TURNS * self.lateness.seconds(),
            for_a_thread=self.bridge.waited_seconds(),
        )
        if overload.share_of(call) <= share:
            with turning_away():
                self.express.begin(request, told, failed)
        elif is_taken:
            self.express.begin(request, told, failed)
        else:
            return None
        return await answer

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.shutdown":
                self.close()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that every line has a pipeline, sooner or later, and that no call waits in one for ever."""
        self.ticking = loop.call_later(TICK_SECONDS, self._tick, loop)
        for line in self.express.lines:
            line.give_up_on_the_late()
            if line.wants_to_connect():
                connecting = loop.run_in_executor(self.connectors, line.connect)
                connecting.add_done_callback(line.connected)

    def close(self) -> None:
        if self.ticking is not None:
            self.ticking.cancel()
        for line in self.express.lines:
            line.close()


class Lateness:
    """How long what arrives waits for the loop to come to it: as long as what was put into its queue along with the last call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._put_at: float | None = None
        self._taken_at = -math.inf
        self._waited = 0.0

    def seconds(self) -> float:
        now = self._clock()
        if self._put_at is None:
            self._put_at = now
            asyncio.get_running_loop().call_soon(self._taken, now)
        # Who comes much later has not waited behind it.
        waited = self._waited if now - self._taken_at <= self._waited else 0.0
        return max(waited, now - self._put_at)

    def _taken(self, put_at: float) -> None:
        self._taken_at = self._clock()
        self._waited = self._taken_at - put_at
        self._put_at = None


class LoopPoller:
    """The running event loop, as what the calls in flight know of a selector."""

    def register(self, watched: Any, events: int, read: Read) -> None:
        asyncio.get_running_loop().add_reader(watched.fileno(), read, watched)
        self.modify(watched, events, read)

    def modify(self, watched: Any, events: int, read: Read) -> None:
        loop = asyncio.get_running_loop()
        if events & EVENT_WRITE:
            loop.add_writer(watched.fileno(), read, watched)
        else:
            loop.remove_writer(watched.fileno())

    def unregister(self, watched: Any) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(watched.fileno())
        loop.remove_writer(watched.fileno())


async def _send(response: Response, send: Send) -> None:
    status, headers, body = response
    await send(response_start(status, headers))
    await send({"type": "http.response.body", "body": body})


def _settle(answer: "asyncio.Future[Response | None]", response: Response | None) -> None:
    # Where the server has cancelled it, nobody waits any more.
    if not answer.done():
        answer.set_result(response)
