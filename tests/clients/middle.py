"""Somebody between a program and its server: passes requests on, and does what he likes with the answers."""

import contextlib
import dataclasses
import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.db import connection as db

from tests.servers import Server


@dataclasses.dataclass
class Exchange:
    """A request as the program sent it, and the server's honest answer to it."""

    path: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def set(self, name: str, value: str) -> None:
        self.remove(name)
        self.headers.append((name, value))

    def get(self, name: str) -> str:
        [value] = [value for key, value in self.headers if key.lower() == name.lower()]
        return value

    def remove(self, name: str) -> None:
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]


Attack = Callable[[Exchange], None]


@dataclasses.dataclass
class Middle:
    """Where the program connects to; `attack` changes each answer, and `seen` keeps the honest ones."""

    url: str
    seen: list[Exchange]
    attack: Attack = lambda exchange: None


@contextlib.contextmanager
def in_the_middle(server: Server) -> Iterator[Middle]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            exchange = _ask(server, self)
            middle.seen.append(dataclasses.replace(exchange, headers=list(exchange.headers)))
            middle.attack(exchange)
            # Some attacks look things up; this thread ends without telling Django.
            db.close()
            self.send_response_only(exchange.status)
            for name, value in exchange.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(exchange.body)))
            self.end_headers()
            self.wfile.write(exchange.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        middle = Middle(f"http://127.0.0.1:{listener.server_port}", [])
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        try:
            yield middle
        finally:
            listener.shutdown()
            thread.join()


def _ask(server: Server, handler: BaseHTTPRequestHandler) -> Exchange:
    body = handler.rfile.read(int(handler.headers["Content-Length"]))
    headers = dict(handler.headers.items())
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    ) as connection:
        connection.request("POST", handler.path, body, headers)
        answer = connection.getresponse()
        kept = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in ("connection", "content-length", "date", "server")
        ]
        return Exchange(handler.path, headers, body, answer.status, kept, answer.read())
