"""Acts on licenses: issue, change, extend, suspend, restore, revoke.

Rows are locked without their key: whoever writes a session or an event needs its license to stay, not to stand still, and
would else wait for us while holding what we wait for.
"""

import contextlib
import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from psycopg.errors import CheckViolation

from accounts import ciphers
from accounts.ids import uuid7
from licensing import errors, keys, tokens
from licensing.copying import copy_rows
from licensing.events import Actor, forget_customer, record
from licensing.models import Application, License, LicenseBatch, Policy, Session
from licensing.policies import hold_policy
from licensing.versions import bounds

BATCH_MAX = 10_000
METADATA_MAX_BYTES = 8 * 1024
_Status = License.Status


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LicenseTerms:
    """What is written on a license beside its policy; None and "" mean the policy's own rule."""

    username: str = ""
    email: str = ""
    note: str = ""
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    devices_max: int | None = None
    releases_max: int | None = None
    sessions_max: int | None = None
    users_max: int | None = None
    grace_seconds: int | None = None
    expiry_strategy: str = ""
    app_version_min: str = ""
    app_version_max: str = ""
    sessions_overdraft: int | None = None
    hwid_matching: str = ""
    sessions_per: str = ""
    # 0: not at all.
    borrow_max_seconds: int | None = None


@contextlib.contextmanager
def _broken_terms_refused() -> Iterator[None]:
    """Turn what the database says of a broken term into a refusal that people understand."""
    try:
        yield
    except DataError as error:
        raise errors.InvalidRequestError("a term is too long or too large") from error
    except IntegrityError as error:
        for constraint, message in _BROKEN_TERMS.items():
            if constraint in str(error):
                raise errors.InvalidRequestError(message) from error
        if isinstance(error.__cause__, CheckViolation):
            raise errors.InvalidRequestError("a term is out of bounds") from error
        raise


_BROKEN_TERMS = {
    "license_allows_a_device": "devices_max must be at least 1, or empty for the policy's number",
    "license_allows_a_user": "users_max must be at least 1, or empty for the policy's number",
    "license_allows_a_session": "sessions_max must be at least 1, or empty for the policy's number",
    "license_releases_are_sane": "releases_max must be at most 100, or empty for the policy's number",
    "license_metadata_is_an_object": "metadata must be an object",
    "license_grace_is_sane": "grace_seconds must be between 0 and a year, or empty for the policy's",
    "license_hwid_matching_is_known": "hwid_matching must be any, two, most, all or empty",
    "license_sessions_per_is_known": "sessions_per must be license, user, device or empty",
    "license_borrowing_is_sane": "borrow_max_seconds must be at most a year, or empty for the policy's",
    "license_expiry_strategy_is_known": "expiry_strategy must be refuse, fall_back or empty",
}


@_broken_terms_refused()
@transaction.atomic
def issue_licenses(
    *,
    policy: Policy,
    count: int,
    actor: Actor,
    now: dt.datetime,
    terms: LicenseTerms | None = None,
    expires_at: dt.datetime | None = None,
    batch_id: uuid.UUID | None = None,
) -> LicenseBatch:
    """Issue `count` licenses (1 to 10,000) under a policy, as one batch.

    `expires_at` sets a fixed end instead of the policy's duration. `batch_id` is chosen by the asker: asking twice with the
    same one issues once. Raises InvalidRequestError when the count, the end or a term is out of bounds, when the batch
    belongs to another application, or when the policy was deleted.
    """
    if not 1 <= count <= BATCH_MAX:
        raise errors.InvalidRequestError(f"count must be between 1 and {BATCH_MAX}")
    if expires_at is not None and expires_at <= now:
        raise errors.InvalidRequestError("expires_at must be in the future")
    application = policy.application
    batch, is_new = LicenseBatch.objects.get_or_create(
        id=batch_id or uuid7(),
        defaults={
            "application": application,
            "licenses_count": count,
            "created_by": actor.user,
        },
    )
    if batch.application_id != application.pk:
        raise errors.InvalidRequestError("batch_id is taken")
    if is_new:
        hold_policy(policy)
        end = expires_at or policy.expiry_of_a_license_issued(now)
        if end is not None and end <= now:
            raise errors.InvalidRequestError("policy has its end in the past: choose another one")
        fill_batch(
            batch=batch,
            policy=policy,
            count=count,
            terms=terms or LicenseTerms(),
            expires_at=end,
        )
        record(
            "licenses.issued",
            target=batch,
            actor=actor,
            application=application,
            after={"count": count, "policy": policy.name, "expires_at": end},
        )
    return batch


