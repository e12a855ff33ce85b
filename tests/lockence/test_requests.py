"""What every request passes: its id, the proxy in front, and the short way for programs."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from lockence.proxies import TrustedProxyMiddleware


def test_every_answer_has_a_request_id(client: Client) -> None:
    first, second = client.get("/healthz"), client.get("/healthz")

    assert re.fullmatch(r"[0-9a-f]{32}", first["X-Request-ID"])
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_a_proxys_request_id_is_kept(client: Client) -> None:
    response = client.get("/healthz", headers={"x-request-id": "proxy-4711.a"})

    assert response["X-Request-ID"] == "proxy-4711.a"


@pytest.mark.parametrize(
    "offered", ["short", "x" * 65, 'forged"id', "two words here", "línea-ñ-nueva"]
)
def test_an_id_that_could_forge_a_log_line_is_replaced(client: Client, offered: str) -> None:
    assert client.get("/healthz", headers={"x-request-id": offered})["X-Request-ID"] != offered


def meta_behind_proxies(settings: Settings, peer: str, forwarded: str) -> dict[str, str]:
    """META as views see it when 10.0.0.0/8 are trusted proxies."""
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = RequestFactory().get(
        "/", REMOTE_ADDR=peer, headers={"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
    )
    TrustedProxyMiddleware(lambda request: HttpResponse())(request)
    return request.META


@pytest.mark.parametrize(
    ("peer", "forwarded", "client_address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger may write what he likes
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        ("10.0.0.2", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.2", "not an address", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1"),  # a socket for both versions
        ("10.0.0.2", "6.6.6.6, ::ffff:198.51.100.1, ::ffff:10.0.0.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),  # a Unix socket has no address
    ],
)
def test_the_clients_address_behind_a_proxy(
    settings: Settings, peer: str, forwarded: str, client_address: str
) -> None:
    assert meta_behind_proxies(settings, peer, forwarded)["REMOTE_ADDR"] == client_address


@pytest.mark.parametrize(("peer", "is_secure"), [("10.0.0.2", True), ("203.0.113.9", False)])
def test_https_is_believed_from_a_trusted_proxy_only(
    client: Client, settings: Settings, peer: str, is_secure: bool
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.SECURE_SSL_REDIRECT = True

    response = client.get(
        "/accounts/login/", REMOTE_ADDR=peer, headers={"x-forwarded-proto": "https"}
    )

    assert response.status_code == (200 if is_secure else 301)


def test_a_program_gets_no_cookie_and_is_never_redirected(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    response = client.get("/api/v1/no-such-call")

    assert response.status_code == 404
    assert not response.cookies
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("peer", "is_believed"), [("10.0.0.2", True), ("203.0.113.9", False)])
def test_a_country_is_believed_from_a_trusted_proxy_only(
    settings: Settings, peer: str, is_believed: bool
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.COUNTRY_HEADER = "HTTP_CF_IPCOUNTRY"
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"cf-ipcountry": "DE"})

    TrustedProxyMiddleware(lambda request: HttpResponse())(request)

    assert ("HTTP_CF_IPCOUNTRY" in request.META) is is_believed


def test_an_ipv4_client_of_a_socket_for_both_versions_has_its_own_address() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="::ffff:203.0.113.9")

    TrustedProxyMiddleware(lambda request: HttpResponse())(request)

    assert request.META["REMOTE_ADDR"] == "203.0.113.9"
