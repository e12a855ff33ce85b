"""The block list of an application and the allow list of a license: shown, added to, taken from."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.ids import uuid7
from accounts.pages import Question, act, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing.access import access_rule_for, application_for, device_for, license_for
from licensing.access_rules import block_device, create_rule, delete_rule
from licensing.forms.access_rules import AccessRuleForm
from licensing.models import AccessRule, Application, License
from licensing.paging import page_of
from licensing.views.licenses import license_trail
from licensing.views.pages import Crumb, ask, license_asked_for, show


@require_safe
def access_rules(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    license = license_asked_for(request, application)
    found = application.access_rules.filter(license=license)
    return show(
        request,
        "licensing/access_rules.html",
        application,
        section=_section(license),
        trail=(*license_trail(license), ("Allow list", "")) if license else (("Access", ""),),
        license=license,
        page=page_of(found, request.GET),
    )


@reads_or_acts
def access_rule_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_LICENSES)
    return _new(request, application, None)


@reads_or_acts
def license_access_rule_new(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    return _new(request, license.application, license)


@reads_or_acts
@recent_authentication_required()
def access_rule_delete(
    request: HttpRequest, application_id: uuid.UUID, rule_id: uuid.UUID
) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_LICENSES)
    try:
        rule = access_rule_for(request.user, application_id, rule_id, Right.MANAGE_LICENSES)
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button: what it asks for has been done.
        return redirect(_list_url(application, None))
    back = _list_url(application, rule.license)
    if request.method == "POST":
        return act(
            request,
            lambda: delete_rule(rule=rule, actor=actor_of(request)),
            done=f"The rule about {rule} is deleted.",
            back=back,
        )
    question = Question(
        heading="Delete access rule",
        explanation=f"The rule about {rule} counts no more, from the next call of a program on. {_what_then(rule)}",
        button="Delete rule",
        cancel_url=back,
    )
    return ask(
        request,
        application,
        question,
        section=_section(rule.license),
        trail=_trail(rule.license, application),
    )


@reads_or_acts
def device_block(
    request: HttpRequest, application_id: uuid.UUID, device_id: uuid.UUID
) -> HttpResponse:
    device = device_for(request.user, application_id, device_id, Right.MANAGE_LICENSES)
    back = device.license.get_absolute_url()
    if request.method == "POST":
        return act(
            request,
            lambda: block_device(device=device, actor=actor_of(request)),
            done=f"{device} is blocked: its programs are refused from their next call on.",
            back=back,
        )
    question = Question(
        heading=f"Block {device}",
        explanation="Programs on this device are refused from their next call on, with whatever license of this application, "
        "until you delete the rule under Access. The device keeps its place: release it to free that. A license file that it "
        "has counts on that machine until it ends.",
        button="Block device",
        cancel_url=back,
    )
    trail = license_trail(device.license)
    return ask(request, device.application, question, section="devices", trail=trail)


def _new(request: HttpRequest, application: Application, license: License | None) -> HttpResponse:
    form = AccessRuleForm(
        request.POST or None, of_a_license=license is not None, initial={"id": uuid7()}
    )
    if form.is_valid():
        with refusals_shown_in(form):
            rule = create_rule(
                application=application,
                license=license,
                actor=actor_of(request),
                **form.cleaned_data,
            )
            messages.success(request, f"The rule about {rule} counts from the next call on.")
            return redirect(_list_url(application, license))
    return show(
        request,
        "licensing/access_rule_new.html",
        application,
        section=_section(license),
        trail=(*_trail(license, application), ("New rule", "")),
        license=license,
        back=_list_url(application, license),
        form=form,
    )


def _what_then(rule: AccessRule) -> str:
    if rule.license_id is None:
        return "Whoever it kept out may come in again."
    return "Where it was the last of its kind, the license is for everybody again."


def _list_url(application: Application, license: License | None) -> str:
    if license is not None:
        return f"{license.get_absolute_url()}#access"
    return reverse("access-rules", args=[application.pk])


def _section(license: License | None) -> str:
    return "licenses" if license else "access-rules"


def _trail(license: License | None, application: Application) -> tuple[Crumb, ...]:
    return license_trail(license) if license else (("Access", _list_url(application, None)),)
