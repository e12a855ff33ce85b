"""Acts on licenses: issue, change, extend, suspend, restore, revoke.

Rows are locked without their key: whoever writes a session or an event needs its license to stay, not to stand still, and
would else wait for us while holding what we wait for.
"""

import contextlib
import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import DataError, IntegrityError, transaction
from psycopg.errors import CheckViolation

from accounts import ciphers
from accounts.ids import uuid7
from licensing import errors, keys, many_licenses, tokens
from licensing.copying import copy_rows
from licensing.events import Actor, record
from licensing.models import Application, License, LicenseBatch, Policy
from licensing.policies import hold_policy
from licensing.versions import bounds

BATCH_MAX = 10_000
METADATA_MAX_BYTES = 8 * 1024


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


@dataclasses.dataclass(frozen=True, slots=True)
class NewLicense:
    """A license that is yet to be written; `expires_at` None is never."""

    policy: Policy
    terms: LicenseTerms
    expires_at: dt.datetime | None


@_broken_terms_refused()
def fill_batch_with(
    *, batch: LicenseBatch | None, application: Application, new: Sequence[NewLicense]
) -> None:
    """Write licenses that differ in one statement, within the transaction of who keeps count of them.

    Raises InvalidRequestError when a term of any of them is out of bounds; then none is written.
    """
    if not new:
        return
    example = License(application=application, policy=new[0].policy, batch=batch)
    columns = ("policy_id", "expires_at", *_columns(LicenseTerms()))
    copy_rows(example, (*_OWN_COLUMNS, *columns), (_all_values(one) for one in new))


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


def extend_license(
    *, license: License, expires_at: dt.datetime | None, actor: Actor, now: dt.datetime
) -> License:
    """Move the end of a license to another moment in the future, or to never (None).

    Raises InvalidRequestError when the moment has passed, LicenseStateError when the license is revoked. A later end
    reaches open sessions with their next heartbeat, an earlier one at once. Grace comes on top.
    """
    if expires_at is not None and expires_at <= now:
        raise errors.InvalidRequestError("expires_at must be in the future")
    _told(license, many_licenses.extend([license.pk], expires_at=expires_at, actor=actor, now=now))
    return license


def suspend_license(*, license: License, actor: Actor) -> bool:
    """Refuse a license until it is restored, from the very next call on; return False when it is suspended already.

    Where its policy says so, its time stands still until it leaves the suspension, and is given back then. Raises LicenseStateError when it is revoked.
    """
    return _told(license, many_licenses.suspend([license.pk], actor=actor))


def restore_license(*, license: License, actor: Actor) -> bool:
    """Lift a suspension, and give back the time that was frozen; return False when the license is active already.

    Raises LicenseStateError when it is revoked: that takes `reinstate_license`.
    """
    return _told(license, many_licenses.restore([license.pk], actor=actor))


@_broken_terms_refused()
def revoke_license(*, license: License, actor: Actor, now: dt.datetime, reason: str = "") -> bool:
    """Take a license back and end its sessions; return False when it was revoked already.

    The reason (up to 500 characters) is for the team only. Raises InvalidRequestError when it is too long.
    """
    return _told(license, many_licenses.revoke([license.pk], actor=actor, now=now, reason=reason))


def reinstate_license(*, license: License, actor: Actor) -> bool:
    """Undo a revocation: the license is active again, its sessions stay ended; return False when it is active already.

    An act of its own, so that nobody undoes a revocation by lifting what they take for a suspension. Raises
    LicenseStateError when the license is suspended.
    """
    return _told(license, many_licenses.reinstate([license.pk], actor=actor))


def delete_license(*, license: License, actor: Actor) -> None:
    """Delete a revoked license with its devices and sessions, and what its history tells of its customer; the events stay.

    Raises LicenseStateError unless it is revoked.
    """
    outcome = many_licenses.delete([license.pk], actor=actor).get(license.pk)
    if isinstance(outcome, errors.RefusalError):
        raise outcome


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


def _told(license: License, outcomes: many_licenses.Outcomes) -> bool:
    """Tell whether an act changed a license, and read again what it may have changed; raise what refused it.

    Raises License.DoesNotExist when somebody deleted it first.
    """
    outcome = outcomes.get(license.pk)
    if outcome is None:
        raise License.DoesNotExist("This license was deleted")
    if isinstance(outcome, errors.RefusalError):
        raise outcome
    license.refresh_from_db(fields=["status", "revoked_reason", "frozen_at", "expires_at"])
    return outcome


def _columns(terms: LicenseTerms) -> dict[str, Any]:
    return dataclasses.asdict(terms) | bounds(terms.app_version_min, terms.app_version_max)


def _all_values(new: NewLicense) -> tuple[Any, ...]:
    facts = _columns(new.terms)
    facts["metadata"] = json.dumps(facts["metadata"])
    return (*_own_values(), new.policy.pk, new.expires_at, *facts.values())


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
