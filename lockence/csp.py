"""Content-Security-Policy under the names that Django 6.0 uses, so that this file can go on upgrade.

`SECURE_CSP` in the settings maps directives to sources. `CSP.NONCE` among them becomes the nonce that the
template variable `csp_nonce` gave out, and nothing where no template asked for one.
"""

import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"


class CSP(StrEnum):
    NONE = "'none'"
    SELF = "'self'"
    NONCE = "<CSP_NONCE>"


class Nonce:
    """Made when it is first shown, so that a page without inline scripts has none in its policy."""

    value: str | None = None

    def __str__(self) -> str:
        self.value = self.value or secrets.token_urlsafe(16)
        return self.value


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = Nonce()
        request._csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        if not _is_debug_page(response):
            response.headers.setdefault(HEADER, build_policy(settings.SECURE_CSP, nonce.value))
        return response


def csp(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `<script nonce="{{ csp_nonce }}">`."""
    return {"csp_nonce": getattr(request, "_csp_nonce", "")}


def _is_debug_page(response: HttpResponse) -> bool:
    """Django's own pages about an error have their styles and scripts inline."""
    return bool(settings.DEBUG) and response.status_code in (404, 500)


def build_policy(directives: Mapping[str, Any], nonce: str | None) -> str:
    return "; ".join(
        " ".join([directive, *_sources(sources, nonce)])
        for directive, sources in directives.items()
    )


def _sources(sources: list[str], nonce: str | None) -> list[str]:
    if nonce is None:
        return [source for source in sources if source != CSP.NONCE]
    return [f"'nonce-{nonce}'" if source == CSP.NONCE else source for source in sources]
