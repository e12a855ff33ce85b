"""Webhooks: an application's endpoints, what was sent to each, and everything that can be done about it."""

import contextlib
import datetime as dt
import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Right
from accounts.ciphers import UndecipherableError
from accounts.pages import Question, act, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import webhooks
from licensing.access import application_for, webhook_delivery_for, webhook_endpoint_for
from licensing.forms.webhooks import EndpointForm, NewEndpointForm, ReplayForm, RotateSecretForm
from licensing.models import Application, WebhookDelivery, WebhookEndpoint
from licensing.paging import page_of
from licensing.revealing import UNREADABLE
from licensing.views.pages import Crumb, ask, show


@require_safe
def webhooks_list(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    return show(
        request,
        "licensing/webhooks.html",
        application,
        section="settings",
        trail=(_settings(application), ("Webhooks", "")),
        endpoints=application.webhook_endpoints.all(),
    )


@reads_or_acts
@recent_authentication_required()
def webhook_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    form = NewEndpointForm(request.POST or None)
    if form.is_valid():
        with refusals_shown_in(form):
            endpoint = webhooks.create_endpoint(
                application=application, actor=actor_of(request), **form.cleaned_data
            )
            messages.success(request, "The endpoint is ready. Give its secret to your server.")
            return redirect(_url(endpoint))
    return _show_form(
        request, application, form, heading="New endpoint", back=_list_url(application)
    )


@require_safe
def webhook(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    return _show_endpoint(request, endpoint)


@reads_or_acts
@recent_authentication_required()
def webhook_edit(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    initial = {name: getattr(endpoint, name) for name in ("url", "description", "events")}
    form = EndpointForm(request.POST or None, initial=initial)
    if form.is_valid():
        with refusals_shown_in(form):
            webhooks.change_endpoint(
                endpoint=endpoint, actor=actor_of(request), **form.cleaned_data
            )
            messages.success(request, "The endpoint is saved.")
            return redirect(_url(endpoint))
    return _show_form(
        request,
        endpoint.application,
        form,
        heading="Change endpoint",
        back=_url(endpoint),
        trail=(str(endpoint), _url(endpoint)),
    )


@require_POST
@recent_authentication_required()
def webhook_reveal(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    try:
        secret = webhooks.reveal_secret(endpoint=endpoint, actor=actor_of(request))
    except UndecipherableError:
        secret = UNREADABLE
    # No redirect: the secret is in this answer alone.
    return _show_endpoint(request, endpoint, secret=secret)


@reads_or_acts
@recent_authentication_required()
def webhook_rotate(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    form = RotateSecretForm(
        request.POST or None, initial={"replaces": endpoint.secrets.current().get().pk}
    )
    if form.is_valid():
        with refusals_shown_in(form):
            webhooks.rotate_secret(
                endpoint=endpoint,
                overlap=form.overlap(),
                actor=actor_of(request),
                now=timezone.now(),
                replaces=form.cleaned_data["replaces"],
            )
            messages.success(request, "There is a new secret. Give it to your server.")
            return redirect(_url(endpoint))
    return _ask(
        request,
        endpoint,
        form=form,
        heading="Rotate secret",
        explanation="Every webhook is signed with a new secret and a new key pair from now on, and for a while with those of "
        "today as well: your server believes it as long as it knows either.",
        button="Rotate secret",
    )


@require_POST
def webhook_test(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    return act(
        request,
        lambda: webhooks.send_test(endpoint=endpoint, actor=actor_of(request), now=timezone.now()),
        done="A test event is on its way. Reload this page to see what came back.",
        back=_url(endpoint),
    )


@require_POST
def webhook_pause(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    return act(
        request,
        lambda: webhooks.pause_endpoint(endpoint=endpoint, actor=actor_of(request)),
        done="Nothing is sent to this endpoint until you enable it again. Events wait.",
        back=_url(endpoint),
    )


@require_POST
def webhook_enable(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    return act(
        request,
        lambda: webhooks.enable_endpoint(endpoint=endpoint, actor=actor_of(request)),
        done="The endpoint is enabled, and what waited for it is sent.",
        back=_url(endpoint),
    )


@reads_or_acts
@recent_authentication_required()
def webhook_delete(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    if request.method == "POST":
        return act(
            request,
            lambda: webhooks.delete_endpoint(endpoint=endpoint, actor=actor_of(request)),
            done="The endpoint is deleted.",
            back=_list_url(endpoint.application),
        )
    return _ask(
        request,
        endpoint,
        heading="Delete endpoint",
        explanation="Nothing is sent to it any more. Its secrets, and all that was kept of what was sent, are deleted.",
        button="Delete endpoint",
    )


@reads_or_acts
def webhook_replay(
    request: HttpRequest, application_id: uuid.UUID, endpoint_id: uuid.UUID
) -> HttpResponse:
    endpoint = webhook_endpoint_for(request.user, application_id, endpoint_id)
    now = timezone.now()
    initial = {"since": now - dt.timedelta(days=1), "until": now + dt.timedelta(minutes=1)}
    form = ReplayForm(request.POST or None, initial=initial)
    if form.is_valid():
        with refusals_shown_in(form):
            count = webhooks.replay_range(
                endpoint=endpoint, actor=actor_of(request), now=now, **form.cleaned_data
            )
            messages.success(request, f"Events that are sent once more: {count}.")
            return redirect(_url(endpoint))
    return _ask(
        request,
        endpoint,
        form=form,
        heading="Send a range again",
        explanation="Everything that happened in that time and that the endpoint asks for is sent once more, with the same ids, "
        "whether it arrived or not.",
        button="Send again",
    )


@require_safe
def webhook_attempts(
    request: HttpRequest,
    application_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    delivery_id: uuid.UUID,
) -> HttpResponse:
    delivery = webhook_delivery_for(request.user, application_id, delivery_id, endpoint_id)
    endpoint = delivery.endpoint
    attempts = delivery.attempts.order_by("-id")[:50]
    return show(
        request,
        "licensing/webhook_delivery.html",
        endpoint.application,
        section="settings",
        trail=(
            *_trail(endpoint.application),
            (str(endpoint), _url(endpoint)),
            (delivery.action, ""),
        ),
        endpoint=endpoint,
        delivery=delivery,
        attempts=[(attempt, _sent(attempt), _answered(attempt)) for attempt in attempts],
    )


@require_POST
def webhook_delivery_replay(
    request: HttpRequest,
    application_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    delivery_id: uuid.UUID,
) -> HttpResponse:
    delivery = webhook_delivery_for(request.user, application_id, delivery_id, endpoint_id)
    return act(
        request,
        lambda: webhooks.replay(delivery=delivery, actor=actor_of(request), now=timezone.now()),
        done="The event is sent once more.",
        back=reverse("webhook-delivery", args=[application_id, endpoint_id, delivery_id]),
    )


def _show_endpoint(request: HttpRequest, endpoint: WebhookEndpoint, **context: Any) -> HttpResponse:
    found = WebhookDelivery.objects.filter(endpoint=endpoint)
    return show(
        request,
        "licensing/webhook.html",
        endpoint.application,
        section="settings",
        trail=(*_trail(endpoint.application), (str(endpoint), "")),
        endpoint=endpoint,
        secrets=endpoint.secrets.usable(timezone.now()),
        page=page_of(found, request.GET),
        **context,
    )


def _show_form(
    request: HttpRequest,
    application: Application,
    form: EndpointForm,
    *,
    heading: str,
    back: str,
    trail: Crumb | None = None,
) -> HttpResponse:
    crumbs = (*_trail(application), *([trail] if trail else []), (heading, ""))
    return show(
        request,
        "licensing/webhook_edit.html",
        application,
        section="settings",
        trail=crumbs,
        form=form,
        heading=heading,
        back=back,
    )


def _ask(
    request: HttpRequest,
    endpoint: WebhookEndpoint,
    *,
    heading: str,
    explanation: str,
    button: str,
    form: Any = None,
) -> HttpResponse:
    question = Question(
        heading=heading, explanation=explanation, button=button, cancel_url=_url(endpoint)
    )
    trail = (*_trail(endpoint.application), (str(endpoint), _url(endpoint)))
    return ask(request, endpoint.application, question, section="settings", trail=trail, form=form)


def _sent(attempt: Any) -> str:
    return _as_http(attempt.request_headers, attempt.request_body)


def _answered(attempt: Any) -> str:
    return _as_http(attempt.response_headers, attempt.response_body)


def _as_http(headers: dict[str, str], body: str) -> str:
    """Return headers and body as people read them, JSON with a line for each member."""
    with contextlib.suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\n".join([*lines, "", body]).strip()


def _url(endpoint: WebhookEndpoint) -> str:
    return reverse("webhook", args=[endpoint.application_id, endpoint.pk])


def _list_url(application: Application) -> str:
    return reverse("webhooks", args=[application.pk])


def _settings(application: Application) -> Crumb:
    return "Settings", reverse("application-settings", args=[application.pk])


def _trail(application: Application) -> tuple[Crumb, ...]:
    return _settings(application), ("Webhooks", _list_url(application))
