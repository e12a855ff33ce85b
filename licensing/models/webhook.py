"""Webhooks: where an application's events are sent, with what they are signed, and what became of each.

A delivery is written by the database together with the event that it tells of (migration `webhooks`), and is the truth about
it; jobs only say when to look.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.cells import Cell
from accounts.ids import uuid7
from licensing.models.application import Application

SECRET = Cell("licensing_webhooksecret", "secret_ciphertext")
PRIVATE_KEY = Cell("licensing_webhooksecret", "private_ciphertext")


class WebhookEndpoint(models.Model):
    """Allowed moves: enabled ⇄ paused by people; enabled → disabled by the installation, disabled → enabled by people."""

    class State(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        # Events wait for its end.
        PAUSED = "paused", "Paused"
        # It failed for too long, or said that it is gone: events pass it by.
        DISABLED = "disabled", "Disabled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="webhook_endpoints"
    )
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(
        models.CharField(max_length=60), help_text="license.suspended, license.*, or * for all."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.ENABLED)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    resting_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="What it asked for with Retry-After."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="webhook_endpoint_state_is_known",
                condition=Q(state__in=("enabled", "paused", "disabled")),
            ),
        ]

    def __str__(self) -> str:
        # Some hide a secret in the path.
        return self.description or urlsplit(self.url).hostname or ""


class WebhookSecretQuerySet(models.QuerySet["WebhookSecret"]):
    def usable(self, at: dt.datetime) -> WebhookSecretQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at))

    def current(self) -> WebhookSecretQuerySet:
        return self.filter(expires_at=None)


class WebhookSecret(models.Model):
    """What an endpoint's webhooks are signed with: a shared secret, and a key pair for who would rather share none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets")
    secret_ciphertext = models.TextField(editable=False)
    private_ciphertext = models.TextField(editable=False)
    public_key = models.CharField(max_length=60, help_text="whpk_ and base64.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Set when it was replaced: until then both sign."
    )

    objects = WebhookSecretQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="webhook_endpoint_has_one_current_secret",
                fields=("endpoint",),
                condition=Q(expires_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"secret of {self.endpoint_id}"

    def reveal(self) -> str:
        """Return the shared secret in clear; raise UndecipherableError when it does not open."""
        return SECRET.decrypt(self.secret_ciphertext, self.pk)

    def signing_keys(self) -> tuple[str, str]:
        """Return what signs: the shared secret and the private key."""
        return self.reveal(), PRIVATE_KEY.decrypt(self.private_ciphertext, self.pk)


class WebhookDelivery(models.Model):
    """One event for one endpoint: pending until the endpoint took it, or until every attempt failed."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    # Like an event's own ids no foreign key. It is the `webhook-id` as well, the same however often it is sent.
    event_id = models.UUIDField()
    action = models.CharField(max_length=50)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    failures = models.IntegerField(default=0, help_text="Attempts that failed since it was queued.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(
                name="pending_deliveries",
                fields=["endpoint", "next_attempt_at"],
                condition=Q(status="pending"),
            ),
            models.Index(name="deliveries_of_endpoint", fields=["endpoint", "-id"]),
            models.Index(name="deliveries_of_event", fields=["event_id"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="event_is_queued_once_for_an_endpoint", fields=["endpoint", "event_id"]
            ),
            models.CheckConstraint(
                name="pending_delivery_has_a_time",
                condition=Q(status="pending", next_attempt_at__isnull=False)
                | Q(status__in=("delivered", "failed"), next_attempt_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} to {self.endpoint_id}"


class WebhookAttempt(models.Model):
    """One attempt at a delivery: what was sent, and what came back. What tells of a person goes when that is erased."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    attempted_at = models.DateTimeField()
    request_headers = models.JSONField()
    request_body = models.TextField()
    status = models.IntegerField(null=True, help_text="Of the answer; empty when there was none.")
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True)
    milliseconds = models.IntegerField()
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.status or self.error} at {self.attempted_at:%Y-%m-%d %H:%M:%S}"
