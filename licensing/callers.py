"""Where a call comes from, as far as it is known."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from licensing.countries import COUNTRIES


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """`country` is a code of ISO 3166-1, told by a proxy that is trusted; "" where nobody tells one."""

    ip_address: str | None = None
    country: str = ""


UNKNOWN = Caller()


def caller_of(environ: Mapping[str, Any]) -> Caller:
    """Return who asks, by a WSGI environment that `lockence.proxies` has cleared of what anybody could have written."""
    country = ""
    if settings.COUNTRY_HEADER:
        told = environ.get(settings.COUNTRY_HEADER, "").strip().upper()
        country = told if told in COUNTRIES else ""
    return Caller(environ.get("REMOTE_ADDR") or None, country)
