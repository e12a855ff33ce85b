"""gunicorn's threaded worker, whose accepting thread also answers the calls that programs make all day, and refuses what is too much.

gunicorn's own thread for that takes note of what arrives and hands it to the others. Here it reads what arrives first. A client call
that has arrived whole, and is as plain as programs write it, it answers itself where that takes no waiting (lockence/express.py), and
refuses while waits stand too long (api/runtime/overload.py). All else goes the usual way, to a thread. It waits for nobody: neither for
a client, nor for the database.
"""

import contextlib
import datetime as dt
import gc
import selectors
import socket
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gunicorn import http
from gunicorn.workers import gthread

from api.runtime import overload
from api.runtime.requests import BODY_MAX_BYTES
from lockence import plain_http
from lockence.plain_http import PlainRequest
from lockence.turned_away import turning_away

if TYPE_CHECKING:
    from lockence.express import Express, Told
    from lockence.fast_lane import Response

# A thread that renders a page would else keep the others waiting for 5 ms each time, and the one that accepts as well.
SWITCH_SECONDS = 0.001
# One that waits is about to be taken.
_WAITING_MIN = 2
_READ_BYTES = 32 * 1024
# For so long those may read their last answer whom we hang up on, and so much they may still send.
_LINGER_SECONDS = 2
_LINGER_BYTES = 64 * 1024


