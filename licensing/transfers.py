"""Handing a license over: to another customer, who finds it as if nobody had used it, under the same key."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from licensing import errors
from licensing.devices import release_every_device
from licensing.events import Actor, record
from licensing.models import License, Session

_USERNAME_MAX, _EMAIL_MAX = 150, 254


@transaction.atomic
def transfer_license(
    *, license: License, username: str, email: str, actor: Actor, now: dt.datetime
) -> bool:
    """Give a license to another customer: end its sessions, release its devices, forget its named users and write the new names on it.

    A device that may run on under its license file keeps its place until the file ends. Key, policy, end, metadata, note and
    entitlements stay. Returns False when it is this customer's already. Raises InvalidRequestError when neither name says who
    gets it or one is too long, LicenseStateError when the license is revoked.
    """
    _check(username, email)
    rows = License.objects.select_for_update(no_key=True, of=("self",))
    license = rows.select_related("application").get(pk=license.pk)
    if license.status == License.Status.REVOKED:
        raise errors.LicenseStateError("A revoked license cannot be transferred")
    before = {"username": license.username, "email": license.email}
    after = {"username": username, "email": email}
    if before == after:
        return False
    # First of all, so that no program of the customer before keeps its session.
    released = release_every_device(license=license, now=now)
    Session.objects.filter(license=license).open(now).update(
        ended_at=now, ended_reason=Session.EndedReason.LICENSE_TRANSFERRED
    )
    license.named_users.all().delete()
    License.objects.filter(pk=license.pk).update(**after)
    record(
        "license.transferred",
        target=license,
        actor=actor,
        application=license.application,
        license=license,
        before=before,
        after={**after, "devices_released": released},
    )
    return True


def _check(username: str, email: str) -> None:
    if not username and not email:
        raise errors.InvalidRequestError("username or email must say who gets the license")
    if len(username) > _USERNAME_MAX or "\0" in username:
        raise errors.InvalidRequestError(f"username must be {_USERNAME_MAX} characters at most")
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise errors.InvalidRequestError("email must be an e-mail address") from error
    if len(email) > _EMAIL_MAX:
        raise errors.InvalidRequestError(f"email must be {_EMAIL_MAX} characters at most")
