"""What happened in an application, and in a whole team, newest first."""

import uuid

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Right, team_for
from accounts.events import record_in_team
from accounts.pages import actor_of
from accounts.reauthentication import recent_authentication_required
from licensing import exports
from licensing.access import application_for
from licensing.event_log import find_events, with_places
from licensing.events import history_of
from licensing.forms.events import EventFilterForm
from licensing.paging import page_of
from licensing.views.pages import download, license_asked_for, show


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


@require_safe
def team_events(request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
    """A team's whole log: its people, and everything that it owns."""
    team = team_for(request.user, team_id, Right.MANAGE_TEAM)
    form = EventFilterForm(request.GET, team=team)
    search = form.search()
    return show(
        request,
        "licensing/team_events.html",
        section="teams",
        team=team,
        crumbs=[
            ("Teams", reverse("teams")),
            (team.name, reverse("team", args=[team.pk])),
            ("Events", ""),
        ],
        form=form,
        search=search,
        page=page_of(find_events(team, search), request.GET),
    )


@require_POST
@recent_authentication_required()
def team_events_export(request: HttpRequest, team_id: uuid.UUID) -> StreamingHttpResponse:
    """The log as it is filtered, as CSV. It takes personal data away, so it is an act, and recorded."""
    team = team_for(request.user, team_id, Right.MANAGE_TEAM)
    search = EventFilterForm(request.GET, team=team).search()
    record_in_team(
        "events.exported", team=team, target=team, label=team.name, actor=actor_of(request)
    )
    found = with_places(find_events(team, search))
    return download(exports.events_csv(found), f"events-{timezone.now():%Y-%m-%d}.csv", "text/csv")
