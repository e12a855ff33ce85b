"""A door that counts which calls are inside, for servers that do not tell how long requests wait.

Where work waits, a thread that is done takes it at once, so whoever comes in finds others there. How long that has been so is
how long somebody waits. What is turned away then takes no database, and the threads come to the end of what waits. Pages are not
counted, nor is who waits for the rest of a body: one that takes long holds one thread, and says nothing of the others.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from api.runtime import overload
from lockence.fast_lane import Application, Environ, StartResponse, call_of
from lockence.turned_away import turning_away


class Door:
    """A WSGI application (PEP 3333) in front of another that `threads` threads serve."""

    def __init__(
        self, application: Application, threads: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.application = application
        self.crowd_min = max(1, threads // 4)
        self.clock = clock
        self.inside = 0
        self.room_at = clock()
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = call_of(environ)
        if call is None:
            return self.application(environ, start_response)
        waited = self._enter()
        environ["wsgi.input"] = _Body(environ["wsgi.input"], self)
        try:
            if overload.share_of(call) <= overload.gates().refused_shares(waited):
                with turning_away():
                    return self.application(environ, start_response)
            return self.application(environ, start_response)
        finally:
            self.step(-1)

    def _enter(self) -> float:
        """Return for how many seconds there has been no room."""
        now = self.clock()
        with self.lock:
            if self.inside < self.crowd_min:
                self.room_at = now
            self.inside += 1
            return now - self.room_at

    def step(self, people: int) -> None:
        """Count one more inside, or one less."""
        with self.lock:
            self.inside += people


class _Body:
    """The body of a call, whose reader stands outside until it is there."""

    def __init__(self, body: Any, door: Door) -> None:
        self.body = body
        self.door = door

    def read(self, size: int = -1) -> bytes:
        self.door.step(-1)
        try:
            read: bytes = self.body.read(size)
            return read
        finally:
            self.door.step(1)
