"""What every page for signed-in people is made with: who acts, how a page is shown, an act done and a refusal told."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from accounts.errors import RefusalError
from accounts.events import Actor, user_actor
from accounts.models import User

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
    """Return who is signed in; every page asks for a log-in before its view is called."""
    assert request.user.is_authenticated
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    return user_actor(user_of(request), request.META.get("REMOTE_ADDR") or None)


def show_privately(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """Show a page that no proxy and no shared computer keeps, for it holds keys and customers."""
    context.setdefault("now", timezone.now())
    response = render(request, template, context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def act(request: HttpRequest, verb: Callable[[], object], *, done: str, back: str) -> HttpResponse:
    """Do what was asked and go back with a message; a refusal is told, not thrown.

    `done` tells the state that was reached, so that it is just as true for the second press of a button. Raises Http404 when
    somebody deleted meanwhile what the page had found.
    """
    try:
        with _gone_is_not_found():
            verb()
    except RefusalError as refusal:
        messages.error(request, _sentence(refusal.message))
    else:
        messages.success(request, done)
    return redirect(back)


@contextlib.contextmanager
def refusals_shown_in(form: forms.Form) -> Iterator[None]:
    """Turn a refusal into an error above the form, which names a field as its label does; raises Http404 as `act` does."""
    try:
        with _gone_is_not_found():
            yield
    except RefusalError as refusal:
        name, space, rest = refusal.message.partition(" ")
        label = form[name].label if name in form.fields else name
        form.add_error(None, _sentence(f"{label}{space}{rest}"))


@contextlib.contextmanager
def _gone_is_not_found() -> Iterator[None]:
    try:
        yield
    except ObjectDoesNotExist as error:
        raise Http404("Deleted meanwhile") from error


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
