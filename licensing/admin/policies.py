"""Policies, as staff see them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from accounts.pages import actor_of
from accounts.staff import action, uuid_in
from licensing import policies
from licensing.admin.base import ProductAdmin
from licensing.models import Policy


@admin.register(Policy)
class PolicyAdmin(ProductAdmin):
    list_display = (
        "name",
        "application",
        "is_default",
        "devices_max",
        "sessions_max",
        "created_at",
    )
    list_filter = ("is_default", "clock_start", "sessions_overflow", "created_at")
    search_help_text = "An id, or a part of the name or of the application's."
    fields = (
        "id",
        "name",
        "application",
        "is_default",
        "duration_seconds",
        "clock_start",
        "ends_at",
        "renewal",
        "is_trial",
        "suspension_freezes_time",
        "grace_seconds",
        "expiry_strategy",
        "app_version_min",
        "app_version_max",
        "download_url",
        "devices_max",
        "sessions_max",
        "sessions_overflow",
        "hwid_matching",
        "releases_max",
        "releases_period_seconds",
        "releases_pause_seconds",
        "users_max",
        "sessions_per",
        "sessions_overdraft",
        "borrow_max_seconds",
        "session_lifetime_seconds",
        "heartbeat_interval_seconds",
        "license_file_seconds",
        "created_at",
    )
    actions = (
        action(
            "make_default",
            "Make default",
            lambda request, policy: policies.make_default_policy(
                policy=policy, actor=actor_of(request)
            ),
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(name__icontains=term) | Q(application__name__icontains=term)
