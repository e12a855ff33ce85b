"""Acts on devices."""

import datetime as dt

from django.db import transaction
from django.db.models import F

from licensing.events import Actor, record
from licensing.models import Device, License, Session


@transaction.atomic
def release_device(*, device: Device, actor: Actor, now: dt.datetime) -> bool:
    """Free the place that a device takes and end its sessions; return False when it was free already."""
    License.objects.select_for_update(no_key=True).get(pk=device.license_id)
    if not Device.objects.filter(pk=device.pk).bound().update(released_at=now):
        return False
    License.objects.filter(pk=device.license_id).update(devices_used=F("devices_used") - 1)
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
