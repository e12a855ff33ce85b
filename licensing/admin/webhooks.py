"""Webhooks, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q

from accounts.staff import uuid_in
from licensing.admin.base import ProductAdmin
from licensing.models import WebhookDelivery, WebhookEndpoint


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ProductAdmin):
    """Without the address: some hide a secret in its path."""

    list_display = ("__str__", "application", "state", "failing_since", "created_at")
    list_filter = ("state", "created_at")
    search_help_text = "An id, or a part of the description or of the application's name."
    fields = (
        "id",
        "application",
        "description",
        "events",
        "state",
        "failing_since",
        "resting_until",
        "created_at",
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(description__icontains=term) | Q(application__name__icontains=term)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ProductAdmin):
    list_display = ("id", "application", "endpoint", "action", "status", "failures", "created_at")
    list_filter = ("status", "created_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "endpoint")
    search_help_text = "The id of a delivery, of its event, its endpoint or its application."
    fields = (
        "id",
        "application",
        "endpoint",
        "event_id",
        "action",
        "status",
        "failures",
        "next_attempt_at",
        "delivered_at",
        "created_at",
    )

    def found_by(self, term: str) -> Q:
        id = uuid_in(term)
        return Q(pk=id) | Q(event_id=id) | Q(endpoint=id) | Q(application=id) if id else Q(pk=None)
