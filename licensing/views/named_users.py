"""The named users of an application's licenses, and removing one."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.pages import Question, act, actor_of, reads_or_acts
from licensing.access import application_for, named_user_for
from licensing.named_users import remove_user
from licensing.paging import page_of
from licensing.views.licenses import license_trail
from licensing.views.pages import ask, license_asked_for, show


@require_safe
def named_users(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    found = application.named_users.select_related("license")
    license = license_asked_for(request, application)
    if license:
        found = found.filter(license=license)
    return show(
        request,
        "licensing/named_users.html",
        application,
        section="licenses",
        trail=(("Named users", ""),),
        license=license,
        page=page_of(found, request.GET),
    )


@reads_or_acts
def named_user_remove(
    request: HttpRequest, application_id: uuid.UUID, user_id: uuid.UUID
) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_LICENSES)
    try:
        user = named_user_for(request.user, application_id, user_id, Right.MANAGE_LICENSES)
    except Http404:
        if request.method != "POST":
            raise
        # The second press of the button: what it asks for has been done.
        return redirect(reverse("named-users", args=[application.pk]))
    back = user.license.get_absolute_url()
    if request.method == "POST":
        return act(
            request,
            lambda: remove_user(user=user, actor=actor_of(request), now=timezone.now()),
            done="The user is removed: the place is free.",
            back=back,
        )
    question = Question(
        heading="Remove user",
        explanation=f"“{user}” gives up the place on license {user.license}, and their sessions end now. Whoever comes next is "
        "named in their place; they can be it themselves, if they come first.",
        button="Remove user",
        cancel_url=back,
    )
    return ask(
        request, application, question, section="licenses", trail=license_trail(user.license)
    )
