"""The audit log: `record` writes an event in the transaction of the act that it tells of."""

import dataclasses
import datetime as dt
import uuid
from typing import Any

from django.db import models

from accounts.models import User
from licensing.models import Application, Event, License


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: a signed-in user, a customer's program, or the system itself."""

    kind: Event.ActorKind
    user: User | None = None
    ip_address: str | None = None


SYSTEM = Actor(Event.ActorKind.SYSTEM)


def user_actor(user: User, ip_address: str | None = None) -> Actor:
    return Actor(Event.ActorKind.USER, user, ip_address)


def record(
    action: str,
    *,
    target: models.Model,
    actor: Actor,
    application: Application,
    license: License | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Event:
    """Write one event; `before` and `after` hold only what changed, and never a secret."""
    return Event.objects.create(
        application=application,
        license=license,
        actor_kind=actor.kind,
        actor=actor.user,
        ip_address=actor.ip_address,
        action=action,
        target_type=target._meta.model_name or "",
        target_id=target.pk,
        before=_as_json(before or {}),
        after=_as_json(after or {}),
    )


def _as_json(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in facts.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    return value
