"""Variables of an application: listed, written, changed, shown and deleted."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Right
from accounts.ciphers import UndecipherableError
from accounts.ids import uuid7
from accounts.pages import Question, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import variables
from licensing.access import application_for, variable_for
from licensing.forms.variables import VariableForm
from licensing.models import Application, Variable
from licensing.revealing import UNREADABLE
from licensing.views.pages import Crumb, ask_first, show


@require_safe
def variables_list(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    return show(
        request,
        "licensing/variables.html",
        application,
        section="variables",
        trail=(("Variables", ""),),
        variables=application.variables.select_related("entitlement"),
    )


@reads_or_acts
def variable_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    form = VariableForm(request.POST or None, application=application, initial={"id": uuid7()})
    if form.is_valid():
        with refusals_shown_in(form):
            variable = variables.create_variable(
                application=application,
                actor=actor_of(request),
                now=timezone.now(),
                **form.cleaned_data,
            )
            messages.success(request, f"“{variable}” is written. Programs can fetch it.")
            return redirect(_list_url(application))
    return show(
        request,
        "licensing/variable_edit.html",
        application,
        section="variables",
        trail=(_crumb(application), ("New variable", "")),
        form=form,
    )


@reads_or_acts
def variable(
    request: HttpRequest, application_id: uuid.UUID, variable_id: uuid.UUID
) -> HttpResponse:
    variable = variable_for(request.user, application_id, variable_id, Right.MANAGE_SETTINGS)
    form = _change_form(request, variable)
    if form.is_valid():
        with refusals_shown_in(form):
            variables.change_variable(
                variable=variable,
                value=form.cleaned_data["value"] or None,
                entitlement=form.cleaned_data["entitlement"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            messages.success(request, f"“{variable}” is saved.")
            return redirect(_list_url(variable.application))
    return _page(request, variable, form)


@require_POST
@recent_authentication_required()
def variable_reveal(
    request: HttpRequest, application_id: uuid.UUID, variable_id: uuid.UUID
) -> HttpResponse:
    variable = variable_for(request.user, application_id, variable_id, Right.SEE_KEYS)
    try:
        value = variables.reveal_variable(variable=variable, actor=actor_of(request))
    except UndecipherableError:
        value = UNREADABLE
    form = VariableForm(application=variable.application, variable=variable)
    return _page(request, variable, form, value)


@reads_or_acts
@recent_authentication_required()
def variable_delete(
    request: HttpRequest, application_id: uuid.UUID, variable_id: uuid.UUID
) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    try:
        variable = variable_for(request.user, application_id, variable_id, Right.MANAGE_SETTINGS)
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button: what it asks for has been done.
        return redirect(_list_url(application))
    question = Question(
        heading="Delete variable",
        explanation=f"Programs that ask for “{variable}” are told that there is none, from their next call on. Its value is gone "
        "for good.",
        button="Delete variable",
        cancel_url=_list_url(application),
    )
    trail = (_crumb(application), (variable.name, variable.get_absolute_url()))
    return ask_first(
        request,
        application,
        question,
        lambda: variables.delete_variable(variable=variable, actor=actor_of(request)),
        done=f"“{variable}” is deleted.",
        section="variables",
        trail=trail,
    )


def _change_form(request: HttpRequest, variable: Variable) -> VariableForm:
    return VariableForm(request.POST or None, application=variable.application, variable=variable)


def _page(
    request: HttpRequest, variable: Variable, form: VariableForm, value: str = ""
) -> HttpResponse:
    return show(
        request,
        "licensing/variable_edit.html",
        variable.application,
        section="variables",
        trail=(_crumb(variable.application), (variable.name, "")),
        variable=variable,
        value=value,
        form=form,
    )


def _list_url(application: Application) -> str:
    return reverse("variables", args=[application.pk])


def _crumb(application: Application) -> Crumb:
    return "Variables", _list_url(application)
