"""Policies: the rules that licenses follow."""

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
from licensing import policies
from licensing.access import application_for, policy_for
from licensing.forms.policies import PolicyForm
from licensing.grants import grants_of_policy
from licensing.models import Application, Policy
from licensing.paging import page_of
from licensing.views.pages import Crumb, ask_first, show

_FRESH_RULES = policies.Rules(name="")


@require_safe
def policies_list(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    return show(
        request,
        "licensing/policies.html",
        application,
        section="policies",
        trail=(("Policies", ""),),
        page=page_of(application.policies.all(), request.GET),
    )


@reads_or_acts
def policy_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    initial = PolicyForm.initial_of(_FRESH_RULES) | {"id": uuid7()}
    form = PolicyForm(request.POST or None, initial=initial)
    if form.is_valid():
        with refusals_shown_in(form):
            policy = policies.create_policy(
                application=application,
                rules=form.rules(),
                actor=actor_of(request),
                id=form.cleaned_data["id"],
            )
            messages.success(request, f"Policy “{policy}” is ready.")
            return redirect(_list_url(application))
    return show(
        request,
        "licensing/policy_edit.html",
        application,
        section="policies",
        trail=(_crumb(application), ("New policy", "")),
        form=form,
    )


@require_safe
def policy(request: HttpRequest, application_id: uuid.UUID, policy_id: uuid.UUID) -> HttpResponse:
    policy = policy_for(request.user, application_id, policy_id)
    return show(
        request,
        "licensing/policy.html",
        policy.application,
        section="policies",
        trail=(_crumb(policy.application), (policy.name, "")),
        policy=policy,
        grants=grants_of_policy(policy),
    )


@reads_or_acts
def policy_edit(
    request: HttpRequest, application_id: uuid.UUID, policy_id: uuid.UUID
) -> HttpResponse:
    policy = policy_for(request.user, application_id, policy_id, Right.MANAGE_SETTINGS)
    form = PolicyForm(request.POST or None, initial=PolicyForm.initial_of(policy))
    if form.is_valid():
        with refusals_shown_in(form):
            policies.change_policy(policy=policy, rules=form.rules(), actor=actor_of(request))
            messages.success(request, f"Policy “{form.cleaned_data['name']}” is saved.")
            return redirect(policy)
    return show(
        request,
        "licensing/policy_edit.html",
        policy.application,
        section="policies",
        trail=(*policy_trail(policy), ("Edit", "")),
        policy=policy,
        form=form,
    )


@reads_or_acts
def policy_make_default(
    request: HttpRequest, application_id: uuid.UUID, policy_id: uuid.UUID
) -> HttpResponse:
    policy = policy_for(request.user, application_id, policy_id, Right.MANAGE_SETTINGS)
    question = Question(
        heading="Make default",
        explanation=f"New licenses get “{policy}” unless you choose another policy. Licenses of today keep theirs.",
        button="Make default",
        cancel_url=policy.get_absolute_url(),
        danger=False,
    )
    return ask_first(
        request,
        policy.application,
        question,
        lambda: policies.make_default_policy(policy=policy, actor=actor_of(request)),
        done=f"New licenses get “{policy}” unless you choose another policy.",
        section="policies",
        trail=policy_trail(policy),
    )


@reads_or_acts
@recent_authentication_required()
def policy_delete(
    request: HttpRequest, application_id: uuid.UUID, policy_id: uuid.UUID
) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    try:
        policy = policy_for(request.user, application_id, policy_id, Right.MANAGE_SETTINGS)
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button: what it asks for has been done.
        return redirect(_list_url(application))
    question = Question(
        heading="Delete policy",
        explanation=f"“{policy}” can no longer be chosen for new licenses. A policy that licenses follow cannot be deleted, "
        "nor can the default one.",
        button="Delete policy",
        cancel_url=policy.get_absolute_url(),
    )
    return ask_first(
        request,
        application,
        question,
        lambda: policies.delete_policy(policy=policy, actor=actor_of(request)),
        done=f"Policy “{policy}” is deleted.",
        section="policies",
        trail=policy_trail(policy),
        back=_list_url(application),
    )


def _list_url(application: Application) -> str:
    return reverse("policies", args=[application.pk])


def _crumb(application: Application) -> Crumb:
    return "Policies", _list_url(application)


def policy_trail(policy: Policy) -> tuple[Crumb, ...]:
    return _crumb(policy.application), (policy.name, policy.get_absolute_url())
