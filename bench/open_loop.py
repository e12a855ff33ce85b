"""Requests that come when they come, however slowly they are answered: `python -m bench.open_loop PORT SECONDS RATE STREAM …`.

A closed loop asks for less as soon as answers are slow, which hides what a crowd feels. Here each request has its moment, RATE of them a
second, and its time counts from that moment on, whether or not it could be sent then. With RATE 0 the loop is closed all the
same, one request in flight on each connection, which tells how much the server can answer at most.

A STREAM is SHARE,METHOD,PATH,BODIES: of SHARE requests in each round of all shares, with the lines of the file BODIES in turn ("-" for
none). The answer is one line of JSON: for each stream and status the number of answers, and percentiles of their times in ms, and the
same for all that have bodies together.
"""

import contextlib
import json
import os
import random
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# More than a server that refuses in time ever has to hold; when they are all in use, requests wait here and their time runs.
CONNECTIONS_MAX = 400
CLOSED_CONNECTIONS = 32
# How long answers are waited for when the last request is sent.
LAST_SECONDS_MAX = 5
READ_BYTES = 65_536

Answers = dict[str, dict[int, list[float]]]


@dataclass
class Stream:
    share: int
    path: str
    requests: list[bytes]
    position: int = 0
    has_bodies: bool = True

    def next(self) -> bytes:
        self.position = (self.position + 1) % len(self.requests)
        return self.requests[self.position]


@dataclass(eq=False)
class Connection:
    socket: socket.socket
    stream: str = ""
    due_at: float = 0.0
    received: bytes = b""


@dataclass
class Crowd:
    """All connections to one server, those in use and those at rest."""

    port: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    idle: list[Connection] = field(default_factory=list)
    opened: int = 0
    broken: int = 0
    answers: Answers = field(default_factory=dict)

    def in_flight(self) -> int:
        return self.opened - len(self.idle)

    def connection(self) -> Connection | None:
        if self.idle:
            return self.idle.pop()
        return self._open() if self.opened < CONNECTIONS_MAX else None

    def send(self, connection: Connection, stream: Stream, due_at: float) -> None:
        connection.stream, connection.due_at, connection.received = stream.path, due_at, b""
        try:
            connection.socket.sendall(stream.next())
        except OSError:
            self._close(connection)

    def receive(self, seconds_max: float) -> None:
        for key, _events in self.selector.select(seconds_max):
            self._read(key.data)

    def _open(self) -> Connection:
        opened = socket.create_connection(("127.0.0.1", self.port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(opened)
        self.selector.register(opened, selectors.EVENT_READ, connection)
        self.opened += 1
        return connection

    def _close(self, connection: Connection) -> None:
        self.broken += 1
        self.opened -= 1
        self.selector.unregister(connection.socket)
        connection.socket.close()

    def _read(self, connection: Connection) -> None:
        try:
            part = connection.socket.recv(READ_BYTES)
        except OSError:
            part = b""
        if not part:
            self._close(connection)
            return
        connection.received += part
        head, end, body = connection.received.partition(b"\r\n\r\n")
        if end and _is_whole(head, body):
            self._count(connection, head)

    def _count(self, connection: Connection, head: bytes) -> None:
        milliseconds = (time.perf_counter() - connection.due_at) * 1e3
        status = int(head[9:12])
        times = self.answers.setdefault(connection.stream, {}).setdefault(status, [])
        times.append(milliseconds)
        if b"\r\nConnection: close" in head:
            self._close(connection)
            self.broken -= 1
        else:
            self.idle.append(connection)


def main(port: str, seconds: str, rate: str, *streams: str) -> None:
    _come_first()
    crowd = Crowd(int(port))
    parsed = [_stream(text, port) for text in streams]
    began = time.perf_counter()
    if float(rate):
        _open_loop(crowd, parsed, float(seconds), float(rate))
    else:
        _closed_loop(crowd, parsed, float(seconds))
    elapsed = time.perf_counter() - began
    told = {path: _told(by_status) for path, by_status in sorted(crowd.answers.items())}
    facts = {"seconds": elapsed, "broken": crowd.broken, "unanswered": crowd.in_flight()}
    print(json.dumps({**facts, "answers": told, "posts": _told(_of_posts(crowd, parsed))}))


def _of_posts(crowd: Crowd, streams: list[Stream]) -> dict[int, list[float]]:
    """Return the times of all streams with bodies together, by status."""
    together: dict[int, list[float]] = {}
    for stream in streams:
        if stream.has_bodies:
            for status, times in crowd.answers.get(stream.path, {}).items():
                together.setdefault(status, []).extend(times)
    return together


def _told(by_status: dict[int, list[float]]) -> dict[int, dict[str, float]]:
    return {status: _percentiles(times) for status, times in sorted(by_status.items())}


def _come_first() -> None:
    """Wait for a core as little as may be, as a driver on a machine of its own would: only root may."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)


def _open_loop(crowd: Crowd, streams: list[Stream], seconds: float, rate: float) -> None:
    order = _in_turn(streams)
    began = time.perf_counter()
    sent, count = 0, int(seconds * rate)
    while sent < count:
        due_at = began + sent / rate
        wait = due_at - time.perf_counter()
        crowd.receive(max(0, wait))
        while sent < count and (due_at := began + sent / rate) <= time.perf_counter():
            connection = crowd.connection()
            if connection is None:
                break
            crowd.send(connection, next(order), due_at)
            sent += 1
    _last_answers(crowd)


def _closed_loop(crowd: Crowd, streams: list[Stream], seconds: float) -> None:
    order = _in_turn(streams)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        while crowd.in_flight() < CLOSED_CONNECTIONS and (connection := crowd.connection()):
            crowd.send(connection, next(order), time.perf_counter())
        crowd.receive(LAST_SECONDS_MAX)
    _last_answers(crowd)


def _last_answers(crowd: Crowd) -> None:
    until = time.perf_counter() + LAST_SECONDS_MAX
    while crowd.in_flight() and time.perf_counter() < until:
        crowd.receive(0.1)


def _in_turn(streams: list[Stream]) -> Iterator[Stream]:
    """Each as often as its share says, well mixed, the same in every run."""
    round_of_all = [stream for stream in streams for _ in range(stream.share)]
    random.Random(1).shuffle(round_of_all)
    while True:
        yield from round_of_all


def _stream(text: str, port: str) -> Stream:
    share, method, path, bodies = text.split(",")
    lines = [b""] if bodies == "-" else Path(bodies).read_bytes().splitlines()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    if bodies != "-":
        head += b"Content-Type: application/json\r\n"
    requests = [b"%sContent-Length: %d\r\n\r\n%s" % (head, len(line), line) for line in lines]
    return Stream(int(share), path, requests, random.randrange(len(requests)), bodies != "-")


def _is_whole(head: bytes, body: bytes) -> bool:
    """Tell whether the body is all there, by its length or by the last chunk (RFC 9112, section 7.1)."""
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return len(body) >= int(rest.partition(b"\r\n")[0]) if rest else body.endswith(b"0\r\n\r\n")


def _percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times * 2, n=1000, method="inclusive")
    return {
        "count": len(times),
        "p50_ms": cuts[499],
        "p99_ms": cuts[989],
        "max_ms": max(times),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
