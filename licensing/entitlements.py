"""Acts on entitlements: name them, say in policies and on licenses how much of them there is, set their count right."""

import contextlib
import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.ids import uuid7
from licensing import errors
from licensing.entitlement_statements import LOCK_USAGE
from licensing.events import Actor, record
from licensing.models import (
    Application,
    Consumption,
    Entitlement,
    License,
    LicenseEntitlement,
    Policy,
    PolicyEntitlement,
    Usage,
)
from licensing.models.entitlement import NAME_PATTERN, NUMBER_MAX, TEXT_MAX
from licensing.statements import fetch_row

# Every answer to init and validate tells all that a license has: as many as an answer may well hold.
ENTITLEMENTS_MAX = 50

Value = bool | int | str | None
_Kind = Entitlement.Kind


def create_entitlement(
    *,
    application: Application,
    name: str,
    kind: str,
    period: str = Entitlement.Period.NEVER,
    description: str = "",
    actor: Actor,
    id: uuid.UUID | None = None,
) -> Entitlement:
    """Name an entitlement of an application. `id` is chosen by the asker: asking twice with the same one adds once.

    Raises InvalidRequestError when the name is taken or not plain, when kind or period are unknown or do not go together, or
    when there are ENTITLEMENTS_MAX already.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise errors.InvalidRequestError(
            "name must begin with a small letter and go on with small letters, digits, _, . or -, 64 at most"
        )
    with _broken_rules_refused(), transaction.atomic():
        # The application's row is the lock: two at once do not pass the limit together.
        Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        facts = {"name": name, "kind": kind, "period": period, "description": description}
        entitlement, is_new = Entitlement.objects.get_or_create(
            id=id or uuid7(), defaults={"application": application, **facts}
        )
        if entitlement.application_id != application.pk:
            raise errors.InvalidRequestError("id is taken")
        if not is_new:
            return entitlement
        if application.entitlements.count() > ENTITLEMENTS_MAX:
            raise errors.InvalidRequestError(
                f"an application has at most {ENTITLEMENTS_MAX} entitlements"
            )
        record(
            "entitlement.created",
            target=entitlement,
            actor=actor,
            application=application,
            after=facts,
        )
    return entitlement


@transaction.atomic
def describe_entitlement(*, entitlement: Entitlement, description: str, actor: Actor) -> bool:
    """Change what the team reads about an entitlement; return False when it reads so already."""
    before = entitlement.description
    changed = (
        Entitlement.objects.filter(pk=entitlement.pk)
        .exclude(description=description)
        .update(description=description)
    )
    if changed:
        entitlement.description = description
        record(
            "entitlement.described",
            target=entitlement,
            actor=actor,
            application=entitlement.application,
            before={"description": before},
            after={"description": description},
        )
    return bool(changed)


@transaction.atomic
def delete_entitlement(*, entitlement: Entitlement, actor: Actor) -> bool:
    """Delete an entitlement with all that policies, licenses and counts say of it; return False when it was deleted already.

    Programs that ask for it find that their license does not have it. Raises EntitlementInUseError while variables are bound to it.
    """
    held = Entitlement.objects.select_for_update().filter(pk=entitlement.pk).first()
    if held is None:
        return False
    if held.variables.exists():
        raise errors.EntitlementInUseError
    record(
        "entitlement.deleted",
        target=held,
        actor=actor,
        application=held.application,
        before={"name": held.name, "kind": held.kind},
    )
    # From the leaves up, each as one statement: there may be many.
    usage = Usage.objects.filter(entitlement=held)
    for rows in (
        Consumption.objects.filter(usage__in=usage),
        usage,
        LicenseEntitlement.objects.filter(entitlement=held),
        PolicyEntitlement.objects.filter(entitlement=held),
    ):
        rows._raw_delete(rows.db)
    held.delete()
    return True


def grant_to_policy(
    *,
    policy: Policy,
    entitlement: Entitlement,
    value: Value,
    expires_at: dt.datetime | None = None,
    actor: Actor,
) -> bool:
    """Say how much of an entitlement the licenses of a policy have; return False when the policy says so already.

    `value` is True or False, a whole number, a text, or the limit of a metered one (None: without a limit). Once `expires_at` has
    passed it is as if it had not been said. Raises InvalidRequestError when the value is not of the entitlement's kind, or
    policy and entitlement are not of one application.
    """
    word = {"value": checked_value(entitlement, value), "expires_at": expires_at}
    _refuse_strangers(policy.application_id, entitlement)
    with _gone_refused(), transaction.atomic():
        # The policy's row is the lock: two words at once leave one, the later, and the history tells them in turn.
        Policy.objects.select_for_update(no_key=True).get(pk=policy.pk)
        said = PolicyEntitlement.objects.filter(policy=policy, entitlement=entitlement)
        before = said.values("value", "expires_at").first()
        if before == word:
            return False
        PolicyEntitlement.objects.update_or_create(
            policy=policy,
            entitlement=entitlement,
            defaults={**word, "application_id": policy.application_id},
        )
        record(
            "policy.entitlement_set",
            target=policy,
            actor=actor,
            application=policy.application,
            before=_told(before),
            after={"entitlement": entitlement.name, **_told(word)},
        )
    return True


def take_from_policy(*, policy: Policy, entitlement: Entitlement, actor: Actor) -> bool:
    """Take an entitlement out of a policy; return False when it was not in it. A license's own word stays."""
    with _gone_refused(), transaction.atomic():
        Policy.objects.select_for_update(no_key=True).get(pk=policy.pk)
        said = PolicyEntitlement.objects.filter(policy=policy, entitlement=entitlement)
        before = said.values("value", "expires_at").first()
        if before is None:
            return False
        said.delete()
        record(
            "policy.entitlement_removed",
            target=policy,
            actor=actor,
            application=policy.application,
            before={"entitlement": entitlement.name, **_told(before)},
        )
        return True


