"""The devices of an application, and releasing one."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.pages import Question, actor_of, reads_or_acts
from licensing.access import application_for, device_for
from licensing.devices import release_device
from licensing.models import Device
from licensing.paging import page_of
from licensing.views.licenses import license_trail
from licensing.views.pages import ask_first, license_asked_for, show

_TABS = (("", "All"), ("bound", "Bound"))


@require_safe
def devices(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    found = application.devices.with_block().select_related("license")
    license = license_asked_for(request, application)
    if license:
        found = found.filter(license=license)
    if request.GET.get("state") == "bound":
        found = found.bound()
    return show(
        request,
        "licensing/devices.html",
        application,
        section="devices",
        trail=(("Devices", ""),),
        license=license,
        tabs=_TABS,
        state=request.GET.get("state", ""),
        page=page_of(found, request.GET),
    )


@reads_or_acts
def device_release(
    request: HttpRequest, application_id: uuid.UUID, device_id: uuid.UUID
) -> HttpResponse:
    device = device_for(request.user, application_id, device_id, Right.MANAGE_LICENSES)
    license = device.license
    question = Question(
        heading=f"Release {device}",
        explanation=f"The device gives up its place on license {license}, and its open sessions end now. Another device can "
        f"take the place; this one can as well, if it asks first.{_still_running(device)}",
        button="Release device",
        cancel_url=license.get_absolute_url(),
    )
    return ask_first(
        request,
        device.application,
        question,
        lambda: release_device(device=device, actor=actor_of(request), now=timezone.now()),
        done=f"{device} is released: its place is free.",
        section="devices",
        trail=license_trail(license),
    )


def _still_running(device: Device) -> str:
    until = device.license_file_ends_at
    if until is None or until <= timezone.now():
        return ""
    return (
        f" Its license file counts on that machine until {until:%-d %B %Y, %H:%M} UTC, whatever you do: until then it may run "
        "there beside the new one."
    )
