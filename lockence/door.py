"""A door that counts who is inside, for servers that do not tell how long requests wait.

Where work waits, a thread that is done takes it at once, so whoever comes in finds others there. How long that has been so is
how long somebody waits. What is turned away then takes no database, and the threads come to the end of what waits.
"""

import threading
import time
from collections.abc import Callable, Iterable

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
        waited = self._enter()
        try:
            if self._turns_away(environ, overload.gates().refused_shares(waited)):
                with turning_away():
                    return self.application(environ, start_response)
            return self.application(environ, start_response)
        finally:
            self._leave()

    def _turns_away(self, environ: Environ, refused: float) -> bool:
        call = call_of(environ)
        return call is not None and overload.share_of(call) <= refused

    def _enter(self) -> float:
        """Return for how many seconds there has been no room."""
        now = self.clock()
        with self.lock:
            if self.inside < self.crowd_min:
                self.room_at = now
            self.inside += 1
            return now - self.room_at

    def _leave(self) -> None:
        with self.lock:
            self.inside -= 1
