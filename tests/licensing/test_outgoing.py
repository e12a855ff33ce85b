"""What we send to addresses that customers name leaves for the Internet, or does not leave."""

# ruff: noqa: S104 (addresses that must not be connected to)

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from licensing import outgoing

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff01::1",
    "ff02::1",
    "ff0e::1",
]
# The same places, written in ways that resolvers understand.
FORMS = [
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0",
    "0x0",
    "127.0.0.1.",
    "localhost",
    "localhost.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "10.1",
    "0xa9.0xfe.0xa9.0xfe",
    "2852039166",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860:4860::8888",
    "2003::1",
]


@pytest.fixture
def in_production(settings: Settings) -> None:
    settings.DEVELOPMENT = False
    settings.WEBHOOK_NETWORKS = []


def send(url: str) -> outgoing.Answer:
    return outgoing.post(url, body=b"{}", headers={"content-type": "application/json"})


def answers(*addresses: str) -> Any:
    """A resolver that knows every name, and answers so."""

    def getaddrinfo(host: str, port: int, **how: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]

    return getaddrinfo


def test_there_are_more_than_sixty() -> None:
    assert len({*REFUSED, *FORMS}) >= 60


@pytest.mark.parametrize("address", REFUSED)
def test_a_name_that_stands_for_it_is_refused(
    address: str, in_production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(address))

    with pytest.raises(outgoing.RefusedAddressError):
        send("https://hooks.example/")


@pytest.mark.parametrize("host", [*FORMS, *(f"[{each}]" for each in REFUSED if ":" in each)])
def test_it_is_refused_however_it_is_written(host: str, in_production: None) -> None:
    with pytest.raises((outgoing.RefusedAddressError, outgoing.OutgoingError)) as refusal:
        send(f"https://{host}:9/")

    # What no resolver understands is an address of nothing.
    if refusal.type is outgoing.OutgoingError:
        assert str(refusal.value) == "The name is not known"


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_not(address: str, in_production: None) -> None:
    assert not outgoing.is_refused(ipaddress.ip_address(address))


def test_one_refused_address_among_many_is_enough(
    in_production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8", "::1"))

    with pytest.raises(outgoing.RefusedAddressError):
        send("https://hooks.example/")


def test_a_name_is_asked_once_so_a_second_answer_is_never_followed(
    settings: Settings, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/").respond_with_data("here")
    asked = []

    def changing(host: str, port: int, **how: Any) -> list[Any]:
        asked.append(host)
        return list(answers("127.0.0.1" if len(asked) == 1 else "10.0.0.1")(host, port))

    monkeypatch.setattr(socket, "getaddrinfo", changing)

    assert send(f"http://rebinding.example:{httpserver.port}/").body == b"here"
    assert asked == ["rebinding.example"]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:password@hooks.example/",
        "https://user@hooks.example/",
        "https://hooks.example/#fragment",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nX-Injected: 1",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example:99999/",
        "https://höoks.example/",
        "https://hooks.example/" + "x" * 500,
        "https://[::1/",
        "javascript:alert(1)",
        "",
    ],
)
def test_what_is_no_https_address_is_refused(url: str, in_production: None) -> None:
    assert outgoing.url_fault(url)
    with pytest.raises(outgoing.RefusedAddressError):
        send(url)


def test_networks_that_the_operator_names_are_open(settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("10.20.0.0/16")]

    assert not outgoing.is_refused(ipaddress.ip_address("10.20.3.4"))
    assert outgoing.is_refused(ipaddress.ip_address("10.21.3.4"))
    assert outgoing.is_refused(ipaddress.ip_address("::ffff:10.20.3.4"))


def test_a_redirect_is_an_answer_and_no_way(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(
        status=302, headers={"Location": httpserver.url_for("/elsewhere")}
    )

    assert send(httpserver.url_for("/")).status == 302
    assert [request.path for request, _ in httpserver.log] == ["/"]


def test_proxies_of_the_environment_are_not_asked(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/").respond_with_data("direct")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert send(httpserver.url_for("/")).body == b"direct"


def test_no_more_than_64_kilobytes_are_read(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_handler(
        lambda request: Response((b"x" * 65_536 for _ in range(1_000)), 200)
    )

    assert len(send(httpserver.url_for("/")).body) == 65_536


def test_what_is_sent_arrives(httpserver: HTTPServer) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return Response("thanks", 202, {"X-Trace": "7"})

    httpserver.expect_request("/in").respond_with_handler(answer)

    reply = send(httpserver.url_for("/in?a=1"))

    assert (reply.status, reply.body, reply.headers["x-trace"]) == (202, b"thanks", "7")
    [request] = seen
    assert (request.method, request.query_string) == ("POST", b"a=1")
    assert request.headers["Content-Length"] == "2"


@contextlib.contextmanager
def drip(piece: bytes) -> Iterator[str]:
    """A server that sends a little every now and then, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    while True:
                        connection.sendall(piece)
                        time.sleep(0.05)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.mark.parametrize("piece", [b"x", b"X-Header: 1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_who_drips_is_given_up_on_in_the_end(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "SECONDS_MAX", 0.4)

    with drip(piece) as url:
        started = time.monotonic()
        with pytest.raises(outgoing.OutgoingError):
            send(url)

    assert time.monotonic() - started < 3


def test_who_accepts_and_says_nothing_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "SECONDS_MAX", 0.2)

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(outgoing.OutgoingError, match="No whole answer within"),
    ):
        send(f"http://127.0.0.1:{listener.getsockname()[1]}/")


def test_nobody_there_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(outgoing.OutgoingError, match="The connection was refused"):
        send(f"http://127.0.0.1:{port}/")


def test_a_certificate_of_somebody_else_is_not_accepted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        tls_server(tmp_path_factory.mktemp("tls"), "other.example") as port,
        pytest.raises(outgoing.OutgoingError, match="The certificate is not accepted"),
    ):
        send(f"https://127.0.0.1:{port}/")


@contextlib.contextmanager
def tls_server(folder: Any, name: str) -> Iterator[int]:
    """A server with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
