"""What `manage.py check --deploy` says about a production installation."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


def register_all() -> None:
    register(development_is_off, Tags.security, deploy=True)
    register(site_is_served_over_https, Tags.security, deploy=True)
    register(trusted_proxies_are_networks, Tags.security)
    register(country_header_has_a_proxy, Tags.security, deploy=True)


def development_is_off(**kwargs: Any) -> Sequence[CheckMessage]:
    if not settings.DEVELOPMENT:
        return []
    return [
        Warning(
            "DEVELOPMENT is on: secrets lie in a generated file and no mail is sent.",
            hint="Set DEVELOPMENT=0 and the secrets of .env.example.",
            id="lockence.W001",
        )
    ]


def site_is_served_over_https(**kwargs: Any) -> Sequence[CheckMessage]:
    if settings.HTTPS:
        return []
    return [
        Warning(
            f"SITE_URL is {settings.SITE_URL}: keys and passwords cross the network in clear.",
            hint="Put a proxy with a certificate in front and use its https:// address.",
            id="lockence.W002",
        )
    ]


def trusted_proxies_are_networks(**kwargs: Any) -> Sequence[CheckMessage]:
    return [
        Error(
            f"TRUSTED_PROXIES: {proxy!r} is not an address or a network such as 10.0.0.0/8.",
            id="lockence.E001",
        )
        for proxy in settings.TRUSTED_PROXIES
        if not _is_network(proxy)
    ]


def country_header_has_a_proxy(**kwargs: Any) -> Sequence[CheckMessage]:
    if not settings.COUNTRY_HEADER or settings.TRUSTED_PROXIES:
        return []
    return [
        Warning(
            "COUNTRY_HEADER is believed from TRUSTED_PROXIES alone, and there are none.",
            hint="Name the proxy that sets the header, or leave COUNTRY_HEADER out.",
            id="lockence.W003",
        )
    ]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
