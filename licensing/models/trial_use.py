"""A trial that a device has used up: kept when the license, and even the device's own row, is long gone."""

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application


class TrialUse(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="trial_uses"
    )
    # That of devices (licensing/tokens.py): no hardware id can be read out of it.
    hwid_digest = models.BinaryField(max_length=32, editable=False)
    hwid_key_id = models.CharField(max_length=32, default="", editable=False)
    # No foreign key: the license may be deleted, and the trial stays used.
    license_id = models.UUIDField(editable=False)
    used_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="trial_is_used_once_per_device", fields=("application", "hwid_digest")
            ),
        )
        indexes = (models.Index(name="trial_by_license", fields=("license_id",)),)

    def __str__(self) -> str:
        return f"trial of device {bytes(self.hwid_digest).hex()[:8]}"
