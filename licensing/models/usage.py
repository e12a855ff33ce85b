"""Usage: how much of a metered entitlement a license has used up in one period."""

import datetime as dt

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.entitlement import Entitlement
from licensing.models.license import License


class UsageQuerySet(models.QuerySet["Usage"]):
    def running(self, at: dt.datetime) -> "UsageQuerySet":
        """Counts of the periods that run at a moment."""
        ends = models.Q(ends_at=None) | models.Q(ends_at__gt=at)
        return self.filter(ends, starts_at__lte=at)


class Usage(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="usage")
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="usage")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.CASCADE, related_name="usage")
    # What never starts anew has one period: from 1970 on, and without an end.
    starts_at = models.DateTimeField("period starts")
    ends_at = models.DateTimeField("period ends", null=True, blank=True)
    used = models.BigIntegerField()
    changed_at = models.DateTimeField()

    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "usage"
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="usage_is_counted_once_per_period",
                fields=("license", "entitlement", "starts_at"),
            ),
            models.CheckConstraint(name="usage_is_not_negative", condition=models.Q(used__gte=0)),
        )
        indexes = (
            models.Index(name="usage_by_application", fields=("application", "-id")),
            models.Index(
                name="usage_by_end",
                fields=("ends_at",),
                condition=models.Q(ends_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"usage of {self.entitlement}"
