"""A named user: somebody who has a license of their own among those that it is limited to."""

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.license import License


class NamedUser(models.Model):
    """Written by the first session that a program opens in the user's name (migration 0035)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="named_users"
    )
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="named_users")
    name = models.CharField(max_length=150)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(name="user_is_named_once", fields=("license", "name")),
            models.CheckConstraint(name="named_user_has_a_name", condition=~models.Q(name="")),
        )
        indexes = (models.Index(name="named_user_by_application", fields=("application", "-id")),)

    def __str__(self) -> str:
        return self.name
