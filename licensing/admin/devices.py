"""Devices, as staff see them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.pages import actor_of
from accounts.staff import action
from licensing import access_rules, devices
from licensing.admin.base import ProductAdmin, links_to
from licensing.models import Device, Session


@admin.register(Device)
class DeviceAdmin(ProductAdmin):
    list_display = ("__str__", "application", "license", "platform", "last_seen_at", "released_at")
    list_filter = ("last_seen_at", "released_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license")
    fields = (
        "id",
        "application",
        "license",
        "name",
        "platform",
        "fingerprint",
        "is_blocked",
        "parts",
        "drifted",
        "drifted_at",
        "first_seen_at",
        "last_seen_at",
        "released_at",
        "license_file_ends_at",
        "place_held_until",
        "its_rows",
    )
    actions = (
        action(
            "release",
            "Release",
            lambda request, device: devices.release_device(
                device=device, actor=actor_of(request), now=timezone.now()
            ),
            warning="These devices give up their places and their sessions end now. Other devices can take the places, those of devices "
            "that were released before and kept theirs for a license file included.",
        ),
        action(
            "block",
            "Block",
            lambda request, device: access_rules.block_device(
                device=device, actor=actor_of(request)
            ),
            warning="Programs on these devices are refused from their next call on, with whatever license of their application.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        blocks: QuerySet[Any] = rows.with_block()
        return blocks

    @admin.display(boolean=True)
    def is_blocked(self, device: Any) -> bool:
        return device.block_id is not None

    @admin.display(description="keeps its place until")
    def place_held_until(self, device: Device) -> str:
        until = device.place_held_until
        return display_for_value(until if until and until > timezone.now() else None, "-")

    @admin.display(description="belonging to it")
    def its_rows(self, device: Device) -> str:
        return links_to((Session,), device=device.pk)
