"""What happened in an application, newest first."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from licensing.access import application_for
from licensing.events import history_of
from licensing.paging import page_of
from licensing.views.pages import license_asked_for, show


@require_safe
def events(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    license = license_asked_for(request, application)
    return show(
        request,
        "licensing/events.html",
        application,
        section="events",
        trail=(("Events", ""),),
        license=license,
        page=page_of(history_of(license or application), request.GET),
    )
