"""What happened in an application, newest first."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from licensing.access import application_for
from licensing.paging import page_of
from licensing.views.pages import license_asked_for, show


@require_safe
def events(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    found = application.events.select_related("actor", "license")
    license = license_asked_for(request, application)
    if license:
        found = found.filter(license=license)
    return show(
        request,
        "licensing/events.html",
        application,
        section="events",
        trail=(("Events", ""),),
        license=license,
        page=page_of(found, request.GET),
    )