def grant_to_license(
    *,
    license: License,
    entitlement: Entitlement,
    value: Value,
    expires_at: dt.datetime | None = None,
    actor: Actor,
) -> bool:
    """Say how much of an entitlement one license has, whatever its policy says; return False when it says so already.

    Arguments and refusals are those of `grant_to_policy`. Once expired, the policy's word counts again.
    """
    word = {"value": checked_value(entitlement, value), "expires_at": expires_at}
    _refuse_strangers(license.application_id, entitlement)
    with _gone_refused(), transaction.atomic():
        License.objects.select_for_update(no_key=True).get(pk=license.pk)
        said = LicenseEntitlement.objects.filter(license=license, entitlement=entitlement)
        before = said.values("value", "expires_at").first()
        if before == word:
            return False
        LicenseEntitlement.objects.update_or_create(
            license=license,
            entitlement=entitlement,
            defaults={**word, "application_id": license.application_id},
        )
        record(
            "license.entitlement_set",
            target=license,
            actor=actor,
            application=license.application,
            license=license,
            before=_told(before),
            after={"entitlement": entitlement.name, **_told(word)},
        )
    return True


def take_from_license(*, license: License, entitlement: Entitlement, actor: Actor) -> bool:
    """Take back a license's own word on an entitlement, so that its policy's counts; return False when it had none."""
    with _gone_refused(), transaction.atomic():
        License.objects.select_for_update(no_key=True).get(pk=license.pk)
        said = LicenseEntitlement.objects.filter(license=license, entitlement=entitlement)
        before = said.values("value", "expires_at").first()
        if before is None:
            return False
        said.delete()
        record(
            "license.entitlement_removed",
            target=license,
            actor=actor,
            application=license.application,
            license=license,
            before={"entitlement": entitlement.name, **_told(before)},
        )
        return True


