"""HTTP to addresses that customers name: out into the Internet, and never back into our own network.

An address is judged where the socket connects, on what the name stands for at that moment, so a name that changes its answer gains
nothing. There are no redirects, no proxies from the environment, and an end to how long and how much is listened to.
"""

import contextlib
import dataclasses
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from urllib3 import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import parse_url

SECONDS_MAX = 15.0
ANSWER_MAX_BYTES = 64 * 1024
URL_MAX = 500

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What the registries of special addresses name (RFC 6890, iana-ipv4-special-registry): all but the global ones.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Of IPv6 only what is given out to networks is let through; IPv4 addresses in its other forms (mapped, compatible, NAT64) are not.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# Looking a name up cannot be broken off, so it is done where nobody waits for it longer than the rest may take.
_RESOLVERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="resolver")


class RefusedAddressError(Exception):
    """The name stands for an address that is not out in the Internet."""


class OutgoingError(Exception):
    """No answer came; says why, in words for who named the address."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; `body` is cut off at ANSWER_MAX_BYTES."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def url_fault(url: str) -> str | None:
    """Return what is wrong with an address to send to, None when nothing is as far as can be told without asking it."""
    try:
        parts = urlsplit(url)
        known = parse_url(url)
    except (ValueError, HTTPError):
        return "is not an address"
    if parts.scheme not in _schemes():
        return f"must begin with {' or '.join(f'{scheme}://' for scheme in _schemes())}"
    if not parts.hostname or not known.host or not url.isascii() or any(map(_is_blank, url)):
        return "is not an address"
    if parts.username is not None or parts.password is not None:
        return "must hold no user name and no password"
    if parts.fragment:
        return "must have nothing behind a #"
    return f"may have at most {URL_MAX} characters" if len(url) > URL_MAX else None


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a body and return the answer, whatever its status.

    Raises RefusedAddressError before anything is sent, and OutgoingError when no whole answer came within SECONDS_MAX.
    """
    if fault := url_fault(url):
        raise RefusedAddressError(f"The address {fault}")
    parts = urlsplit(url)
    deadline = time.monotonic() + SECONDS_MAX
    try:
        with (
            contextlib.closing(_connection(parts, deadline)) as connection,
            _ended_at(deadline, connection),
        ):
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(
                "POST", target, body, headers, preload_content=False, decode_content=False
            )
            return _answer(connection.getresponse(), deadline)
    except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        if time.monotonic() >= deadline:
            raise OutgoingError(f"No whole answer within {SECONDS_MAX:.0f} seconds") from error
        raise OutgoingError(_in_words(error)) from error


def is_refused(address: _Address) -> bool:
    """Tell whether nothing is sent to an address, because it is not one of the Internet's or stands for another."""
    if any(address in network for network in settings.WEBHOOK_NETWORKS):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _REFUSED_V4)
    return address not in _GLOBAL_V6 or any(address in network for network in _REFUSED_V6)


def _schemes() -> tuple[str, ...]:
    return ("https", "http") if settings.DEVELOPMENT else ("https",)


def _is_blank(symbol: str) -> bool:
    return symbol <= " " or symbol in "\x7f\\"


class _CheckedMixin:
    """Connects to an address that was looked at, and not to a name that is looked up once more."""

    deadline: float

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port, self.deadline)  # type: ignore[attr-defined]


class _CheckedHTTP(_CheckedMixin, HTTPConnection):
    pass


class _CheckedHTTPS(_CheckedMixin, HTTPSConnection):
    pass


def _connection(parts: SplitResult, deadline: float) -> _CheckedHTTP | _CheckedHTTPS:
    host = parts.hostname or ""
    timeout = Timeout(total=SECONDS_MAX)
    connection: _CheckedHTTP | _CheckedHTTPS
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = _CheckedHTTPS(
            host, parts.port or 443, timeout=timeout.connect_timeout, ssl_context=context
        )
    else:
        connection = _CheckedHTTP(host, parts.port or 80, timeout=timeout.connect_timeout)
    connection.deadline = deadline
    return connection


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    found = _addresses(host, port, deadline)
    # All of them, for which one is tried in the end depends on which one answers.
    for *_, address in found:
        if is_refused(ipaddress.ip_address(str(address[0]).partition("%")[0])):
            raise RefusedAddressError(f"{host} is not an address in the Internet")
    failure: OSError = OSError("The name stands for no address")
    for family, kind, protocol, _, address in found:
        attempt = socket.socket(family, kind, protocol)
        try:
            attempt.settimeout(_seconds_left(deadline))
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            attempt.connect(address)
        except OSError as error:
            attempt.close()
            failure = error
        else:
            return attempt
    raise failure


def _addresses(host: str, port: int, deadline: float) -> list[Any]:
    looked_up = _RESOLVERS.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        return list(looked_up.result(_seconds_left(deadline)))
    except StillRunning as error:
        raise TimeoutError("The name was not found in time") from error


@contextlib.contextmanager
def _ended_at(deadline: float, connection: HTTPConnection) -> Iterator[None]:
    """Break the connection off at the deadline: a timeout alone starts anew with each byte that comes."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(max(deadline - time.monotonic(), 0.05)):
            # The plain socket's: closing TLS politely would wait for the other side.
            with contextlib.suppress(OSError, TypeError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()


def _answer(response: Any, deadline: float) -> Answer:
    assert isinstance(response, HTTPResponse)
    body = b""
    while len(body) < ANSWER_MAX_BYTES:
        piece = response.read1(ANSWER_MAX_BYTES - len(body))
        if not piece:
            break
        body += piece
    if time.monotonic() >= deadline:
        raise TimeoutError
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, body)


def _seconds_left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.01)


def _in_words(error: Exception) -> str:
    """Say what went wrong; never where our own machines are, for that is whom the reader of it may not ask."""
    if isinstance(error, socket.gaierror):
        return "The name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate is not accepted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "The connection was refused"
    if isinstance(error, TimeoutError):
        return "The connection took too long"
    if isinstance(error, HTTPError | http.client.HTTPException):
        return "The answer was broken off, or is not HTTP"
    return "The connection failed"
