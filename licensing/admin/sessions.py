"""Sessions, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils import timezone

from accounts.pages import actor_of
from accounts.staff import action
from licensing import sessions
from licensing.admin.base import ProductAdmin
from licensing.models import Session


@admin.register(Session)
class SessionAdmin(ProductAdmin):
    list_display = ("id", "application", "license", "device", "opened_at", "last_seen_at", "state")
    list_filter = ("ended_reason", "is_overdraft", "opened_at", "ended_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license", "device")
    fields = (
        "id",
        "application",
        "license",
        "device",
        "user_name",
        "app_version",
        "ip_address",
        "state",
        "opened_at",
        "last_seen_at",
        "expires_at",
        "is_overdraft",
        "borrowed_until",
        "ended_at",
        "ended_reason",
    )
    actions = (
        action(
            "end",
            "End session",
            lambda request, session: sessions.end_session(
                session=session, actor=actor_of(request), now=timezone.now()
            ),
            warning="The programs learn it at their next heartbeat or validation. They may open new sessions; to keep one out, "
            "suspend its license.",
        ),
    )

    @admin.display
    def state(self, session: Session) -> str:
        return session.state(timezone.now())