def set_usage(
    *, license: License, entitlement: Entitlement, used: int, actor: Actor, now: dt.datetime
) -> bool:
    """Say how much of a metered entitlement a license has used in the period that runs; return False when it was so already.

    Raises InvalidRequestError when the entitlement is not metered, another application's, or `used` out of bounds.
    """
    _refuse_strangers(license.application_id, entitlement)
    if not entitlement.is_metered:
        raise errors.InvalidRequestError(f"{entitlement} is not metered")
    if not 0 <= used <= NUMBER_MAX:
        raise errors.InvalidRequestError(f"used must be between 0 and {NUMBER_MAX}")
    with _gone_refused(), transaction.atomic():
        parameters = {
            "usage_id": uuid7(),
            "license_id": license.pk,
            "entitlement_id": entitlement.pk,
        }
        row = fetch_row(LOCK_USAGE, parameters)
        if row is None:
            raise errors.NotFoundError("This entitlement was deleted")
        usage_id, before = row
        if before == used:
            return False
        Usage.objects.filter(pk=usage_id).update(used=used, changed_at=now)
        record(
            "usage.set",
            target=license,
            actor=actor,
            application=license.application,
            license=license,
            before={"used": before},
            after={"entitlement": entitlement.name, "used": used},
        )
    return True


def checked_value(entitlement: Entitlement, value: Value) -> Value:
    """Return a value that fits the entitlement's kind; raise InvalidRequestError for another."""
    if entitlement.kind == _Kind.BOOLEAN:
        fits, wanted = isinstance(value, bool), "true or false"
    elif entitlement.kind == _Kind.INTEGER:
        fits = type(value) is int and -NUMBER_MAX <= value <= NUMBER_MAX
        wanted = f"a whole number between -{NUMBER_MAX} and {NUMBER_MAX}"
    elif entitlement.kind == _Kind.TEXT:
        fits = isinstance(value, str) and 0 < len(value) <= TEXT_MAX and "\0" not in value
        wanted = f"a text of 1 to {TEXT_MAX} characters"
    else:
        fits = value is None or (type(value) is int and 0 <= value <= NUMBER_MAX)
        wanted = f"a limit between 0 and {NUMBER_MAX}, or null for none"
    if not fits:
        raise errors.InvalidRequestError(f"value of {entitlement} must be {wanted}")
    return value


def _refuse_strangers(application_id: uuid.UUID, entitlement: Entitlement) -> None:
    if entitlement.application_id != application_id:
        raise errors.InvalidRequestError("entitlement is another application's")


def _told(word: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an event tells of a word: a limit of none is a word as well."""
    if word is None:
        return {}
    value = "no limit" if word["value"] is None else word["value"]
    expires = {"expires_at": word["expires_at"]} if word["expires_at"] else {}
    return {"value": value, **expires}


_BROKEN_RULES = {
    "entitlement_name_is_unique": "name is taken by another entitlement of this application",
    "entitlement_name_is_plain": "name must be made of small letters, digits, _, . and -",
    "entitlement_kind_is_known": "kind must be boolean, integer, text or metered",
    "entitlement_period_is_known": "period must be never, day, week, month or year",
    "only_a_metered_entitlement_starts_anew": "only a metered entitlement has a period",
}


@contextlib.contextmanager
def _broken_rules_refused() -> Iterator[None]:
    """Turn what the database says of a broken rule into a refusal that people understand."""
    try:
        yield
    except IntegrityError as error:
        for constraint, message in _BROKEN_RULES.items():
            if constraint in str(error):
                raise errors.InvalidRequestError(message) from error
        raise


@contextlib.contextmanager
def _gone_refused() -> Iterator[None]:
    """Whoever deletes a row while we speak of it was faster."""
    try:
        yield
    except (IntegrityError, Policy.DoesNotExist, License.DoesNotExist) as error:
        raise errors.NotFoundError("Policy, license or entitlement was deleted") from error
