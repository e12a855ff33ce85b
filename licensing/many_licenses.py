"""The rules of acts on licenses that are there, for one of them as for a thousand: a few statements, however many they are.

Each act takes the ids of licenses of one application and returns what became of each: whether anything changed, or the refusal.
One that is refused does not stop the others. Rows are locked in the order of their ids and without their key, as in licenses.py.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Least, Now

from licensing import errors
from licensing.events import Actor, Deed, deed_of, forget_customers, record_all
from licensing.models import License, Session

Outcomes = dict[uuid.UUID, bool | errors.RefusalError]
_Status = License.Status
# No year of five digits.
_LAST_MOMENT = dt.datetime.max.replace(tzinfo=dt.UTC)


@transaction.atomic
def extend(
    ids: Collection[uuid.UUID], *, expires_at: dt.datetime | None, actor: Actor, now: dt.datetime
) -> Outcomes:
    """Move the end of licenses to another moment in the future, or to never (None)."""
    outcomes, deeds, extended = Outcomes(), list[Deed](), list[License]()
    for license in _locked(ids):
        if license.status == _Status.REVOKED:
            outcomes[license.pk] = errors.LicenseStateError("A revoked license cannot be extended")
            continue
        before, license.expires_at = license.expires_at, expires_at
        outcomes[license.pk] = before != expires_at
        if before != expires_at:
            extended.append(license)
            told = {"before": {"expires_at": before}, "after": {"expires_at": expires_at}}
            deeds.append(_deed("license.extended", license, **told))
    # An end that was chosen while time stood still is the end: only what is frozen from now on comes back.
    frozen_at = Case(When(frozen_at__isnull=False, then=Value(now)), output_field=DateTimeField())
    _rows(extended).update(expires_at=expires_at, frozen_at=frozen_at)
    cut_sessions_short(extended, now)
    record_all(deeds, actor=actor)
    return outcomes


def suspend(ids: Collection[uuid.UUID], *, actor: Actor) -> Outcomes:
    """Refuse licenses until they are restored; where the policy says so, their time stands still until then."""
    return _move(ids, _Status.SUSPENDED, allowed_from=(_Status.ACTIVE,), actor=actor)


def restore(ids: Collection[uuid.UUID], *, actor: Actor) -> Outcomes:
    """Lift suspensions, and give back the time that was frozen."""
    return _move(ids, _Status.ACTIVE, allowed_from=(_Status.SUSPENDED,), actor=actor)


def reinstate(ids: Collection[uuid.UUID], *, actor: Actor) -> Outcomes:
    """Undo revocations; sessions stay ended."""
    return _move(ids, _Status.ACTIVE, allowed_from=(_Status.REVOKED,), actor=actor)


@transaction.atomic
def revoke(
    ids: Collection[uuid.UUID], *, actor: Actor, now: dt.datetime, reason: str = ""
) -> Outcomes:
    """Take licenses back, and end their sessions."""
    used = (_Status.ACTIVE, _Status.SUSPENDED)
    outcomes = _move(ids, _Status.REVOKED, allowed_from=used, actor=actor, reason=reason)
    revoked = [id for id, outcome in outcomes.items() if outcome is True]
    Session.objects.filter(license__in=revoked).open(now).update(
        ended_at=now, ended_reason=Session.EndedReason.LICENSE_REVOKED
    )
    return outcomes


@transaction.atomic
def delete(ids: Collection[uuid.UUID], *, actor: Actor) -> Outcomes:
    """Delete revoked licenses with their devices and sessions, and what their history tells of their customers; the events stay."""
    outcomes, gone = Outcomes(), list[License]()
    for license in _locked(ids):
        if license.status == _Status.REVOKED:
            gone.append(license)
            outcomes[license.pk] = True
        else:
            outcomes[license.pk] = errors.LicenseStateError(
                "Only a revoked license can be deleted: revoke it first"
            )
    forget_customers(licenses=gone, actor=actor)
    deeds = [
        _deed("license.deleted", license, before={"key_last5": license.key_last5})
        for license in gone
    ]
    record_all(deeds, actor=actor)
    _rows(gone).delete()
    return outcomes


def cut_sessions_short(licenses: Iterable[License], now: dt.datetime) -> None:
    """Let no open session outlive its license."""
    by_end = defaultdict(list)
    for license in licenses:
        if (good_until := license.good_until()) is not None:
            by_end[good_until].append(license.pk)
    for good_until, ids in by_end.items():
        sessions = Session.objects.filter(license__in=ids, expires_at__gt=good_until)
        sessions.open(now).update(expires_at=good_until)


@transaction.atomic
def _move(
    ids: Collection[uuid.UUID],
    to: License.Status,
    *,
    allowed_from: Collection[License.Status],
    actor: Actor,
    reason: str = "",
) -> Outcomes:
    outcomes, before = Outcomes(), dict[uuid.UUID, License]()
    for license in _locked(ids):
        status = _Status(license.status)
        if status != to and status not in allowed_from:
            outcomes[license.pk] = errors.LicenseStateError(_WRONG_STATES[status])
            continue
        outcomes[license.pk] = status != to
        if status != to:
            before[license.pk] = license
    _rows(before.values()).update(status=to, revoked_reason=reason, **_times(before.values(), to))
    record_all(_moved(before, reason), actor=actor)
    return outcomes


def _times(licenses: Iterable[License], to: License.Status) -> dict[str, Any]:
    """Return what a move does to the time of licenses: it stands still where a suspension freezes it, and then it is given back."""
    frozen = {
        license.pk
        for license in licenses
        if to == _Status.SUSPENDED and license.policy.suspension_freezes_time
    }
    given_back = Least(F("expires_at") + (Now() - F("frozen_at")), Value(_LAST_MOMENT))
    return {
        "frozen_at": Case(When(pk__in=frozen, then=Now()), output_field=DateTimeField()),
        # LEAST passes NULL over, and what has no end must not get one.
        "expires_at": Case(
            When(frozen_at__isnull=False, expires_at__isnull=False, then=given_back),
            default=F("expires_at"),
        ),
    }


def _moved(before: dict[uuid.UUID, License], reason: str) -> Iterable[Deed]:
    for id, status, expires_at in _rows(before.values()).values_list("pk", "status", "expires_at"):
        was = before[id]
        told: dict[str, tuple[Any, Any]] = {"status": (was.status, status)}
        if was.expires_at != expires_at:
            told["expires_at"] = (was.expires_at, expires_at)
        yield _deed(
            _ACTIONS[_Status(was.status), _Status(status)],
            was,
            before={name: values[0] for name, values in told.items()},
            after={name: values[1] for name, values in told.items()}
            | ({"reason": reason} if reason else {}),
        )


_ACTIONS = {
    (_Status.SUSPENDED, _Status.ACTIVE): "license.restored",
    (_Status.REVOKED, _Status.ACTIVE): "license.reinstated",
    (_Status.ACTIVE, _Status.SUSPENDED): "license.suspended",
    (_Status.ACTIVE, _Status.REVOKED): "license.revoked",
    (_Status.SUSPENDED, _Status.REVOKED): "license.revoked",
}
_WRONG_STATES = {
    _Status.REVOKED: "A revoked license stays revoked, unless you reinstate it",
    _Status.SUSPENDED: "A suspended license is restored and not reinstated",
}


def _locked(ids: Collection[uuid.UUID]) -> Iterable[License]:
    rows = License.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    return rows.select_related("application", "policy").order_by("pk")


def _rows(licenses: Iterable[License]) -> Any:
    return License.objects.filter(pk__in=[license.pk for license in licenses])


def _deed(action: str, license: License, **told: Any) -> Deed:
    return deed_of(action, target=license, application=license.application, license=license, **told)
