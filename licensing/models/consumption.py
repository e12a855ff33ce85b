"""A consumption: that a program used something up, remembered by its idempotency key, so that asking again counts nothing."""

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.license import License
from licensing.models.usage import Usage


class Consumption(models.Model):
    """What was asked, and the answer that it got: whoever asks again gets the same. Forgotten after a week."""

    # Tells when: old ones are found by it.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="consumptions")
    usage = models.ForeignKey(Usage, on_delete=models.CASCADE, related_name="consumptions")
    # SHA-256 of what the program chose.
    key_digest = models.BinaryField(max_length=32, editable=False)
    amount = models.BigIntegerField()
    used = models.BigIntegerField()
    limit = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="consumption_is_counted_once", fields=("license", "key_digest")
            ),
            models.CheckConstraint(
                name="consumption_is_of_something", condition=models.Q(amount__gte=1)
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount} of {self.usage_id}"
