"""Acts on devices: the developer releases any, a program its own, within the policy's budget."""

import dataclasses
import datetime as dt
import uuid

from django.db import transaction
from django.db.models import F

from licensing import callers, errors, sessions
from licensing.callers import Caller
from licensing.client_calls import session_parameters
from licensing.device_statements import READ_RELEASE_BUDGET, SPEND_RELEASE
from licensing.events import Actor, program_actor, record
from licensing.models import Device, License, Session
from licensing.session_statements import LOCK_LICENSE_OF_SESSION
from licensing.signatures import SigningFacts
from licensing.statements import fetch_row


@dataclasses.dataclass(frozen=True, slots=True)
class Released:
    """Who answers, and how often programs of the license may release a device now; None: as often as they like."""

    signing: SigningFacts
    releases_left: int | None


@transaction.atomic
def release_device(
    *, device: Device, actor: Actor, now: dt.datetime, holds_place: bool = False
) -> bool:
    """Free the place that a device takes and end its sessions; return False when it was free already.

    With `holds_place`, a device that may run on under its license file keeps the place until the file ends. Asked again
    without, the place is free at once.
    """
    license = License.objects.select_for_update(no_key=True).get(pk=device.license_id)
    if not Device.objects.filter(pk=device.pk).bound().update(released_at=now):
        return not holds_place and _free_held_place(license, device, actor, now)
    # Read behind the lock on its row: whoever gave it a file meanwhile has said so by now.
    file_ends_at = Device.objects.values_list("license_file_ends_at", flat=True).get(pk=device.pk)
    held = license.held_places(now)
    if holds_place and file_ends_at is not None and file_ends_at > now:
        held[str(device.pk)] = file_ends_at.isoformat()
    License.objects.filter(pk=license.pk).update(
        devices_used=F("devices_used") - 1, places_held=held
    )
    Session.objects.filter(device=device).open(now).update(
        ended_at=now, ended_reason=Session.EndedReason.DEVICE_RELEASED
    )
    record(
        "device.released",
        target=device,
        actor=actor,
        application=device.application,
        license=device.license,
        before={"name": device.name, "fingerprint": device.fingerprint},
    )
    return True


def release_every_device(*, license: License, now: dt.datetime) -> int:
    """Release all devices of a license whose row the caller has locked, and return how many; their sessions are the caller's.

    Those that may run on under a license file keep their places until it ends.
    """
    # Locked, and so read as they are by now: whoever gave one a file meanwhile has said so.
    bound = license.devices.bound().select_for_update(no_key=True).order_by("pk")
    file_ends = dict(bound.values_list("pk", "license_file_ends_at"))
    Device.objects.filter(pk__in=file_ends).update(released_at=now)
    held = license.held_places(now) | {
        str(id): end.isoformat() for id, end in file_ends.items() if end is not None and end > now
    }
    License.objects.filter(pk=license.pk).update(devices_used=0, places_held=held)
    return len(file_ends)


def _free_held_place(license: License, device: Device, actor: Actor, now: dt.datetime) -> bool:
    held = license.held_places(now)
    if held.pop(str(device.pk), None) is None:
        return False
    License.objects.filter(pk=license.pk).update(places_held=held)
    record(
        "device.place_freed",
        target=device,
        actor=actor,
        application=device.application,
        license=license,
    )
    return True


@transaction.atomic
def release_own_device(
    *, api_key: str, session_token: uuid.UUID, caller: Caller = callers.UNKNOWN
) -> Released:
    """Release the device of a session at its program's word, if the policy's budget has one left.

    Its place is free once its license file has ended: until then the program may run on there.

    Asking twice is one release. Raises as `validate_session` does, and ReleaseLimitReachedError.
    """
    parameters = session_parameters(api_key, session_token)
    # Nobody else spends what is left, or takes and frees places of this license, until the transaction ends.
    fetch_row(LOCK_LICENSE_OF_SESSION, parameters)
    try:
        found = sessions.validate_session(
            api_key=api_key, session_token=session_token, caller=caller
        )
    except errors.SessionEndedError as refusal:
        return _released_before(refusal, parameters["token_digest"])
    license = {"license_id": found.license.id}
    spent = fetch_row(SPEND_RELEASE, license)
    if spent is None:
        raise errors.ReleaseLimitReachedError(_budget(found.license.id)[1], signing=found.signing)
    device = Device.objects.select_related("application", "license").get(
        sessions__token_digest=parameters["token_digest"]
    )
    release_device(
        device=device, actor=program_actor(caller.ip_address), now=spent[0], holds_place=True
    )
    return Released(found.signing, _budget(found.license.id)[0])


def _released_before(refusal: errors.SessionEndedError, token_digest: bytes) -> Released:
    """Give the answer once more that a program did not get; raises what it was given when its session ended otherwise."""
    session = Session.objects.get(token_digest=token_digest)
    if session.ended_reason != Session.EndedReason.DEVICE_RELEASED or refusal.signing is None:
        raise refusal
    return Released(refusal.signing, _budget(session.license_id)[0])


def _budget(license_id: uuid.UUID) -> tuple[int | None, int | None]:
    """Return how many releases are left, and in how many seconds there will be one; None: no limit, and never."""
    left, seconds = fetch_row(READ_RELEASE_BUDGET, {"license_id": license_id}) or (None, None)
    return left, seconds
