"""The audit log: `record` writes an event in the transaction of the act that it tells of."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection
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
    """Write one event; `before` and `after` hold only what changed, and never a secret.

    `personal` names what in them tells of a person, and `label` must not: the one can be erased, the other never.
    """
    with transaction.atomic(savepoint=False):
        event = Event.objects.create(
            **dataclasses.asdict(place),
            actor_kind=actor.kind,
            actor=actor.user,
            action=action,
            target_type=target._meta.model_name or "",
            target_id=target.pk,
            target_label=label[:150],
            before=_without(personal, before or {}),
            after=_without(personal, after or {}),
        )
        told = [
            EventDetail(
                event=event, about=_About.ACTOR, person=actor.user, facts=_of_the_actor(actor)
            ),
            EventDetail(
                event=event,
                about=_About.TARGET,
                person=target if isinstance(target, User) else None,
                facts=_of_the_target(personal, before or {}, after or {}),
            ),
        ]
        EventDetail.objects.bulk_create(detail for detail in told if detail.facts)
    return event


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
