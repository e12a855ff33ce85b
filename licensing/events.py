"""The audit log of what is licensed: an event knows its application, and its license where it has one."""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from accounts import events
from accounts.events import SYSTEM as SYSTEM
from accounts.events import Actor as Actor
from accounts.events import Deed as Deed
from accounts.events import record_all as record_all
from accounts.events import user_actor as user_actor
from accounts.models import Event, EventDetail
from licensing.models import (
    AccessRule,
    Application,
    BulkRow,
    Device,
    License,
    ManagementToken,
    NamedUser,
    Session,
)

_NAMES = ("email", "username")
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
    deed = deed_of(
        action,
        target=target,
        application=application,
        license=license,
        before=before,
        after=after,
    )
    [event] = events.record_all([deed], actor=actor)
    return event


def deed_of(
    action: str,
    *,
    target: models.Model,
    application: Application,
    license: License | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Deed:
    """Return what an event is to tell; many of them are written at once with `record_all`."""
    return Deed(
        action=action,
        place=events.Place(
            application.team_id, application.pk, license_id=license.pk if license else None
        ),
        target=target,
        label=_label(target),
        before=before or {},
        after=after or {},
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


def forget_customer(*, license: License, actor: Actor) -> int:
    """Erase what is kept of the customer of a license beside the license itself, which stays as it is.

    That is what was written on it and where programs ran, in its history, and what bulk jobs could not issue for the same
    customer. Returns how many details that were.
    """
    return forget_customers(licenses=[license], actor=actor)[license.pk]


@transaction.atomic
def forget_customers(*, licenses: Sequence[License], actor: Actor) -> dict[uuid.UUID, int]:
    """Do for each license, with its application, what `forget_customer` does; return how many details each had."""
    of_the_customer = Q(about=EventDetail.About.TARGET) | Q(
        event__actor_kind=Event.ActorKind.PROGRAM
    )
    ids = [license.pk for license in licenses]
    details = EventDetail.objects.filter(of_the_customer, event__license_id__in=ids)
    counts: Any = details.values("event__license_id").annotate(count=Count("pk")).order_by()
    erased: dict[uuid.UUID, int] = {row["event__license_id"]: row["count"] for row in counts}
    details.delete()
    for license_id, count in _forget_rows(licenses).items():
        erased[license_id] = erased.get(license_id, 0) + count
    record_all(
        (
            deed_of(
                "license.history_erased",
                target=license,
                application=license.application,
                license=license,
                after={"count": erased[license.pk]},
            )
            for license in licenses
            if license.pk in erased
        ),
        actor=actor,
    )
    return dict.fromkeys(ids, 0) | erased


def _forget_rows(licenses: Sequence[License]) -> Counter[uuid.UUID]:
    """Empty the rows of bulk jobs that name a license's customer; return how many those were by license."""
    by_name = {
        name: {getattr(license, name): license.pk for license in licenses} for name in _NAMES
    }
    same = Q()
    for name, owners in by_name.items():
        same |= Q(**{f"facts__{name}__in": [value for value in owners if value]})
    rows = BulkRow.objects.filter(
        same, application__in={license.application_id for license in licenses}
    ).exclude(facts={})
    emptied: Counter[uuid.UUID] = Counter()
    ids = []
    for id, facts in rows.exclude(code="").values_list("pk", "facts"):
        ids.append(id)
        named = [by_name[name].get(facts.get(name) or None) for name in _NAMES]
        emptied[next(license_id for license_id in named if license_id)] += 1
    if ids:
        BulkRow.objects.filter(pk__in=ids).update(facts={})
    return emptied


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