class ThreadWorker(gthread.ThreadWorker):  # type: ignore[misc]
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Since when those wait that no thread has taken, and at worst those that were not looked at yet.
        self.waiting: deque[float] = deque()
        self.looked_at = self.arrived_at = time.monotonic()
        # Requests whose rest is on its way, in the order in which they began.
        self.incomplete: deque[Any] = deque()
        # Those whose last answer was sent, until they have read it.
        self.hung_up: deque[Any] = deque()
        self.express: Express | None = None
        # Not one of those that answer: while all of them wait for something, there has to be another way.
        self.connectors = ThreadPoolExecutor(1)

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        if hasattr(self.wsgi, "answering") and not self.cfg.is_ssl:
            # Models can be imported only now that Django is set up.
            from lockence.express import Express

            self.express = Express(self.wsgi, self.poller)
            self._connect()
        # What is loaded stays: to look through it for garbage each time takes 0.1 s, in which nobody is answered.
        gc.freeze()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        events = self.poller.select(0)
        self.arrived_at = self.looked_at
        self.looked_at = time.monotonic()
        if not events:
            with contextlib.suppress(InterruptedError):
                events = self.poller.select(timeout)
            self.arrived_at = self.looked_at = time.monotonic()
        # First those who have waited for a row, and only then whoever may add to what is asked.
        events.sort(key=_is_of_a_socket)
        for key, _ in events:
            key.data(key.fileobj)
        self._see_to_the_late()

    def enqueue_req(self, conn: Any) -> None:
        is_new = not conn.initialized and not conn.data_ready
        if is_new and self.express and self.alive:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.arrived, conn.is_watched = b"", False
            # Looked at when its request is there.
            later: Future[Any] = Future()
            later.set_result(gthread._DEFER)
            self.finish_request(conn, later)
            return
        conn.rests_in, conn.is_watched = None, False
        self.waiting.append(time.monotonic())
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        conn.rests_in = None
        if not (fs.cancelled() or fs.exception() or fs.result()):
            # gunicorn would wait here, and everybody with it, for the client to hang up as well.
            self._hang_up(conn)
            return
        super().finish_request(conn, fs)
        for resting in (self.pending_conns, self.keepalived_conns):
            if resting and resting[-1] is conn:
                conn.rests_in, conn.is_watched = resting, True

    def handle(self, conn: Any) -> Any:
        # Threads take what was put first, so the oldest goes; which thread strikes it out does not matter.
        with contextlib.suppress(IndexError):
            self.waiting.popleft()
        return super().handle(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        # Nor does a server that stops wait for those that have not asked anything yet.
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        if conn.rests_in is self.hung_up:
            self._drain(conn)
        elif self.express:
            self._read(conn)
        else:
            super().on_client_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        if self.express:
            self._read(conn)
        else:
            super().on_pending_socket_readable(conn, client)

    def _read(self, conn: Any) -> None:
        """See what to do with what has arrived on a connection."""
        # Where it rests by now: the answer to its last request may have gone out since somebody saw that there is more.
        if conn.rests_in is None:
            # The next request, or the end: there is time for it when this one is answered.
            self._unwatch(conn)
            return
        arrived = _received(conn.sock)
        if arrived is None:
            return
        conn.arrived += arrived
        try:
            request = plain_http.read(conn.arrived, conn.client, BODY_MAX_BYTES)
        except plain_http.IncompleteError:
            if arrived and self.alive:
                self._await_the_rest(conn)
                return
            request = None
        self._take_up(conn)
        if not conn.arrived:
            self._close(conn)
        elif request is None or not self._answers(request, conn):
            self._hand_over(conn)

    def _await_the_rest(self, conn: Any) -> None:
        if conn.rests_in is self.incomplete:
            return
        self._take_up(conn)
        self._rest(conn, self.incomplete, gthread.DEFAULT_WORKER_DATA_TIMEOUT)

    def _answers(self, request: PlainRequest, conn: Any) -> bool:
        """Refuse a call whose turn will not come soon, or begin to answer it; tell whether that was done."""
        if self.nr_conns > self.max_keepalived:
            # gunicorn closes one of so many, or all would lie idle one day and nobody new be accepted.
            return False
        assert self.express is not None
        failed = partial(self._hand_over, conn)
        # What a server that stops has to tell its clients is gunicorn's to write.
        is_taken = self.alive and self.express.takes(request.call)
        if overload.share_of(request.call) <= self._refused_share(request.call, is_taken=is_taken):
            with turning_away():
                told = partial(self._tell, conn, is_refusal=True)
                self.express.begin(request, self._logged(request, told), failed)
        elif is_taken:
            told = partial(self._tell, conn)
            self.express.begin(request, self._logged(request, told), failed)
        else:
            return False
        return True

    def _connect(self) -> None:
        """See to it that every line has a pipeline, sooner or later."""
        assert self.express is not None
        for line in self.express.lines:
            if line.wants_to_connect():
                connecting = self.connectors.submit(line.connect)
                connecting.add_done_callback(partial(self.method_queue.defer, line.connected))

    def _logged(self, request: PlainRequest, told: "Told") -> "Told":
        """Have the answer written into gunicorn's access log, if it keeps one."""
        if not self.log.access_log.handlers:
            return told
        began_at = time.monotonic()

        def telling(response: "Response") -> None:
            told(response)
            status, headers, body = response
            asked = SimpleNamespace(headers=plain_http.headers_of(request))
            answered = SimpleNamespace(status=status, headers=headers, sent=len(body))
            took = dt.timedelta(seconds=time.monotonic() - began_at)
            self.log.access(answered, asked, request.environ, took)

        return telling

    def _tell(self, conn: Any, response: "Response", *, is_refusal: bool = False) -> None:
        """Send an answer, and wait for the next request."""
        answer = plain_http.written(*response)
        conn.arrived = b""
        try:
            sent = conn.sock.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(conn)
            return
        if sent == len(answer):
            keepalive = self.cfg.keepalive
            seconds = keepalive if self.alive else min(keepalive, gthread.STOP_KEEPALIVE_LINGER)
            self._rest(conn, self.keepalived_conns, seconds)
        elif is_refusal:
            # It did not read those before.
            self._close(conn)
        else:
            self._unwatch(conn)
            sending = self.tpool.submit(_send_all, conn.sock, answer[sent:])
            sending.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def _rest(self, conn: Any, resting: deque[Any], seconds: float) -> None:
        conn.timeout = time.monotonic() + seconds
        conn.rests_in = resting
        resting.append(conn)
        if not conn.is_watched:
            readable = partial(self.on_client_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, readable)
            conn.is_watched = True

    def _take_up(self, conn: Any) -> None:
        conn.rests_in.remove(conn)
        conn.rests_in = None

    def _hand_over(self, conn: Any) -> None:
        """Leave a connection to the threads, with what was read from it."""
        self._unwatch(conn)
        conn.parser.unreader.unread(conn.arrived)
        conn.arrived = b""
        conn.data_ready = True
        self.enqueue_req(conn)

    def _hang_up(self, conn: Any) -> None:
        """Send no more, and close when the client has read the last answer (RFC 9112, section 9.6)."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            conn.arrived_bytes = 0
            self._rest(conn, self.hung_up, _LINGER_SECONDS)

    def _drain(self, conn: Any) -> None:
        arrived = _received(conn.sock)
        if arrived is None:
            return
        conn.arrived_bytes += len(arrived)
        if not arrived or conn.arrived_bytes > _LINGER_BYTES:
            self._take_up(conn)
            self._close(conn)

    def _close(self, conn: Any) -> None:
        self._unwatch(conn)
        self.nr_conns -= 1
        conn.close()

    def _unwatch(self, conn: Any) -> None:
        if conn.is_watched:
            self.poller.unregister(conn.sock)
            conn.is_watched = False

    def _see_to_the_late(self) -> None:
        """Leave to the threads what is not whole in time, and calls whose row does not come; close what nobody closes."""
        if self.express:
            for line in self.express.lines:
                line.give_up_on_the_late()
            self._connect()
        now = time.monotonic()
        for resting, see_to in ((self.incomplete, self._hand_over), (self.hung_up, self._close)):
            while resting and resting[0].timeout < now:
                conn = resting[0]
                self._take_up(conn)
                see_to(conn)

    def _refused_share(self, call: str, *, is_taken: bool) -> float:
        now = time.monotonic()
        for_a_thread = 0.0
        with contextlib.suppress(IndexError):
            if len(self.waiting) >= _WAITING_MIN:
                for_a_thread = now - self.waiting[0]
        assert self.express is not None
        return self.express.refused_share(
            call, is_taken=is_taken, until_read=now - self.arrived_at, for_a_thread=for_a_thread
        )


def _is_of_a_socket(event: tuple[selectors.SelectorKey, int]) -> bool:
    return isinstance(event[0].fileobj, socket.socket)


def _received(client: socket.socket) -> bytes | None:
    """Return what has arrived: b"" is the end, None means that nothing has."""
    try:
        return client.recv(_READ_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _send_all(client: socket.socket, answer: bytes) -> bool:
    client.setblocking(True)
    client.sendall(answer)
    return True
