"""What every page of the dashboard is made with, beyond what accounts/pages.py has for all signed-in people."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header

from accounts.pages import Question, act, show_privately, user_of
from licensing.access import rights_in
from licensing.models import Application, License

Crumb = tuple[str, str]


def show(
    request: HttpRequest,
    template: str,
    application: Application | None = None,
    *,
    section: str,
    trail: tuple[Crumb, ...] = (),
    **context: Any,
) -> HttpResponse:
    """Show a page; `trail` leads from the application down to it, the page itself coming last without an address.

    Templates hide what `may` does not hold: the names of the rights that the reader's role gives in the application.
    """
    context |= {"application": application, "section": section}
    if application:
        context["crumbs"] = [*_crumbs(application, trail)]
        context["may"] = {right.value: True for right in rights_in(user_of(request), application)}
    return show_privately(request, template, **context)


def ask(
    request: HttpRequest,
    application: Application,
    question: Question,
    *,
    section: str,
    trail: tuple[Crumb, ...] = (),
    form: forms.Form | None = None,
) -> HttpResponse:
    """Show what an act will do, with the button that does it."""
    return show(
        request,
        "licensing/confirm.html",
        application,
        section=section,
        trail=(*trail, (question.heading, "")),
        question=question,
        form=form,
    )


def ask_first(
    request: HttpRequest,
    application: Application,
    question: Question,
    verb: Callable[[], object],
    *,
    done: str,
    section: str,
    trail: tuple[Crumb, ...] = (),
    form: forms.Form | None = None,
    back: str = "",
) -> HttpResponse:
    """Ask, and once the button is pressed and what is filled in makes sense, do it and go back, unless `back` leads elsewhere."""
    if request.method == "POST" and (form is None or form.is_valid()):
        return act(request, verb, done=done, back=back or question.cancel_url)
    return ask(request, application, question, section=section, trail=trail, form=form)


def license_asked_for(request: HttpRequest, application: Application) -> License | None:
    """Return the license that `?license=` narrows a list to; None when it names none of this application."""
    try:
        return application.licenses.filter(pk=uuid.UUID(request.GET.get("license"))).first()
    except (ValueError, TypeError):
        return None


def download(pieces: Iterable[str], name: str, content_type: str) -> StreamingHttpResponse:
    """Answer with a file that is made while it is sent."""
    response = StreamingHttpResponse(
        pieces,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )
    patch_cache_control(response, private=True, no_store=True)
    return response


def _crumbs(application: Application, trail: tuple[Crumb, ...]) -> Iterator[Crumb]:
    yield "Applications", reverse("dashboard")
    yield application.name, application.get_absolute_url() if trail else ""
    yield from trail
