"""What is done to one license: suspend, restore, revoke, reinstate, renew, convert, transfer, extend. Each asks first."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.access import Right
from accounts.pages import Question, actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import licenses, renewals, transfers, trials
from licensing.access import license_for
from licensing.events import forget_customer
from licensing.forms.license_acts import (
    ConvertForm,
    EndForm,
    RenewForm,
    RevokeForm,
    TransferForm,
)
from licensing.models import License
from licensing.templatetags.dashboard import duration
from licensing.views.licenses import license_trail
from licensing.views.pages import ask, ask_first, show


@reads_or_acts
def license_suspend(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    question = Question(
        heading="Suspend license",
        explanation=f"Every program that uses license {license} is refused from its next call on, until you restore the "
        f"license. Its devices stay bound. {_about_its_time(license)}",
        button="Suspend license",
        cancel_url=license.get_absolute_url(),
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: licenses.suspend_license(license=license, actor=actor_of(request)),
        done=f"License {license} is suspended: programs are refused from their next call on.",
    )


@reads_or_acts
def license_restore(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    question = Question(
        heading="Restore license",
        explanation=f"License {license} works again from the next call on, on the devices that it is bound to.",
        button="Restore license",
        cancel_url=license.get_absolute_url(),
        danger=False,
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: licenses.restore_license(license=license, actor=actor_of(request)),
        done=f"License {license} is active.",
    )


@reads_or_acts
def license_revoke(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    form = RevokeForm(request.POST if request.method == "POST" else None)
    question = Question(
        heading="Revoke license",
        explanation=f"License {license} is taken back: its open sessions end now, and no program is let in with it. Only "
        "reinstating it brings it back. To refuse it for a while, suspend it instead.",
        button="Revoke license",
        cancel_url=license.get_absolute_url(),
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: licenses.revoke_license(
            license=license,
            reason=form.cleaned_data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        ),
        done=f"License {license} is revoked and its sessions have ended.",
        form=form,
    )


@reads_or_acts
def license_reinstate(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    question = Question(
        heading="Reinstate license",
        explanation=f"License {license} was revoked. It becomes active again, on the devices that it is bound to; its sessions stay "
        "ended, so programs start anew. Its end is the one that it had.",
        button="Reinstate license",
        cancel_url=license.get_absolute_url(),
        danger=False,
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: licenses.reinstate_license(license=license, actor=actor_of(request)),
        done=f"License {license} is active again.",
    )


@reads_or_acts
def license_renew(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    seen_end = license.expires_at.isoformat() if license.expires_at else ""
    form = RenewForm(request.POST or None, initial={"seen_end": seen_end})
    policy = license.policy
    question = Question(
        heading="Renew license",
        explanation=f"License {license} is good for another {duration(policy.duration_seconds)}, counted as its policy says: "
        f"{policy.get_renewal_display().lower()}.",
        button="Renew license",
        cancel_url=license.get_absolute_url(),
        danger=False,
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: renewals.renew_license(
            license=license, actor=actor_of(request), now=timezone.now(), **form.cleaned_data
        ),
        done=f"License {license} is renewed.",
        form=form,
    )


@reads_or_acts
def license_convert(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    form = ConvertForm(request.POST or None, application=license.application)
    question = Question(
        heading="Convert trial",
        explanation=f"License {license} follows the policy that you choose from now on, and its time starts anew. Key, devices and "
        "sessions stay as they are.",
        button="Convert trial",
        cancel_url=license.get_absolute_url(),
        danger=False,
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: renewals.convert_trial(
            license=license,
            policy=form.cleaned_data["policy"],
            actor=actor_of(request),
            now=timezone.now(),
        ),
        done=f"License {license} is no trial any more. Its key stays the same.",
        form=form,
    )


@reads_or_acts
def license_transfer(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    back = license.get_absolute_url()
    form = TransferForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_shown_in(form):
            transfers.transfer_license(
                license=license, actor=actor_of(request), now=timezone.now(), **form.cleaned_data
            )
            messages.success(request, f"License {license} is the new customer's.")
            return redirect(back)
    question = Question(
        heading="Transfer license",
        explanation=f"License {license} goes to another customer: its open sessions end now and its devices are released; one that "
        "may run on under a license file keeps its place until the file ends. Key, policy, end and entitlements stay. Whoever "
        "knows the key can still use it: issue another license where the customer before shall not.",
        button="Transfer license",
        cancel_url=back,
    )
    trail = license_trail(license)
    return ask(request, license.application, question, section="licenses", trail=trail, form=form)


@reads_or_acts
def license_reset_trial(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    question = Question(
        heading="Forget trials",
        explanation=f"Devices that had their trial with license {license} may have another one, with another license. This one stays "
        "as it is.",
        button="Forget trials",
        cancel_url=license.get_absolute_url(),
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: trials.reset_trial(license=license, actor=actor_of(request)),
        done=f"Devices that had their trial with license {license} may try once more.",
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
@recent_authentication_required()
def license_forget(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_SETTINGS)
    question = Question(
        heading="Erase the customer from the history",
        explanation="The events of this license stay, but names, email addresses, notes, metadata and network addresses in them "
        "are erased for good. What is written on the license itself stays: change that first.",
        button="Erase",
        cancel_url=license.get_absolute_url(),
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: forget_customer(license=license, actor=actor_of(request)),
        done=f"The history of license {license} tells nothing of its customer any more.",
    )


@reads_or_acts
@recent_authentication_required()
def license_delete(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    question = Question(
        heading="Delete license",
        explanation=f"License {license} disappears with its devices and sessions, and its events tell of its customer no more. "
        "Only a revoked license can be deleted, and it does not come back.",
        button="Delete license",
        cancel_url=license.get_absolute_url(),
    )
    return _ask_first(
        request,
        license,
        question,
        lambda: licenses.delete_license(license=license, actor=actor_of(request)),
        done=f"License {license} is deleted.",
        back=reverse("licenses", args=[application_id]),
    )


def _ask_first(
    request: HttpRequest,
    license: License,
    question: Question,
    verb: Callable[[], object],
    **more: Any,
) -> HttpResponse:
    trail = license_trail(license)
    return ask_first(
        request, license.application, question, verb, section="licenses", trail=trail, **more
    )


def _about_its_time(license: License) -> str:
    if license.policy.suspension_freezes_time:
        return "Its time stands still, and is given back when you restore it."
    return "Its end does not move."
