"""Acts on policies."""

import contextlib
import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db import DataError, IntegrityError, transaction
from psycopg.errors import CheckViolation

from accounts.ids import uuid7
from licensing import errors
from licensing.events import Actor, record
from licensing.models import Application, Policy
from licensing.models.policy import SECONDS_PER_DAY
from licensing.statements import fetch_row
from licensing.versions import bounds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a policy says; counts and times of None mean no limit, and "" no bound. Times are in seconds."""

    name: str
    duration_seconds: int | None = None
    clock_start: str = Policy.ClockStart.CREATION
    ends_at: dt.datetime | None = None
    renewal: str = Policy.Renewal.FROM_NOW_IF_EXPIRED
    grace_seconds: int = 0
    expiry_strategy: str = Policy.ExpiryStrategy.REFUSE
    is_trial: bool = False
    suspension_freezes_time: bool = False
    app_version_min: str = ""
    app_version_max: str = ""
    download_url: str = ""
    devices_max: int | None = 1
    hwid_matching: str = Policy.HwidMatching.MOST
    releases_max: int | None = 3
    releases_period_seconds: int = 2_592_000
    releases_pause_seconds: int | None = None
    sessions_max: int | None = None
    sessions_overflow: str = Policy.SessionsOverflow.REFUSE
    users_max: int | None = None
    sessions_per: str = Policy.SessionsPer.LICENSE
    sessions_overdraft: int = 0
    borrow_max_seconds: int | None = None
    session_lifetime_seconds: int = 86_400
    heartbeat_interval_seconds: int = 300
    license_file_seconds: int | None = 3 * SECONDS_PER_DAY


def create_policy(
    *, application: Application, rules: Rules, actor: Actor, id: uuid.UUID | None = None
) -> Policy:
    """Add a policy. `id` is chosen by the asker: asking twice with the same one adds once.

    Raises InvalidRequestError when its name or id is taken or a rule is out of bounds.
    """
    with _broken_rules_refused(), transaction.atomic():
        policy, is_new = Policy.objects.get_or_create(
            id=id or uuid7(), defaults={"application": application, **_columns(rules)}
        )
        if policy.application_id != application.pk:
            raise errors.InvalidRequestError("id is taken")
        if not is_new:
            return policy
        record(
            "policy.created",
            target=policy,
            actor=actor,
            application=application,
            after=dataclasses.asdict(rules),
        )
    return policy


def change_policy(*, policy: Policy, rules: Rules, actor: Actor) -> Policy:
    """Change a policy's rules, for the licenses that were issued under it as well.

    Limits and session times count from the next call of a program on; a license's end, once set, stays. Raises
    InvalidRequestError when the name is taken or a rule is out of bounds, NotFoundError when the policy was deleted.
    """
    with _broken_rules_refused(), transaction.atomic():
        policy = _locked(policy)
        wanted = dataclasses.asdict(rules)
        before = {
            name: getattr(policy, name) for name in wanted if getattr(policy, name) != wanted[name]
        }
        after = {name: wanted[name] for name in before}
        if not before:
            return policy
        columns = _columns(rules)
        for name, value in columns.items():
            setattr(policy, name, value)
        policy.save(update_fields=list(columns))
        record(
            "policy.changed",
            target=policy,
            actor=actor,
            application=policy.application,
            before=before,
            after=after,
        )
    return policy


@transaction.atomic
def change_some_rules(*, policy: Policy, changes: Mapping[str, Any], actor: Actor) -> Policy:
    """Change the named rules and leave the others as they are at that moment; raises what `change_policy` does.

    Two at once that change different rules both hold.
    """
    policy = _locked(policy)
    names = [field.name for field in dataclasses.fields(Rules)]
    rules = Rules(**{name: getattr(policy, name) for name in names} | dict(changes))
    return change_policy(policy=policy, rules=rules, actor=actor)


@transaction.atomic
def make_default_policy(*, policy: Policy, actor: Actor) -> bool:
    """Choose the policy that new licenses get unless told otherwise; return False when it is that already.

    Raises NotFoundError when the policy was deleted.
    """
    # The application's row is the lock: two choices at once leave one default, the later.
    Application.objects.select_for_update(no_key=True).get(pk=policy.application_id)
    if _locked(policy).is_default:
        return False
    Policy.objects.filter(application=policy.application_id, is_default=True).update(
        is_default=False
    )
    Policy.objects.filter(pk=policy.pk).update(is_default=True)
    record("policy.made_default", target=policy, actor=actor, application=policy.application)
    return True


@transaction.atomic
def delete_policy(*, policy: Policy, actor: Actor) -> None:
    """Delete a policy that no license follows; raises PolicyInUseError, or PolicyIsDefaultError for the default one.

    Deleting it twice does no harm.
    """
    # Whoever makes it the default, or gives it to a license, locks its row as well.
    held = Policy.objects.select_for_update().filter(pk=policy.pk).first()
    if held is None:
        return
    if held.is_default:
        raise errors.PolicyIsDefaultError
    if held.licenses.exists():
        raise errors.PolicyInUseError
    record(
        "policy.deleted",
        target=held,
        actor=actor,
        application=held.application,
        before={"name": held.name},
    )
    held.delete()


def hold_policy(policy: Policy) -> None:
    """Keep a policy from being deleted until the transaction ends; raises InvalidRequestError when it was already."""
    if fetch_row(_HOLD_POLICY, {"policy_id": policy.pk}) is None:
        raise errors.InvalidRequestError("policy was deleted")


def held_policies(application: Application, ids: Collection[str]) -> dict[str, Policy]:
    """Return those of an application's policies that are there, by id, and keep them from being deleted meanwhile."""
    found = Policy.objects.filter(application=application, pk__in=[id for id in ids if id])
    held = {}
    for policy in found:
        with contextlib.suppress(errors.InvalidRequestError):
            hold_policy(policy)
            held[str(policy.pk)] = policy
    return held


