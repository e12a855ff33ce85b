"""A license's own word on an entitlement, which counts instead of its policy's."""

import datetime as dt

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.entitlement import Entitlement
from licensing.models.license import License


class LicenseEntitlement(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="entitlements")
    entitlement = models.ForeignKey(
        Entitlement, on_delete=models.CASCADE, related_name="in_licenses"
    )
    # As in PolicyEntitlement.
    value = models.JSONField(null=True)
    expires_at = models.DateTimeField("expires", null=True, blank=True)

    class Meta:
        verbose_name = "entitlement of a license"
        verbose_name_plural = "entitlements of licenses"
        ordering = ("entitlement__name",)
        constraints = (
            models.UniqueConstraint(
                name="license_speaks_of_an_entitlement_once", fields=("license", "entitlement")
            ),
        )

    def __str__(self) -> str:
        return f"{self.entitlement} of {self.license}"

    def has_expired(self, at: dt.datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at
