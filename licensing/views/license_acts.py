"""What is done to one license: suspend, restore, revoke, extend. Each asks first."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import Right
from accounts.pages import Question, act, actor_of, reads_or_acts, refusals_shown_in
from licensing import licenses
from licensing.access import license_for
from licensing.events import forget_customer
from licensing.forms import EndForm
from licensing.views.licenses import license_trail
from licensing.views.pages import ask, show


@reads_or_acts
def license_suspend(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    back = license.get_absolute_url()
    if request.method == "POST":
        return act(
            request,
            lambda: licenses.suspend_license(license=license, actor=actor_of(request)),
            done=f"License {license} is suspended: programs are refused from their next call on.",
            back=back,
        )
    question = Question(
        heading="Suspend license",
        explanation=f"Every program that uses license {license} is refused from its next call on, until you restore the "
        "license. Its devices stay bound and its end does not move.",
        button="Suspend license",
        cancel_url=back,
    )
    return ask(
        request, license.application, question, section="licenses", trail=license_trail(license)
    )


@reads_or_acts
def license_restore(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    back = license.get_absolute_url()
    if request.method == "POST":
        return act(
            request,
            lambda: licenses.restore_license(license=license, actor=actor_of(request)),
            done=f"License {license} is active.",
            back=back,
        )
    question = Question(
        heading="Restore license",
        explanation=f"License {license} works again from the next call on, on the devices that it is bound to.",
        button="Restore license",
        cancel_url=back,
        danger=False,
    )
    return ask(
        request, license.application, question, section="licenses", trail=license_trail(license)
    )


@reads_or_acts
def license_revoke(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    back = license.get_absolute_url()
    if request.method == "POST":
        return act(
            request,
            lambda: licenses.revoke_license(
                license=license, actor=actor_of(request), now=timezone.now()
            ),
            done=f"License {license} is revoked and its sessions have ended.",
            back=back,
        )
    question = Question(
        heading="Revoke license",
        explanation=f"License {license} is taken back for good: its open sessions end now, and it can never be used or "
        "restored again. To refuse it for a while only, suspend it instead.",
        button="Revoke for good",
        cancel_url=back,
    )
    return ask(
        request, license.application, question, section="licenses", trail=license_trail(license)
    )


@reads_or_acts
def license_extend(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    now = timezone.now()
    form = EndForm(request.POST or None, license=license, now=now)
    if form.is_valid():
        with refusals_shown_in(form):
            licenses.extend_license(
                license=license, expires_at=form.expires_at(), actor=actor_of(request), now=now
            )
            messages.success(request, f"License {license} has its new end.")
            return redirect(license)
    return show(
        request,
        "licensing/license_extend.html",
        license.application,
        section="licenses",
        trail=(*license_trail(license), ("Change the end", "")),
        now=now,
        license=license,
        form=form,
    )


@reads_or_acts
def license_forget(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_SETTINGS)
    back = license.get_absolute_url()
    if request.method == "POST":
        return act(
            request,
            lambda: forget_customer(license=license, actor=actor_of(request)),
            done=f"The history of license {license} tells nothing of its customer any more.",
            back=back,
        )
    question = Question(
        heading="Erase the customer from the history",
        explanation="The events of this license stay, but names, email addresses, notes, metadata and network addresses in them "
        "are erased for good. What is written on the license itself stays: change that first.",
        button="Erase",
        cancel_url=back,
    )
    return ask(
        request, license.application, question, section="licenses", trail=license_trail(license)
    )
