"""A WSGI application (PEP 3333) behind a server of ASGI 3 (https://asgi.readthedocs.io): each request in one thread of a few.

They are our own threads, for Django's connections stay with theirs. The loop waits for small bodies, so that no thread has to; what is
longer, or of no told length, a thread asks for as it reads. Answers go out piece by piece, each when its reader has room for it.
"""

import asyncio
import functools
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO
from urllib.parse import quote, unquote_to_bytes
from wsgiref.util import FileWrapper

from lockence.fast_lane import Application, Environ

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[str, str]]

# What the loop waits for is small enough to keep in memory: forms, and all that programs send.
AWAITED_MAX_BYTES = 64 * 1024
_FILE_PIECE_BYTES = 64 * 1024
# One that waits is about to be taken.
_WAITING_MIN = 2


class Bridge:
    """`silence_seconds_max` is for how long a client may send nothing of what it announced, or read nothing of an answer."""

    def __init__(
        self, application: Application, *, threads: int, silence_seconds_max: float
    ) -> None:
        self.application = application
        self.silence_seconds_max = silence_seconds_max
        self.threads = ThreadPoolExecutor(threads, "wsgi")
        # Since when those wait that no thread has taken.
        self.waiting: deque[float] = deque()

    async def answer(self, environ: Environ, body: "Body", send: Send) -> None:
        if body.length is not None and body.length <= AWAITED_MAX_BYTES:
            await body.all_that_comes()
        await _Answer(self, environ, body, send).give()

    def waited_seconds(self) -> float:
        """Return how long the first of those who wait for a thread has waited."""
        try:
            first = self.waiting[0]
        except IndexError:
            return 0.0
        return time.monotonic() - first if len(self.waiting) >= _WAITING_MIN else 0.0


class Body(RawIOBase):
    """The body of a request: the loop may wait for all of it, and a thread for as much as it reads."""

    def __init__(self, environ: Environ, receive: Receive, silence_seconds_max: float) -> None:
        told = environ.get("CONTENT_LENGTH", "")
        # Python turns no more than 4,300 digits into a number, and 19 are too large already.
        self.length = int(told[:19]) if told.isdecimal() else None
        self._missing = self.length
        self._receive = receive
        self._silence_seconds_max = silence_seconds_max
        self._loop = asyncio.get_running_loop()
        self._arrived = bytearray()
        # What tells of no body has none (RFC 9112, section 6.3).
        self.is_over = not self.length and "HTTP_TRANSFER_ENCODING" not in environ
        self.is_broken_off = False

    async def all_that_comes(self) -> bytes:
        while not self.is_over:
            await self._more()
        return bytes(self._arrived)

    async def until_it_is_left(self) -> None:
        """Wait until the client has gone: what comes behind a body is nothing else."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on, in a thread; raises OSError where the client has broken off, or fallen silent."""
        while not self._arrived and not self.is_over:
            asyncio.run_coroutine_threadsafe(self._more(), self._loop).result()
        if not self._arrived and self.is_broken_off:
            raise ConnectionResetError("The client broke off")
        count = min(len(buffer), len(self._arrived))
        buffer[:count] = self._arrived[:count]
        del self._arrived[:count]
        return count

    async def _more(self) -> None:
        try:
            async with asyncio.timeout(self._silence_seconds_max):
                message = await self._receive()
        except TimeoutError:
            message = {"type": "http.disconnect"}
        if message["type"] != "http.request":
            self.is_over = self.is_broken_off = True
            return
        piece = message.get("body", b"")
        self._arrived += piece
        if self._missing is not None:
            self._missing -= len(piece)
        # Whoever has all that was announced need not be told that no more comes.
        self.is_over = self._missing == 0 or not message.get("more_body")


class _Answer:
    def __init__(self, bridge: Bridge, environ: Environ, body: Body, send: Send) -> None:
        self._bridge = bridge
        self._environ = environ
        self._body = body
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._start: Message = {}
        self._is_started = False
        self._left = sys.maxsize
        # Ends when the client has gone, while an answer of many pieces is sent.
        self._watch: asyncio.Task[None] | None = None

    async def give(self) -> None:
        self._bridge.waiting.append(time.monotonic())
        making = self._bridge.threads.submit(self._make)
        try:
            last = await asyncio.wrap_future(making)
            if not self._is_left():
                await self._send_piece(last, is_last=True)
        finally:
            if making.cancelled():
                # No thread will take it up, and strike it out.
                self._bridge.waiting.popleft()
            if self._watch is not None:
                self._watch.cancel()

    def _make(self) -> bytes:
        """Have the request answered, in a thread, and return what is to be sent last."""
        # Threads take what was put first, so the oldest goes; which thread strikes it out does not matter.
        self._bridge.waiting.popleft()
        self._environ["wsgi.input"] = BufferedReader(self._body)
        pieces = self._bridge.application(self._environ, self._start_response)
        try:
            for piece in pieces:
                if len(piece) >= self._left:
                    return piece
                if piece:
                    self._write(piece)
                if self._is_left():
                    break
            return b""
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _start_response(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info and self._is_started:
            raise exc_info[1].with_traceback(exc_info[2])
        self._start, self._left = response_start(status, headers), sys.maxsize
        for name, value in headers:
            if name.lower() == "content-length":
                self._left = int(value)
        return self._write

    def _write(self, piece: bytes) -> None:
        """Send a piece, in a thread, once there is room for it."""
        self._left -= len(piece)
        asyncio.run_coroutine_threadsafe(self._send_piece(piece), self._loop).result()

    async def _send_piece(self, piece: bytes, *, is_last: bool = False) -> None:
        """Raises TimeoutError where the client reads nothing for too long: the server then breaks the answer off."""
        if not self._is_started:
            self._is_started = True
            await self._send(self._start)
        if not is_last and self._watch is None and self._body.is_over:
            self._watch = self._loop.create_task(self._body.until_it_is_left())
        async with asyncio.timeout(self._bridge.silence_seconds_max):
            await self._send(
                {"type": "http.response.body", "body": piece, "more_body": not is_last}
            )

    def _is_left(self) -> bool:
        return self._watch is not None and self._watch.done()


def response_start(status: str, headers: Headers) -> Message:
    """Return the message that begins an answer."""
    return {
        "type": "http.response.start",
        "status": int(status[:3]),
        "headers": [(_lower(name), value.encode("latin-1")) for name, value in headers],
    }


def environ_of(scope: Scope) -> Environ:
    """Return what gunicorn tells of the same request, its body aside."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope["query_string"].decode("latin-1")
    path = raw.decode("latin-1")
    server, client = scope.get("server") or ("", ""), scope.get("client") or ("",)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1") if "%" in path else path,
        "RAW_URI": f"{path}?{query}" if query else path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "REMOTE_ADDR": client[0],
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": _in_large_pieces,
    }
    for name, value in scope["headers"]:
        if (key := _key(name)) is None:
            continue
        text = value.decode("latin-1")
        is_repeated = key in environ and key.startswith("HTTP_")
        environ[key] = f"{environ[key]},{text}" if is_repeated else text
    return environ


@functools.lru_cache(maxsize=256)
def _key(name: bytes) -> str | None:
    """Return by which name WSGI tells a header; those with `_` are dropped, or they could stand for others."""
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


@functools.lru_cache(maxsize=256)
def _lower(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _in_large_pieces(file: BinaryIO, _size: int = 0) -> FileWrapper:
    return FileWrapper(file, _FILE_PIECE_BYTES)
