"""Entitlements of an application: listed, named, described and deleted."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.ids import uuid7
from accounts.pages import Question, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import entitlements
from licensing.access import application_for, entitlement_for
from licensing.forms.entitlements import DescriptionForm, EntitlementForm
from licensing.models import Application, Entitlement
from licensing.views.pages import Crumb, ask_first, show


@require_safe
def entitlements_list(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    return show(
        request,
        "licensing/entitlements.html",
        application,
        section="entitlements",
        trail=(("Entitlements", ""),),
        entitlements=application.entitlements.all(),
    )


@reads_or_acts
def entitlement_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    form = EntitlementForm(request.POST or None, initial={"id": uuid7()})
    if form.is_valid():
        with refusals_shown_in(form):
            entitlement = entitlements.create_entitlement(
                application=application, actor=actor_of(request), **form.cleaned_data
            )
            messages.success(
                request, f"“{entitlement}” is named. Say in your policies how much of it there is."
            )
            return redirect(_list_url(application))
    return show(
        request,
        "licensing/entitlement_edit.html",
        application,
        section="entitlements",
        trail=(_crumb(application), ("New entitlement", "")),
        form=form,
    )


@reads_or_acts
def entitlement(
    request: HttpRequest, application_id: uuid.UUID, entitlement_id: uuid.UUID
) -> HttpResponse:
    entitlement = entitlement_for(
        request.user, application_id, entitlement_id, Right.MANAGE_SETTINGS
    )
    form = DescriptionForm(request.POST or None, initial={"description": entitlement.description})
    if form.is_valid():
        entitlements.describe_entitlement(
            entitlement=entitlement,
            description=form.cleaned_data["description"],
            actor=actor_of(request),
        )
        messages.success(request, f"“{entitlement}” is saved.")
        return redirect(_list_url(entitlement.application))
    return show(
        request,
        "licensing/entitlement_edit.html",
        entitlement.application,
        section="entitlements",
        trail=(_crumb(entitlement.application), (entitlement.name, "")),
        entitlement=entitlement,
        form=form,
    )


@reads_or_acts
@recent_authentication_required()
def entitlement_delete(
    request: HttpRequest, application_id: uuid.UUID, entitlement_id: uuid.UUID
) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    try:
        entitlement = entitlement_for(
            request.user, application_id, entitlement_id, Right.MANAGE_SETTINGS
        )
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button: what it asks for has been done.
        return redirect(_list_url(application))
    question = Question(
        heading="Delete entitlement",
        explanation=f"“{entitlement}” is taken out of every policy and license, and all counts of its use are deleted. Programs that "
        "ask for it find that their license does not have it. This cannot be undone.",
        button="Delete entitlement",
        cancel_url=_list_url(application),
    )
    trail = (_crumb(application), _link(entitlement))
    return ask_first(
        request,
        application,
        question,
        lambda: entitlements.delete_entitlement(entitlement=entitlement, actor=actor_of(request)),
        done=f"“{entitlement}” is deleted.",
        section="entitlements",
        trail=trail,
    )


def _list_url(application: Application) -> str:
    return reverse("entitlements", args=[application.pk])


def _crumb(application: Application) -> Crumb:
    return "Entitlements", _list_url(application)


def _link(entitlement: Entitlement) -> Crumb:
    return entitlement.name, entitlement.get_absolute_url()
