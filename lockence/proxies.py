"""Who really asks, when a proxy stands in front: its X-Forwarded headers count only if we trust it."""

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxyMiddleware:
    """Set REMOTE_ADDR to the client's address and drop forwarded headers that anybody could have written.

    TRUSTED_PROXIES lists networks (10.0.0.0/8). The client is the right-most address in X-Forwarded-For
    that is not itself a trusted proxy: what stands to its left was written by the client.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted = [ipaddress.ip_network(proxy) for proxy in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.get("REMOTE_ADDR", "")
        if self.trusted and _is_within(peer, self.trusted):
            forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = _client(forwarded, self.trusted) or peer
        else:
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        request.META.pop("HTTP_X_FORWARDED_FOR", None)
        return self.get_response(request)


def _client(forwarded: str, trusted: Sequence[Network]) -> str | None:
    for address in reversed([part.strip() for part in forwarded.split(",")]):
        if not _is_address(address):
            return None
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
