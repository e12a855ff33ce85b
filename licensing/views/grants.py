"""How much of an entitlement a policy or a license has, and how much a license has used."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import Right
from accounts.pages import Question, actor_of, reads_or_acts, refusals_shown_in
from licensing import entitlements
from licensing.access import entitlement_for, license_for, policy_for
from licensing.forms.entitlements import GrantForm, UsageForm
from licensing.models import Entitlement, License, Policy
from licensing.views.licenses import license_trail
from licensing.views.pages import ask_first, show
from licensing.views.policies import policy_trail


@reads_or_acts
def policy_entitlement(
    request: HttpRequest, application_id: uuid.UUID, policy_id: uuid.UUID, entitlement_id: uuid.UUID
) -> HttpResponse:
    policy = policy_for(request.user, application_id, policy_id, Right.MANAGE_SETTINGS)
    entitlement = entitlement_for(request.user, application_id, entitlement_id)
    word = policy.entitlements.filter(entitlement=entitlement).first()
    form = GrantForm(
        request.POST or None, entitlement=entitlement, initial=GrantForm.initial_of(word)
    )
    if form.is_valid():
        with refusals_shown_in(form):
            entitlements.grant_to_policy(
                policy=policy, entitlement=entitlement, actor=actor_of(request), **form.word()
            )
            messages.success(request, f"“{entitlement}” of policy “{policy}” is saved.")
            return redirect(_place(policy))
    return _form(request, policy, entitlement, form, heading=entitlement.name, word=word)


@reads_or_acts
def policy_entitlement_remove(
    request: HttpRequest, application_id: uuid.UUID, policy_id: uuid.UUID, entitlement_id: uuid.UUID
) -> HttpResponse:
    policy = policy_for(request.user, application_id, policy_id, Right.MANAGE_SETTINGS)
    entitlement = entitlement_for(request.user, application_id, entitlement_id)
    question = Question(
        heading="Remove entitlement",
        explanation=f"Licenses of “{policy}” do not have “{entitlement}” from the next call of their programs on, unless they say "
        "so themselves.",
        button="Remove",
        cancel_url=_place(policy),
    )
    return ask_first(
        request,
        policy.application,
        question,
        lambda: entitlements.take_from_policy(
            policy=policy, entitlement=entitlement, actor=actor_of(request)
        ),
        done=f"Policy “{policy}” says nothing of “{entitlement}”.",
        section="policies",
        trail=policy_trail(policy),
    )


@reads_or_acts
def license_entitlement(
    request: HttpRequest,
    application_id: uuid.UUID,
    license_id: uuid.UUID,
    entitlement_id: uuid.UUID,
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    entitlement = entitlement_for(request.user, application_id, entitlement_id)
    word = license.entitlements.filter(entitlement=entitlement).first()
    form = GrantForm(
        request.POST or None, entitlement=entitlement, initial=GrantForm.initial_of(word)
    )
    if form.is_valid():
        with refusals_shown_in(form):
            entitlements.grant_to_license(
                license=license, entitlement=entitlement, actor=actor_of(request), **form.word()
            )
            messages.success(request, f"“{entitlement}” of license {license} is saved.")
            return redirect(_place(license))
    return _form(request, license, entitlement, form, heading=entitlement.name, word=word)


@reads_or_acts
def license_entitlement_remove(
    request: HttpRequest,
    application_id: uuid.UUID,
    license_id: uuid.UUID,
    entitlement_id: uuid.UUID,
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    entitlement = entitlement_for(request.user, application_id, entitlement_id)
    question = Question(
        heading="Back to the policy",
        explanation=f"License {license} has of “{entitlement}” what its policy says, from the next call of its programs on.",
        button="Use the policy’s",
        cancel_url=_place(license),
    )
    return ask_first(
        request,
        license.application,
        question,
        lambda: entitlements.take_from_license(
            license=license, entitlement=entitlement, actor=actor_of(request)
        ),
        done=f"License {license} has of “{entitlement}” what its policy says.",
        section="licenses",
        trail=license_trail(license),
    )


@reads_or_acts
def license_usage(
    request: HttpRequest,
    application_id: uuid.UUID,
    license_id: uuid.UUID,
    entitlement_id: uuid.UUID,
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    entitlement = entitlement_for(request.user, application_id, entitlement_id)
    now = timezone.now()
    running = license.usage.running(now).filter(entitlement=entitlement).first()
    form = UsageForm(request.POST or None, initial={"used": running.used if running else 0})
    if form.is_valid():
        with refusals_shown_in(form):
            entitlements.set_usage(
                license=license,
                entitlement=entitlement,
                used=form.cleaned_data["used"],
                actor=actor_of(request),
                now=now,
            )
            messages.success(request, f"The count of “{entitlement}” is set.")
            return redirect(_place(license))
    return _form(request, license, entitlement, form, heading=f"Set count of {entitlement}")


def _form(
    request: HttpRequest,
    owner: Policy | License,
    entitlement: Entitlement,
    form: forms.Form,
    *,
    heading: str,
    **context: Any,
) -> HttpResponse:
    of_a_policy = isinstance(owner, Policy)
    trail = policy_trail(owner) if isinstance(owner, Policy) else license_trail(owner)
    return show(
        request,
        "licensing/grant.html",
        owner.application,
        section="policies" if of_a_policy else "licenses",
        trail=(*trail, (heading, "")),
        heading=heading,
        whose=f"Policy “{owner}”" if of_a_policy else f"License {owner}",
        entitlement=entitlement,
        form=form,
        cancel_url=_place(owner),
        **context,
    )


def _place(owner: Policy | License) -> str:
    return f"{owner.get_absolute_url()}#entitlements"
