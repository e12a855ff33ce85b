"""The audit log: `record` writes an event in the transaction of the act that it tells of."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db import models, transaction

from accounts.models import Event, EventDetail, Team, User

Facts = dict[str, Any]
_About = EventDetail.About


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: a signed-in user, a customer's program, a management token, or the system itself."""

    kind: Event.ActorKind
    user: User | None = None
    ip_address: str | None = None
    token_id: uuid.UUID | None = None
    token_name: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Which log an event belongs to: always a team's, and often one application's and one license's."""

    team_id: uuid.UUID
    application_id: uuid.UUID | None = None
    license_id: uuid.UUID | None = None


SYSTEM = Actor(Event.ActorKind.SYSTEM)


def user_actor(user: User, ip_address: str | None = None) -> Actor:
    return Actor(Event.ActorKind.USER, user, ip_address)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What one event tells; `before` and `after` hold only what changed, and never a secret.

    `personal` names what in them tells of a person, and `label` must not: the one can be erased, the other never.
    """

    action: str
    place: Place
    target: models.Model
    label: str = ""
    before: Facts = dataclasses.field(default_factory=dict)
    after: Facts = dataclasses.field(default_factory=dict)
    personal: Collection[str] = ()


def record(
    action: str,
    *,
    place: Place,
    target: models.Model,
    label: str = "",
    actor: Actor,
    before: Facts | None = None,
    after: Facts | None = None,
    personal: Collection[str] = (),
) -> Event:
    """Write one event."""
    deed = Deed(
        action=action,
        place=place,
        target=target,
        label=label,
        before=before or {},
        after=after or {},
        personal=personal,
    )
    [event] = record_all([deed], actor=actor)
    return event


def record_all(deeds: Iterable[Deed], *, actor: Actor) -> list[Event]:
    """Write an event for each deed, in their order: two statements, however many they are."""
    deeds = list(deeds)
    with transaction.atomic(savepoint=False):
        events = Event.objects.bulk_create(_event(deed, actor) for deed in deeds)
        told = [
            detail
            for event, deed in zip(events, deeds, strict=True)
            for detail in _details(event, deed, actor)
        ]
        EventDetail.objects.bulk_create(told)
    return events


def record_in_team(
    action: str,
    *,
    team: Team,
    target: models.Model,
    label: str = "",
    actor: Actor,
    before: Facts | None = None,
    after: Facts | None = None,
) -> Event:
    """Write one event of a team itself, its people and their roles; names and addresses of people are personal."""
    return record(
        action,
        place=Place(team.pk),
        target=target,
        label=label,
        actor=actor,
        before=before,
        after=after,
        personal=("email", "name") if not isinstance(target, Team) else (),
    )


def _event(deed: Deed, actor: Actor) -> Event:
    return Event(
        **dataclasses.asdict(deed.place),
        actor_kind=actor.kind,
        actor=actor.user,
        action=deed.action,
        target_type=deed.target._meta.model_name or "",
        target_id=deed.target.pk,
        target_label=deed.label[:150],
        before=_without(deed.personal, deed.before),
        after=_without(deed.personal, deed.after),
    )


def _details(event: Event, deed: Deed, actor: Actor) -> Iterator[EventDetail]:
    if of_the_actor := _of_the_actor(actor):
        yield EventDetail(event=event, about=_About.ACTOR, person=actor.user, facts=of_the_actor)
    if of_the_target := _of_the_target(deed.personal, deed.before, deed.after):
        person = deed.target if isinstance(deed.target, User) else None
        yield EventDetail(event=event, about=_About.TARGET, person=person, facts=of_the_target)


def _of_the_actor(actor: Actor) -> Facts:
    facts = {
        "email": actor.user.email if actor.user else None,
        "ip_address": actor.ip_address,
        "token": str(actor.token_id) if actor.token_id else None,
        "token_name": actor.token_name,
    }
    return {name: value for name, value in facts.items() if value}


def _of_the_target(personal: Collection[str], before: Facts, after: Facts) -> Facts:
    facts = {"before": _only(personal, before), "after": _only(personal, after)}
    return {name: value for name, value in facts.items() if value}


def _only(names: Collection[str], facts: Facts) -> Facts:
    return {name: _plain(value) for name, value in facts.items() if name in names}


def _without(names: Collection[str], facts: Facts) -> Facts:
    return {name: _plain(value) for name, value in facts.items() if name not in names}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    return value
