"""The load where wrk is missing: `python -m bench.driver URL BODIES START SECONDS CONNECTIONS`, reported as one line of JSON.

Several processes, each with its share of kept-alive connections and one request in flight on each. Python spends about as much
on a request as the server does, and takes it from the same cores: compare its numbers with nothing but its own.
"""

import itertools
import json
import multiprocessing
import os
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

ANSWER_SECONDS_MAX = 5
START_SECONDS_MAX = 30


@dataclass(frozen=True)
class Share:
    """What one process has to do."""

    url: str
    bodies: str
    start: int
    seconds: float
    connections: int


@dataclass(frozen=True)
class Outcome:
    """What came of it; latencies are in milliseconds."""

    latencies: list[float]
    failures: int
    seconds: float


def main(url: str, bodies: str, start: str, seconds: str, connections: str) -> None:
    total = int(connections)
    processes = min(total, os.cpu_count() or 1)
    # Each begins elsewhere in the file, so that they do not meet on the same rows.
    shares = [
        Share(
            url=url,
            bodies=bodies,
            start=int(start) + number * 1_009,
            seconds=float(seconds),
            connections=len(range(number, total, processes)),
        )
        for number in range(processes)
    ]
    print(json.dumps(report(at_once(shares))))


def at_once(shares: list[Share]) -> list[Outcome]:
    """Let one process drive each share, all from the same moment on."""
    context = multiprocessing.get_context("spawn")
    barrier, outcomes = context.Barrier(len(shares)), context.SimpleQueue()
    processes = [
        context.Process(target=_work, args=(share, barrier, outcomes), daemon=True)
        for share in shares
    ]
    for process in processes:
        process.start()
    results = [outcomes.get() for _ in processes]
    for process in processes:
        process.join()
    return results


def report(outcomes: list[Outcome]) -> dict[str, float]:
    latencies = [*itertools.chain.from_iterable(outcome.latencies for outcome in outcomes)]
    percentiles = statistics.quantiles(latencies or [0.0, 0.0], n=100, method="inclusive")
    return {
        "requests": len(latencies),
        "seconds": max(outcome.seconds for outcome in outcomes),
        "p50_ms": percentiles[49],
        "p99_ms": percentiles[98],
        "failures": sum(outcome.failures for outcome in outcomes),
    }


class Connection:
    """One kept-alive connection with at most one request in flight."""

    def __init__(self, address: SplitResult) -> None:
        where = (address.hostname or "", address.port or 80)
        self.socket = socket.create_connection(where, timeout=ANSWER_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Return the status of the answer once all of it is there."""
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("closed in the middle of an answer")
        self.received += part
        head, end, body = self.received.partition(b"\r\n\r\n")
        return int(head[9:12]) if end and _is_whole(head.lower(), body) else None

    def milliseconds(self) -> float:
        return (time.perf_counter() - self.sent_at) * 1_000


def _work(share: Share, barrier: Barrier, outcomes: Any) -> None:
    try:
        outcomes.put(_drive(share, barrier))
    except (OSError, ValueError):
        # The server is gone, or what it says is not HTTP.
        outcomes.put(Outcome([], share.connections, share.seconds))


def _drive(share: Share, barrier: Barrier) -> Outcome:
    requests = _requests(share)
    address = urlsplit(share.url)
    latencies: list[float] = []
    failures = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(share.connections):
            connection = Connection(address)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        barrier.wait(START_SECONDS_MAX)
        began = time.perf_counter()
        for key in selector.get_map().values():
            key.data.send(next(requests))
        while (elapsed := time.perf_counter() - began) < share.seconds:
            for key, _events in selector.select(ANSWER_SECONDS_MAX):
                if (status := key.data.receive()) is not None:
                    latencies.append(key.data.milliseconds())
                    failures += status != 200
                    key.data.send(next(requests))
    return Outcome(latencies, failures, elapsed)


def _requests(share: Share) -> Iterator[bytes]:
    address = urlsplit(share.url)
    lines = Path(share.bodies).read_bytes().splitlines()
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    requests = [
        b"%sContent-Length: %d\r\n\r\n%s" % (head.encode(), len(line), line) for line in lines
    ]
    start = share.start % len(requests)
    return itertools.cycle([*requests[start:], *requests[:start]])


def _is_whole(head: bytes, body: bytes) -> bool:
    """Tell whether the body is all there, by its length or by the last chunk (RFC 9112, section 7.1)."""
    if b"\r\ntransfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    _, _, rest = head.partition(b"\r\ncontent-length:")
    return len(body) >= int(rest.partition(b"\r\n")[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
