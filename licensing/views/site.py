"""Public pages around the product; the handbook has views of its own."""

import functools

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from licensing.samples import LANGUAGES, SITE_URL, Sample, read_sample


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "site/landing.html", {"samples": _samples()})


@functools.cache
def _samples() -> list[Sample]:
    values = {SITE_URL: settings.SITE_URL}
    return [read_sample(language, "init", values) for language in LANGUAGES.values()]
