"""Public pages around the product; the handbook has views of its own."""

import functools
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

# Programs that a test runs; they name this server where the page names the visitor's own.
SAMPLES_DIR = Path(settings.BASE_DIR) / "templates/site/samples"
SAMPLES_SERVER = "https://lockence.example"
_SAMPLES = (
    ("python", "Python", "init.py.txt"),
    ("javascript", "JavaScript", "init.mjs.txt"),
    ("bash", "curl", "init.sh.txt"),
)


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "site/landing.html", {"samples": _samples()})


@functools.cache
def _samples() -> list[dict[str, str]]:
    return [
        {"language": language, "label": label, "html": _highlighted(language, file_name)}
        for language, label, file_name in _SAMPLES
    ]


def _highlighted(language: str, file_name: str) -> SafeString:
    code = (SAMPLES_DIR / file_name).read_text().replace(SAMPLES_SERVER, settings.SITE_URL)
    html = highlight(code, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    return mark_safe(html)  # noqa: S308 - Pygments escapes what it is given
