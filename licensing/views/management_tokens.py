"""The management tokens that open an application to scripts: its own, and those of its whole team."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.pages import Question, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import management_tokens
from licensing.access import application_for, management_token_for, rights_in
from licensing.forms.tokens import TokenForm
from licensing.models import Application, ManagementToken
from licensing.paging import page_of
from licensing.views.pages import Crumb, ask_first, show


@require_safe
def tokens(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    found = ManagementToken.objects.reaching(application).with_makers()
    now = timezone.now()
    page = page_of(found, request.GET)
    return show(
        request,
        "licensing/tokens.html",
        application,
        section="settings",
        trail=(_settings(application), ("Management tokens", "")),
        now=now,
        page=page,
        tokens=[(token, token.state(now)) for token in page.rows],
    )


@reads_or_acts
@recent_authentication_required()
def token_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    rights = rights_in(request.user, application)
    form = TokenForm(request.POST or None, application=application, rights=rights)
    if form.is_valid():
        now = timezone.now()
        with refusals_shown_in(form):
            new = management_tokens.create_token(
                team=application.team,
                application=None if form.is_for_the_team() else application,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(now),
                actor=actor_of(request),
                now=now,
                id=form.cleaned_data["id"],
            )
            # No redirect: the text is nowhere but in this answer.
            return _show_new(request, application, "token_created", new=new)
    return _show_new(request, application, "token_new", form=form)


@reads_or_acts
def token_revoke(
    request: HttpRequest, application_id: uuid.UUID, token_id: uuid.UUID
) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    token = management_token_for(request.user, application_id, token_id)
    question = Question(
        heading="Revoke token",
        explanation=f"Every script that uses “{token}” is refused from its next call on. A revoked token does not come back; "
        "make another one for the scripts that you keep.",
        button="Revoke token",
        cancel_url=_url(application),
    )
    return ask_first(
        request,
        application,
        question,
        lambda: management_tokens.revoke_token(
            token=token, actor=actor_of(request), now=timezone.now()
        ),
        done=f"Token “{token}” opens nothing any more.",
        section="settings",
        trail=_trail(application),
    )


def _show_new(
    request: HttpRequest, application: Application, template: str, **context: object
) -> HttpResponse:
    return show(
        request,
        f"licensing/{template}.html",
        application,
        section="settings",
        trail=(*_trail(application), ("New token", "")),
        **context,
    )


def _url(application: Application) -> str:
    return reverse("tokens", args=[application.pk])


def _settings(application: Application) -> Crumb:
    return "Settings", reverse("application-settings", args=[application.pk])


def _trail(application: Application) -> tuple[Crumb, ...]:
    return _settings(application), ("Management tokens", _url(application))
