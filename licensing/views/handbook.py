"""The public pages of the handbook; who is signed in finds the samples with a key of their own."""

import logging
import uuid

from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.ciphers import UndecipherableError
from licensing import handbook, twins
from licensing.access import applications_of
from licensing.models import Application
from licensing.samples import API_KEY

logger = logging.getLogger(__name__)

# More do not fit a menu; any of them can be named in the address.
_APPLICATIONS_OFFERED = 50


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return _page(request, "")


@login_not_required
@require_safe
def docs_api(request: HttpRequest) -> HttpResponse:
    return _page(request, "api")


@login_not_required
@require_safe
def docs_page(request: HttpRequest, path: str) -> HttpResponse:
    return _page(request, path)


@login_not_required
@require_safe
def docs_markdown(request: HttpRequest, file: str) -> HttpResponse:
    """The same page for programs; who is signed in finds their key in it too."""
    path = twins.path_of(file)
    text = twins.twin(path) if path is not None else None
    if text is None:
        raise Http404("No such page in the handbook")
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Link"] = f'<{handbook.url(path or "")}>; rel="canonical"'
    if API_KEY in text and (api_key := _api_key_for(request)):
        response.content = text.replace(API_KEY, api_key).encode()
        patch_cache_control(response, private=True, no_store=True)
    return response


@login_not_required
@require_safe
def llms_txt(request: HttpRequest) -> HttpResponse:
    return HttpResponse(twins.llms_txt(), content_type="text/plain; charset=utf-8")


def _page(request: HttpRequest, path: str) -> HttpResponse:
    document = handbook.document(path)
    if document is None:
        raise Http404("No such page in the handbook")
    context = {
        "docs": True,
        "path": path,
        "parent": path.rpartition("/")[0],
        "document": document,
        "html": document.html,
        "navigation": handbook.navigation(),
        "twin_url": twins.url(path),
    }
    if API_KEY not in document.html:
        return render(request, "site/docs.html", context)
    applications = applications_of(request.user, Right.SEE_KEYS)
    application = _chosen(applications, request.GET.get("application", ""))
    api_key = _api_key_of(application) if application else None
    if api_key is None:
        return render(request, "site/docs.html", context | {"can_fill_in": True})
    context |= {
        "application": application,
        "applications": applications[:_APPLICATIONS_OFFERED],
        # An API key reads the same in every language and in HTML.
        "html": mark_safe(document.html.replace(API_KEY, escape(api_key))),  # noqa: S308
    }
    response = render(request, "site/docs.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _chosen(applications: QuerySet[Application], id: str) -> Application | None:
    """The application that was asked for, if it is one of these; else the first."""
    try:
        asked_for = applications.filter(pk=uuid.UUID(id)).first()
    except ValueError:
        asked_for = None
    return asked_for or applications.first()


def _api_key_for(request: HttpRequest) -> str | None:
    """The key that belongs into samples for whoever asks; None for a visitor, and for who may see no key."""
    applications = applications_of(request.user, Right.SEE_KEYS)
    application = _chosen(applications, request.GET.get("application", ""))
    return _api_key_of(application) if application else None


def _api_key_of(application: Application) -> str | None:
    try:
        return application.api_keys.current().get().reveal()
    except UndecipherableError:
        # The page is of use without it.
        logger.exception("The API key of application %s does not open", application.pk)
        return None
