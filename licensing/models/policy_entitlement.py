"""What a policy says of an entitlement: so much have its licenses, unless their own word differs."""

import datetime as dt

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.entitlement import Entitlement
from licensing.models.policy import Policy


class PolicyEntitlement(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="entitlements")
    entitlement = models.ForeignKey(
        Entitlement, on_delete=models.CASCADE, related_name="in_policies"
    )
    # True or false, a number, a text; for a metered one its limit, NULL for none.
    value = models.JSONField(null=True)
    expires_at = models.DateTimeField("expires", null=True, blank=True)

    class Meta:
        verbose_name = "entitlement of a policy"
        verbose_name_plural = "entitlements of policies"
        ordering = ("entitlement__name",)
        constraints = (
            models.UniqueConstraint(
                name="policy_speaks_of_an_entitlement_once", fields=("policy", "entitlement")
            ),
        )

    def __str__(self) -> str:
        return f"{self.entitlement} of {self.policy}"

    def has_expired(self, at: dt.datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at
