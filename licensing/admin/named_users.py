"""Named users, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils import timezone

from accounts.pages import actor_of
from accounts.staff import action
from licensing import named_users
from licensing.admin.base import ProductAdmin
from licensing.models import NamedUser


@admin.register(NamedUser)
class NamedUserAdmin(ProductAdmin):
    list_display = ("name", "application", "license", "first_seen_at", "last_seen_at")
    list_filter = ("first_seen_at", "last_seen_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license")
    fields = ("id", "application", "license", "name", "first_seen_at", "last_seen_at")
    actions = (
        action(
            "remove",
            "Remove",
            lambda request, user: named_users.remove_user(
                user=user, actor=actor_of(request), now=timezone.now()
            ),
            warning="These users give up their places and their sessions end now. Others can be named instead.",
        ),
    )