@_broken_terms_refused()
def fill_batch(
    *,
    batch: LicenseBatch | None,
    policy: Policy,
    count: int,
    terms: LicenseTerms,
    expires_at: dt.datetime | None,
) -> None:
    """Write `count` licenses of a batch in one statement, within the transaction of who keeps count of them.

    Raises InvalidRequestError when a term is out of bounds.
    """
    facts = _columns(terms)
    example = License(
        application_id=policy.application_id,
        policy=policy,
        batch=batch,
        expires_at=expires_at,
        **facts,
    )
    copy_rows(example, _OWN_COLUMNS, (_own_values() for _ in range(count)))


@_broken_terms_refused()
@transaction.atomic
def change_license(
    *, license: License, policy: Policy, terms: LicenseTerms, actor: Actor
) -> License:
    """Change what is written on a license, its policy included; its end stays. Limits count from the next call on.

    Raises InvalidRequestError when a term is out of bounds, or the policy is another application's or was deleted.
    """
    if policy.application_id != license.application_id:
        raise errors.InvalidRequestError("policy is another application's")
    license = License.objects.select_for_update(no_key=True).get(pk=license.pk)
    wanted = {**dataclasses.asdict(terms), "policy_id": policy.pk}
    before = {
        name: getattr(license, name) for name in wanted if getattr(license, name) != wanted[name]
    }
    if not before:
        return license
    hold_policy(policy)
    columns = _columns(terms) | {"policy_id": policy.pk}
    for name, value in columns.items():
        setattr(license, name, value)
    license.save(update_fields=list(columns))
    record(
        "license.changed",
        target=license,
        actor=actor,
        application=license.application,
        license=license,
        before=before,
        after={name: wanted[name] for name in before},
    )
    return license


@transaction.atomic
def change_some_terms(
    *, license: License, policy: Policy | None = None, changes: Mapping[str, Any], actor: Actor
) -> License:
    """Change the named terms (and the policy, if one is given), and leave the others as they are at that moment.

    Two at once that change different terms both hold. Raises what `change_license` does.
    """
    license = License.objects.select_for_update(no_key=True).get(pk=license.pk)
    names = [field.name for field in dataclasses.fields(LicenseTerms)]
    terms = LicenseTerms(**{name: getattr(license, name) for name in names} | dict(changes))
    return change_license(
        license=license, policy=policy or license.policy, terms=terms, actor=actor
    )


@transaction.atomic
def extend_license(
    *, license: License, expires_at: dt.datetime | None, actor: Actor, now: dt.datetime
) -> License:
    """Move the end of a license to another moment in the future, or to never (None).

    Raises InvalidRequestError when the moment has passed, LicenseStateError when the license is revoked. A later end
    reaches open sessions with their next heartbeat, an earlier one at once. Grace comes on top.
    """
    if expires_at is not None and expires_at <= now:
        raise errors.InvalidRequestError("expires_at must be in the future")
    license = License.objects.select_for_update(no_key=True).get(pk=license.pk)
    if license.status == _Status.REVOKED:
        raise errors.LicenseStateError("A revoked license cannot be extended")
    before = license.expires_at
    if before != expires_at:
        license.expires_at = expires_at
        # An end that was chosen while time stood still is the end: only what is frozen from now on comes back.
        license.frozen_at = license.frozen_at and now
        license.save(update_fields=["expires_at", "frozen_at"])
        cut_sessions_short(license, now)
        record(
            "license.extended",
            target=license,
            actor=actor,
            application=license.application,
            license=license,
            before={"expires_at": before},
            after={"expires_at": expires_at},
        )
    return license


def cut_sessions_short(license: License, now: dt.datetime) -> None:
    """Let no open session outlive its license."""
    if (good_until := license.good_until()) is not None:
        Session.objects.filter(license=license, expires_at__gt=good_until).open(now).update(
            expires_at=good_until
        )


def suspend_license(*, license: License, actor: Actor) -> bool:
    """Refuse a license until it is restored, from the very next call on; return False when it is suspended already.

    Where its policy says so, its time stands still until it leaves the suspension, and is given back then. Raises LicenseStateError when it is revoked.
    """
    return _move(license, _Status.SUSPENDED, allowed_from=(_Status.ACTIVE,), actor=actor)


def restore_license(*, license: License, actor: Actor) -> bool:
    """Lift a suspension, and give back the time that was frozen; return False when the license is active already.

    Raises LicenseStateError when it is revoked: that takes `reinstate_license`.
    """
    return _move(license, _Status.ACTIVE, allowed_from=(_Status.SUSPENDED,), actor=actor)


