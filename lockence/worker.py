"""gunicorn's threaded worker, which refuses client calls when others wait for too long, and takes no thread for that.

One thread takes note of what arrives and hands it to the others. While waits stand too long (api/runtime/overload.py) it answers calls
itself: a signed 503, which costs a fraction of a call and no database. It never waits for a client there, or one could stop all: what
is refused so has arrived whole, and is as plain as programs write it. All else goes the usual way.
"""

import contextlib
import socket
import sys
import time
from collections import deque
from concurrent.futures import Future
from typing import Any

from gunicorn.workers import gthread

from api.runtime import overload
from api.runtime.requests import BODY_MAX_BYTES
from lockence import plain_http
from lockence.turned_away import turning_away

# A thread that renders a page would else keep the others waiting for 5 ms each time, and the one that accepts as well.
SWITCH_SECONDS = 0.001
# One that waits is about to be taken.
_WAITING_MIN = 2


class ThreadWorker(gthread.ThreadWorker):  # type: ignore[misc]
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Since when those wait that no thread has taken, and at worst those that were not looked at yet.
        self.waiting: deque[float] = deque()
        self.looked_at = self.arrived_at = time.monotonic()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        events = self.poller.select(0)
        self.arrived_at = self.looked_at
        self.looked_at = time.monotonic()
        if not events:
            with contextlib.suppress(InterruptedError):
                events = self.poller.select(timeout)
            self.arrived_at = self.looked_at = time.monotonic()
        for key, _ in events:
            key.data(key.fileobj)

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        if self._turns_away(conn):
            # Those at rest are kept in the order in which they are given up.
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)
        else:
            super().on_client_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        if not self._turns_away(conn):
            super().on_pending_socket_readable(conn, client)

    def enqueue_req(self, conn: Any) -> None:
        is_new = not conn.initialized and not conn.data_ready
        if is_new and not self.cfg.is_ssl and self._refused_share() > overload.PAGES:
            # Taken up again when its request is there.
            later: Future[Any] = Future()
            later.set_result(gthread._DEFER)
            self.finish_request(conn, later)
            return
        self.waiting.append(time.monotonic())
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        # Threads take what was put first, so the oldest goes; which thread strikes it out does not matter.
        with contextlib.suppress(IndexError):
            self.waiting.popleft()
        return super().handle(conn)

    def _refused_share(self) -> float:
        return overload.gates().refused_shares(self._wait_seconds())

    def _wait_seconds(self) -> float:
        """Return how long the first of those waits who are not answered yet, by a thread or here."""
        now = time.monotonic()
        longest = now - self.arrived_at
        with contextlib.suppress(IndexError):
            if len(self.waiting) >= _WAITING_MIN:
                longest = max(longest, now - self.waiting[0])
        return longest

    def _turns_away(self, conn: Any) -> bool:
        """Refuse a call whose turn will not come soon; tell whether that was done."""
        share = self._refused_share()
        if share <= overload.PAGES or self.cfg.is_ssl:
            return False
        request = plain_http.peek(conn.sock, conn.client, BODY_MAX_BYTES)
        if request is None or overload.share_of(request.call) > share:
            return False
        with turning_away():
            return request.answer(self.wsgi)
