"""The keys that an application's answers are signed with: which one signs, and which ones programs should know."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.pages import Question, actor_of, reads_or_acts
from accounts.reauthentication import recent_authentication_required
from licensing import signing_keys
from licensing.access import signing_key_for
from licensing.models import Application
from licensing.views.pages import ask_first


@reads_or_acts
@recent_authentication_required()
def signing_key_promote(
    request: HttpRequest, application_id: uuid.UUID, signing_key_id: uuid.UUID
) -> HttpResponse:
    key = signing_key_for(request.user, application_id, signing_key_id)
    return _ask_first(
        request,
        key.application,
        lambda: signing_keys.promote_signing_key(signing_key=key, actor=actor_of(request)),
        done="The next key signs from now on, and there is a new next key for your next version.",
        heading="Promote next key",
        explanation="Every answer is signed with the next key from now on. Programs that pinned both keys go on without an "
        "update; a program that knows only the current key believes no answer any more.",
        button="Promote next key",
    )


@reads_or_acts
@recent_authentication_required()
def signing_key_replace(
    request: HttpRequest, application_id: uuid.UUID, signing_key_id: uuid.UUID
) -> HttpResponse:
    key = signing_key_for(request.user, application_id, signing_key_id)
    return _ask_first(
        request,
        key.application,
        lambda: signing_keys.replace_signing_key(signing_key=key, actor=actor_of(request)),
        done="There is a new next key. Ship it with your next version.",
        heading="Replace next key",
        explanation="The next key is thrown away before it ever signed, and you get another one. Programs that pinned the one "
        "thrown away need an update before you promote the new one.",
        button="Replace next key",
    )


@reads_or_acts
@recent_authentication_required()
def signing_key_retire(
    request: HttpRequest, application_id: uuid.UUID, signing_key_id: uuid.UUID
) -> HttpResponse:
    key = signing_key_for(request.user, application_id, signing_key_id)
    return _ask_first(
        request,
        key.application,
        lambda: signing_keys.retire_signing_key(signing_key=key, actor=actor_of(request)),
        done="The old key is published no longer.",
        heading="Retire old key",
        explanation="The old key is published no longer. It has not signed since it was replaced; programs that know the "
        "current key notice nothing.",
        button="Retire old key",
    )


def _ask_first(
    request: HttpRequest,
    application: Application,
    verb: Callable[[], object],
    *,
    done: str,
    heading: str,
    explanation: str,
    button: str,
) -> HttpResponse:
    question = Question(
        heading=heading, explanation=explanation, button=button, cancel_url=_url(application)
    )
    trail = (("Settings", reverse("application-settings", args=[application.pk])),)
    return ask_first(
        request, application, question, verb, done=done, section="settings", trail=trail
    )


def _url(application: Application) -> str:
    return reverse("application-settings", args=[application.pk]) + "#signing-keys"
