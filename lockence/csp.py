"""Content-Security-Policy under the names that Django 6.0 uses, so that this file can go on upgrade.

`SECURE_CSP` in the settings maps directives to sources; `CSP.NONCE` among them becomes the nonce that
the template variable `csp_nonce` gave out, or nothing where no template asked for one.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject, empty

HEADER = "Content-Security-Policy"


class CSP(StrEnum):
    NONE = "'none'"
    SELF = "'self'"
    NONCE = "<CSP_NONCE>"


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = SimpleLazyObject(lambda: secrets.token_urlsafe(16))
        request._csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        if HEADER not in response and settings.SECURE_CSP:
            given_out = None if nonce._wrapped is empty else str(nonce)  # type: ignore[attr-defined]
            response[HEADER] = build_policy(settings.SECURE_CSP, given_out)
        return response


def csp(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `<script nonce="{{ csp_nonce }}">`."""
    return {"csp_nonce": getattr(request, "_csp_nonce", "")}


def build_policy(config: Mapping[str, Sequence[str]], nonce: str | None) -> str:
    directives = (
        " ".join([directive, *_sources(sources, nonce)]) for directive, sources in config.items()
    )
    return "; ".join(directives)


def _sources(sources: Sequence[str], nonce: str | None) -> list[str]:
    named = [f"'nonce-{nonce}'" if source == CSP.NONCE else str(source) for source in sources]
    return named if nonce else [source for source in named if source != "'nonce-None'"]
