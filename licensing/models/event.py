"""An event: who did what to which row, from where, before and after. Written once, never changed."""

from django.conf import settings
from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.license import License


class Event(models.Model):
    class ActorKind(models.TextChoices):
        USER = "user", "User"
        PROGRAM = "program", "Program"
        SYSTEM = "system", "System"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="events")
    license = models.ForeignKey(
        License, null=True, blank=True, on_delete=models.CASCADE, related_name="events"
    )
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    action = models.CharField(
        max_length=50, help_text="Noun and past participle: license.suspended."
    )
    target_type = models.CharField(max_length=20)
    target_id = models.UUIDField()
    ip_address = models.GenericIPAddressField("IP address", null=True, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(name="event_by_application", fields=("application", "-id")),
            models.Index(name="event_by_license", fields=("license", "-id")),
        )

    def __str__(self) -> str:
        return self.action
