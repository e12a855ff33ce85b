"""What every page of the dashboard is made with: who acts, how a page is shown, an act asked for and done."""

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods

from accounts.models import User
from licensing.access import rights_in
from licensing.errors import RefusalError
from licensing.events import Actor, user_actor
from licensing.models import Application, License

Crumb = tuple[str, str]
reads_or_acts = require_http_methods(["GET", "HEAD", "POST"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before an act, in the words that the person reads."""

    heading: str
    explanation: str
    button: str
    cancel_url: str
    danger: bool = True


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; every page of the dashboard asks for a log-in before its view is called."""
    assert request.user.is_authenticated
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    return user_actor(user_of(request), request.META.get("REMOTE_ADDR") or None)


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
    context.setdefault("now", timezone.now())
    if application:
        context["crumbs"] = [*_crumbs(application, trail)]
        context["may"] = {right.value: True for right in rights_in(user_of(request), application)}
    response = render(request, template, context)
    # Pages of a signed-in person hold keys and customers: neither a shared computer nor a proxy shall keep them.
    patch_cache_control(response, private=True, no_store=True)
    return response


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


def act(request: HttpRequest, verb: Callable[[], object], *, done: str, back: str) -> HttpResponse:
    """Do what was asked and go back with a message; a refusal is told, not thrown.

    `done` tells the state that was reached, so that it is just as true for the second press of a button.
    """
    try:
        verb()
    except RefusalError as refusal:
        messages.error(request, f"{refusal.message}.")
    else:
        messages.success(request, done)
    return redirect(back)


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


@contextlib.contextmanager
def refusals_shown_in(form: forms.Form) -> Iterator[None]:
    """Turn a refusal into an error above the form."""
    try:
        yield
    except RefusalError as refusal:
        form.add_error(None, f"{refusal.message[:1].upper()}{refusal.message[1:]}.")


def _crumbs(application: Application, trail: tuple[Crumb, ...]) -> Iterator[Crumb]:
    yield "Applications", reverse("dashboard")
    yield application.name, application.get_absolute_url() if trail else ""
    yield from trail
