"""The audit log of what is licensed: an event knows its application, and its license where it has one."""

from typing import Any

from django.db import models, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts import events
from accounts.events import SYSTEM as SYSTEM
from accounts.events import Actor as Actor
from accounts.events import user_actor as user_actor
from accounts.models import Event, EventDetail
from licensing.models import (
    AccessRule,
    Application,
    Device,
    License,
    ManagementToken,
    NamedUser,
    Session,
)

# What a developer writes on a license is about their customer, or may well be.
_PERSONAL = frozenset({"username", "email", "note", "metadata", "reason"})


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
    return events.record(
        action,
        place=events.Place(
            application.team_id, application.pk, license_id=license.pk if license else None
        ),
        target=target,
        label=_label(target),
        actor=actor,
        before=before,
        after=after,
        personal=_PERSONAL | _personal_of(target),
    )


def program_actor(ip_address: str | None = None) -> Actor:
    return Actor(Event.ActorKind.PROGRAM, ip_address=ip_address)


def token_actor(token: ManagementToken, ip_address: str | None = None) -> Actor:
    """The token itself, and not who made it: they may have left the team since."""
    return Actor(
        Event.ActorKind.TOKEN, ip_address=ip_address, token_id=token.pk, token_name=token.name
    )


def record_of_token(
    action: str,
    *,
    token: ManagementToken,
    actor: Actor,
    after: dict[str, Any] | None = None,
) -> Event:
    """Write one event about a management token: in the log of its application, or of its whole team."""
    return events.record(
        action,
        place=events.Place(token.team_id, token.application_id),
        target=token,
        label=str(token),
        actor=actor,
        after=after,
    )


def with_licenses(events: QuerySet[Event]) -> QuerySet[Event]:
    """Tell with each event the end of its license's key, as `license_last5`: None once there is no such license."""
    license = License.objects.filter(pk=OuterRef("license_id"))
    return events.annotate(license_last5=Subquery(license.values("key_last5")))


def history_of(row: Application | License) -> QuerySet[Event]:
    """Return what happened to an application or to one license, newest first, as pages show it."""
    own = Q(license_id=row.pk) if isinstance(row, License) else Q(application_id=row.pk)
    return with_licenses(Event.objects.filter(own).with_persons())


@transaction.atomic
def forget_customer(*, license: License, actor: Actor) -> int:
    """Erase what the history of a license tells of its customer: what was written on it, and where programs ran.

    Returns how many details that were. The license itself stays as it is.
    """
    of_the_customer = Q(about=EventDetail.About.TARGET) | Q(
        event__actor_kind=Event.ActorKind.PROGRAM
    )
    details = EventDetail.objects.filter(of_the_customer, event__license_id=license.pk)
    erased = details.count()
    details.delete()
    if erased:
        record(
            "license.history_erased",
            target=license,
            actor=actor,
            application=license.application,
            license=license,
            after={"count": erased},
        )
    return erased


def _personal_of(target: models.Model) -> set[str]:
    # The name of a device is often its owner's, and a rule may be about an address or a user.
    if isinstance(target, Device):
        return {"name"}
    return {"value"} if isinstance(target, AccessRule) else set()


def _label(target: models.Model) -> str:
    """What a row was called, for when it is gone; nothing that tells of a person, and no bare id."""
    if isinstance(target, AccessRule):
        return f"{target.get_kind_display().lower()} rule"
    if isinstance(target, Device):
        return f"device {target.fingerprint}"
    if isinstance(target, NamedUser):
        return "user"
    return "" if isinstance(target, Session) else str(target)
