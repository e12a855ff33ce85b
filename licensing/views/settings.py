"""An application's settings: its name, whether it answers, and its API keys."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import Right
from accounts.pages import Question, act, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import applications, signing_keys
from licensing.access import api_key_for, application_for
from licensing.forms.applications import RenameForm, RotateApiKeyForm
from licensing.models import Application
from licensing.views.pages import Crumb, ask, ask_first, show


@reads_or_acts
def application_settings(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    form = RenameForm(request.POST or None, initial={"name": application.name})
    if form.is_valid():
        with refusals_shown_in(form):
            applications.rename_application(
                application=application, name=form.cleaned_data["name"], actor=actor_of(request)
            )
            messages.success(request, "The name is saved.")
            return redirect(_url(application))
    now = timezone.now()
    return show(
        request,
        "licensing/settings.html",
        application,
        section="settings",
        trail=(("Settings", ""),),
        now=now,
        form=form,
        api_keys=application.api_keys.usable(now),
        signing_keys=signing_keys.in_order(application),
    )


@require_POST
def application_enable(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    return act(
        request,
        lambda: applications.enable_application(application=application, actor=actor_of(request)),
        done=f"{application} is enabled: its programs are let in again.",
        back=_url(application),
    )


@reads_or_acts
def application_disable(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    question = Question(
        heading="Disable application",
        explanation=f"Every call of every copy of {application} is refused from now on, for all customers, running sessions "
        "included. Nothing is deleted; you can enable it again at any time.",
        button="Disable application",
        cancel_url=_url(application),
    )
    return ask_first(
        request,
        application,
        question,
        lambda: applications.disable_application(application=application, actor=actor_of(request)),
        done=f"{application} is disabled: every call of its programs is refused.",
        section="settings",
        trail=_trail(application),
    )


@reads_or_acts
@recent_authentication_required()
def api_key_rotate(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.SEE_KEYS)
    initial = {"replaces": application.api_keys.current().get().pk}
    form = RotateApiKeyForm(request.POST or None, initial=initial)
    if form.is_valid():
        with refusals_shown_in(form):
            applications.rotate_api_key(
                application=application,
                overlap=form.overlap(),
                actor=actor_of(request),
                now=timezone.now(),
                replaces=form.cleaned_data["replaces"],
            )
            messages.success(request, "Your new API key is ready. Ship it with your next version.")
            return redirect(_url(application))
    question = Question(
        heading="Rotate API key",
        explanation="You get a new API key for your next version. Copies that are installed already know only the key of "
        "today: once that stops answering, they are refused until they are updated.",
        button="Rotate API key",
        cancel_url=_url(application),
    )
    return ask(
        request, application, question, section="settings", trail=_trail(application), form=form
    )


@reads_or_acts
@recent_authentication_required()
def api_key_retire(
    request: HttpRequest, application_id: uuid.UUID, api_key_id: uuid.UUID
) -> HttpResponse:
    api_key = api_key_for(request.user, application_id, api_key_id)
    application = api_key.application
    question = Question(
        heading="Retire old API key",
        explanation="The replaced key stops answering now, before its time. Copies of your program that still use it are "
        "refused until they are updated.",
        button="Retire now",
        cancel_url=_url(application),
    )
    return ask_first(
        request,
        application,
        question,
        lambda: applications.retire_api_key(
            api_key=api_key, actor=actor_of(request), now=timezone.now()
        ),
        done="The old API key no longer answers.",
        section="settings",
        trail=_trail(application),
    )


def _url(application: Application) -> str:
    return reverse("application-settings", args=[application.pk])


def _trail(application: Application) -> tuple[Crumb, ...]:
    return (("Settings", _url(application)),)