@_broken_terms_refused()
@transaction.atomic
def revoke_license(*, license: License, actor: Actor, now: dt.datetime, reason: str = "") -> bool:
    """Take a license back and end its sessions; return False when it was revoked already.

    The reason (up to 500 characters) is for the team only. Raises InvalidRequestError when it is too long.
    """
    allowed_from = (_Status.ACTIVE, _Status.SUSPENDED)
    if not _move(license, _Status.REVOKED, allowed_from=allowed_from, actor=actor, reason=reason):
        return False
    Session.objects.filter(license=license).open(now).update(
        ended_at=now, ended_reason=Session.EndedReason.LICENSE_REVOKED
    )
    return True


def reinstate_license(*, license: License, actor: Actor) -> bool:
    """Undo a revocation: the license is active again, its sessions stay ended; return False when it is active already.

    An act of its own, so that nobody undoes a revocation by lifting what they take for a suspension. Raises
    LicenseStateError when the license is suspended.
    """
    return _move(license, _Status.ACTIVE, allowed_from=(_Status.REVOKED,), actor=actor)


@transaction.atomic
def delete_license(*, license: License, actor: Actor) -> None:
    """Delete a revoked license with its devices and sessions, and what its history tells of its customer; the events stay.

    Raises LicenseStateError unless it is revoked.
    """
    found = License.objects.select_for_update(no_key=True).filter(pk=license.pk).first()
    if found is None:
        return
    if found.status != _Status.REVOKED:
        raise errors.LicenseStateError("Only a revoked license can be deleted: revoke it first")
    forget_customer(license=found, actor=actor)
    record(
        "license.deleted",
        target=found,
        actor=actor,
        application=found.application,
        license=found,
        before={"key_last5": found.key_last5},
    )
    found.delete()


def reveal_license_key(*, license: License, actor: Actor) -> str:
    """Return the whole key and record who saw it; raises UndecipherableError when it does not open."""
    key = license.reveal()
    record(
        "license.key_revealed",
        target=license,
        actor=actor,
        application=license.application,
        license=license,
    )
    return key


def record_export(*, application: Application, actor: Actor, state: str) -> None:
    """Record that somebody took away whole keys as a file, of licenses in one state ("" for any)."""
    record(
        "licenses.exported",
        target=application,
        actor=actor,
        application=application,
        after={"state": state or "any"},
    )


_ACTIONS = {
    (_Status.SUSPENDED, _Status.ACTIVE): "license.restored",
    (_Status.REVOKED, _Status.ACTIVE): "license.reinstated",
    (_Status.ACTIVE, _Status.SUSPENDED): "license.suspended",
    (_Status.ACTIVE, _Status.REVOKED): "license.revoked",
    (_Status.SUSPENDED, _Status.REVOKED): "license.revoked",
}


@transaction.atomic
def _move(
    license: License,
    to: License.Status,
    *,
    allowed_from: tuple[License.Status, ...],
    actor: Actor,
    reason: str = "",
) -> bool:
    rows = License.objects.select_for_update(no_key=True, of=("self",)).select_related("policy")
    held = rows.get(pk=license.pk)
    before = _Status(held.status)
    if before == to:
        return False
    if before not in allowed_from:
        raise errors.LicenseStateError(_WRONG_STATES[before])
    changes: dict[str, Any] = {"status": to, "revoked_reason": reason, "frozen_at": None}
    if to == _Status.SUSPENDED and held.policy.suspension_freezes_time:
        changes["frozen_at"] = Now()
    if held.frozen_at is not None:
        changes["expires_at"] = F("expires_at") + (Now() - F("frozen_at"))
    License.objects.filter(pk=license.pk).update(**changes)
    license.refresh_from_db(fields=[*changes, "expires_at"])
    told = ["status"] + ["expires_at"] * (held.expires_at != license.expires_at)
    record(
        _ACTIONS[before, to],
        target=license,
        actor=actor,
        application=license.application,
        license=license,
        before={name: getattr(held, name) for name in told},
        after={name: getattr(license, name) for name in told}
        | ({"reason": reason} if reason else {}),
    )
    return True


_WRONG_STATES = {
    _Status.REVOKED: "A revoked license stays revoked, unless you reinstate it",
    _Status.SUSPENDED: "A suspended license is restored and not reinstated",
}


def _columns(terms: LicenseTerms) -> dict[str, Any]:
    return dataclasses.asdict(terms) | bounds(terms.app_version_min, terms.app_version_max)


# What each license of a batch has for itself.
_OWN_COLUMNS = (
    "id",
    "key_digest",
    "index_key_id",
    "second_key_digest",
    "second_index_key_id",
    "key_ciphertext",
    "key_last5",
)


def _own_values() -> tuple[Any, ...]:
    key, row = keys.new_license_key(), uuid7()
    ciphertext = ciphers.encrypt(
        key, table=License._meta.db_table, column="key_ciphertext", row=row
    )
    return (row, *tokens.license_key_index(key).values(), ciphertext, key[-5:])
