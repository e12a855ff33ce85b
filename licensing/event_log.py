"""A team's log: what a search finds in it, newest first."""

import dataclasses
import datetime as dt
import functools
import operator
import uuid

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.ids import lowest_id_at
from accounts.models import Event, EventLink, Team
from licensing.events import with_licenses
from licensing.models import Application

# What an action begins with, by what people look for.
KINDS = {
    "people": ("team.", "member.", "invitation.", "events."),
    "applications": ("application.", "policy.", "entitlement.", "variable.", "access_rule."),
    "keys": ("api_key.", "signing_key.", "token.", "webhook_endpoint."),
    "licenses": ("license.", "licenses.", "usage."),
    "devices": ("device.", "session."),
}
# Ids tell the time as well, by the clocks of our own machines: what is far from the days wanted need not be read.
_CLOCKS_DIFFER = dt.timedelta(hours=1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for; what is empty asks for nothing. Days are those of UTC, the last one included."""

    kind: str = ""
    application_id: uuid.UUID | None = None
    # A member's id, or a kind of actor.
    actor: str = ""
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in dataclasses.fields(self))


def find_events(team: Team, search: Search) -> QuerySet[Event]:
    """Return events as pages show them, with `license_last5` and `application_name` where those are still there."""
    found = Event.objects.filter(_of(search), team_id=team.pk)
    if search.application_id:
        found = found.filter(application_id=search.application_id)
    if search.first_day:
        start = _start_of(search.first_day)
        found = found.filter(created_at__gte=start, pk__gte=lowest_id_at(start - _CLOCKS_DIFFER))
    if search.last_day:
        end = _start_of(search.last_day) + dt.timedelta(days=1)
        found = found.filter(created_at__lt=end, pk__lt=lowest_id_at(end + _CLOCKS_DIFFER))
    application = Application.objects.filter(pk=OuterRef("application_id"))
    return with_licenses(found.with_persons()).annotate(
        application_name=Subquery(application.values("name"))
    )


def with_places(events: QuerySet[Event]) -> QuerySet[Event]:
    """Tell with each event its place in the chain as `number` and `hash`, by which verify_audit knows it."""
    link = EventLink.objects.filter(event_id=OuterRef("pk"))
    return events.annotate(
        number=Subquery(link.values("number")), hash=Subquery(link.values("hash"))
    )


def _of(search: Search) -> Q:
    kinds = KINDS.get(search.kind, ())
    wanted = functools.reduce(operator.or_, (Q(action__startswith=kind) for kind in kinds), Q())
    if search.actor in Event.ActorKind.values:
        return wanted & Q(actor_kind=search.actor)
    return wanted & Q(actor_id=search.actor) if search.actor else wanted


def _start_of(day: dt.date) -> dt.datetime:
    # Far enough from both ends of the calendar to add and take away from.
    day = min(max(day, dt.date(1970, 1, 2)), dt.date(9000, 1, 1))
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
