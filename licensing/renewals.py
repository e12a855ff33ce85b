"""Acts on the time of a license that follow its policy: another of its durations, and from a trial to what is paid for."""

import datetime as dt

from django.db import transaction

from licensing import errors
from licensing.events import Actor, record
from licensing.many_licenses import cut_sessions_short
from licensing.models import License, Policy
from licensing.policies import hold_policy


@transaction.atomic
def renew_license(
    *, license: License, actor: Actor, now: dt.datetime, seen_end: dt.datetime | None = None
) -> bool:
    """Give a license another of its policy's durations, counted as the policy says.

    In its grace a license counts as not expired. No renewal makes a license shorter, and one whose time is frozen is renewed as
    of the moment when it was. `seen_end` is the end that the asker saw: once it is another, nothing changes and False is
    returned, so that asking twice renews once. Raises InvalidRequestError when the policy has no duration, LicenseStateError
    when the license is revoked, or has no end that could be moved.
    """
    license = _locked(license)
    if seen_end is not None and license.expires_at != seen_end:
        return False
    if license.status == License.Status.REVOKED:
        raise errors.LicenseStateError("A revoked license cannot be renewed")
    before = license.expires_at
    if before is None:
        raise errors.LicenseStateError("This license has no end, or its time has not started yet")
    license.expires_at = _renewed(license, before, license.frozen_at or now)
    license.save(update_fields=["expires_at"])
    record(
        "license.renewed",
        target=license,
        actor=actor,
        application=license.application,
        license=license,
        before={"expires_at": before},
        after={"expires_at": license.expires_at},
    )
    return True


@transaction.atomic
def convert_trial(*, license: License, policy: Policy, actor: Actor, now: dt.datetime) -> bool:
    """Turn a trial into a license of another policy, under the same key and with its devices and sessions.

    Its time starts now, or with its first use where the policy says so and no program has used it yet. Returns False when it
    follows that policy already. Raises LicenseStateError when it is no trial or is revoked, InvalidRequestError when the policy
    is a trial's itself, is another application's or was deleted.
    """
    license = _locked(license)
    if license.policy_id == policy.pk:
        return False
    if policy.application_id != license.application_id:
        raise errors.InvalidRequestError("policy is another application's")
    if policy.is_trial:
        raise errors.InvalidRequestError("policy is that of a trial itself")
    if not license.policy.is_trial:
        raise errors.LicenseStateError("This license is no trial")
    if license.status == License.Status.REVOKED:
        raise errors.LicenseStateError("A revoked license cannot be converted")
    hold_policy(policy)
    before = {"policy": license.policy.name, "expires_at": license.expires_at}
    license.policy = policy
    license.expires_at = policy.expiry_of_a_license_issued(now, first_used_at=license.first_used_at)
    license.frozen_at = license.frozen_at and now
    license.save(update_fields=["policy", "expires_at", "frozen_at"])
    cut_sessions_short([license], now)
    record(
        "license.converted",
        target=license,
        actor=actor,
        application=license.application,
        license=license,
        before=before,
        after={"policy": policy.name, "expires_at": license.expires_at},
    )
    return True


def _renewed(license: License, end: dt.datetime, at: dt.datetime) -> dt.datetime:
    policy = license.policy
    if policy.duration_seconds is None:
        raise errors.InvalidRequestError("policy has no duration to renew by: extend the license")
    is_late = at >= (license.grace_until() or end)
    counts_from_now = policy.renewal == Policy.Renewal.FROM_NOW or (
        policy.renewal == Policy.Renewal.FROM_NOW_IF_EXPIRED and is_late
    )
    try:
        renewed = (at if counts_from_now else end) + dt.timedelta(seconds=policy.duration_seconds)
    except OverflowError as error:
        raise errors.InvalidRequestError("expires_at would lie after the year 9999") from error
    return max(end, renewed)


def _locked(license: License) -> License:
    rows = License.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("application", "policy").get(pk=license.pk)
