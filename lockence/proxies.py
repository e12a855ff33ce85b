"""Who really asks, when a proxy stands in front: its X-Forwarded headers count only if we trust it."""

import ipaddress
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxyMiddleware:
    """Tell the rest of the site who really asks: see `name_the_client`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted = trusted_networks()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name_the_client(request.META, self.trusted)
        return self.get_response(request)


def trusted_networks() -> list[Network]:
    return [ipaddress.ip_network(proxy) for proxy in settings.TRUSTED_PROXIES]


def name_the_client(environ: MutableMapping[str, Any], trusted: Sequence[Network]) -> None:
    """Set REMOTE_ADDR to the client's address and drop forwarded headers that anybody could have written.

    TRUSTED_PROXIES lists networks (10.0.0.0/8). The client is the right-most address in X-Forwarded-For
    that is not itself a trusted proxy: what stands to its left was written by the client. The country is told by a
    trusted proxy or by nobody. A second call changes nothing more.
    """
    client = peer = _unmapped(environ.get("REMOTE_ADDR", ""))
    if trusted and _is_within(peer, trusted):
        client = _client(environ.get("HTTP_X_FORWARDED_FOR", ""), trusted) or peer
    else:
        environ.pop("HTTP_X_FORWARDED_PROTO", None)
        environ.pop(settings.COUNTRY_HEADER, None)
    environ.pop("HTTP_X_FORWARDED_FOR", None)
    environ["REMOTE_ADDR"] = client


def _unmapped(address: str) -> str:
    """Return an address in the one form that rules and limits know it by.

    A link-local address comes with the name of our network card (RFC 4007, section 11): fe80::1%eth0. And a socket for both
    versions tells of IPv4 clients, and of IPv4 proxies, as ::ffff:203.0.113.7 (RFC 4291, section 2.5.5.2).
    """
    address = address.partition("%")[0]
    if ":" not in address or not _is_address(address):
        return address
    mapped = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
    return str(mapped or address)


def _client(forwarded: str, trusted: Sequence[Network]) -> str | None:
    for address in reversed([part.strip() for part in forwarded.split(",")]):
        if not _is_address(address):
            return None
        address = _unmapped(address)
        if not _is_within(address, trusted):
            return address
    return None


def _is_within(address: str, networks: Sequence[Network]) -> bool:
    if not _is_address(address):
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