# The weakest lock that keeps a row from going, which Django has no words for: others may hold it at the same time.
_HOLD_POLICY = "SELECT id FROM licensing_policy WHERE id = %(policy_id)s FOR KEY SHARE"


def _columns(rules: Rules) -> dict[str, Any]:
    return dataclasses.asdict(rules) | bounds(rules.app_version_min, rules.app_version_max)


def _locked(policy: Policy) -> Policy:
    locked = Policy.objects.select_for_update(no_key=True).filter(pk=policy.pk).first()
    if locked is None:
        raise errors.NotFoundError("This policy was deleted")
    return locked


_BROKEN_RULES = {
    "policy_name_is_unique": "name is taken by another policy of this application",
    "policy_has_a_name": "name must not be empty",
    "policy_clock_start_is_known": "the clock starts at creation or at first use",
    "policy_sessions_overflow_is_known": "a new session is refused or ends the oldest one",
    "policy_hwid_matching_is_known": "a device is known again by any, two, most or all of its parts",
    "policy_releases_are_sane": "releases must be at most 100, in at most a year, or empty for no limit",
    "policy_sessions_per_is_known": "sessions are counted per license, user or device",
    "policy_borrowing_is_sane": "seats are borrowed for between one second and one year",
    "policy_duration_is_positive": "duration must be between one second and a hundred years",
    "policy_has_one_end": "duration_seconds and ends_at exclude each other",
    "policy_renewal_is_known": "renewal must be from_expiry, from_now or from_now_if_expired",
    "policy_grace_is_sane": "grace period must be between nothing and a year",
    "policy_expiry_strategy_is_known": "after its end a license is refused or falls back",
    "policy_allows_a_device": "devices must be at least 1, or empty for no limit",
    "policy_allows_a_user": "named users must be at least 1, or empty for no limit",
    "policy_allows_a_session": "sessions at once must be at least 1, or empty for no limit",
    "policy_session_lifetime_is_sane": "session lifetime must be between one minute and one year",
    "policy_heartbeat_comes_before_the_session_ends": (
        "heartbeat interval must be at least 10 seconds and shorter than the session lifetime"
    ),
    "policy_license_files_end_in_time": (
        "license files last between one hour and 90 days, or empty for none"
    ),
}


@contextlib.contextmanager
def _broken_rules_refused() -> Iterator[None]:
    """Turn what the database says of a broken rule into a refusal that people understand."""
    try:
        yield
    except DataError as error:
        raise errors.InvalidRequestError("a rule is too long or too large") from error
    except IntegrityError as error:
        for constraint, message in _BROKEN_RULES.items():
            if constraint in str(error):
                raise errors.InvalidRequestError(message) from error
        if isinstance(error.__cause__, CheckViolation):
            raise errors.InvalidRequestError("a rule is out of bounds") from error
        raise
