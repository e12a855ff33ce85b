"""The sessions of an application, and ending one."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.pages import Question, actor_of, reads_or_acts
from licensing.access import application_for, session_for
from licensing.paging import page_of
from licensing.sessions import end_session
from licensing.views.licenses import license_trail
from licensing.views.pages import ask_first, license_asked_for, show

_TABS = (("", "All"), ("open", "Open"))


@require_safe
def sessions(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    found, now = application.sessions.select_related("license", "device"), timezone.now()
    license = license_asked_for(request, application)
    if license:
        found = found.filter(license=license)
    if request.GET.get("state") == "open":
        found = found.open(now)
    return show(
        request,
        "licensing/sessions.html",
        application,
        section="sessions",
        trail=(("Sessions", ""),),
        now=now,
        license=license,
        tabs=_TABS,
        state=request.GET.get("state", ""),
        page=page_of(found, request.GET),
    )


@reads_or_acts
def session_end(
    request: HttpRequest, application_id: uuid.UUID, session_id: uuid.UUID
) -> HttpResponse:
    session = session_for(request.user, application_id, session_id, Right.MANAGE_LICENSES)
    license = session.license
    question = Question(
        heading="End session",
        explanation=f"The program that opened this session with license {license} learns it at its next heartbeat or "
        "validation. It may open a new session; to keep it out, suspend the license.",
        button="End session",
        cancel_url=license.get_absolute_url(),
    )
    return ask_first(
        request,
        session.application,
        question,
        lambda: end_session(session=session, actor=actor_of(request), now=timezone.now()),
        done="The session has ended.",
        section="sessions",
        trail=license_trail(license),
    )
