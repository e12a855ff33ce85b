"""An entitlement: something that a license may allow, known to programs by its name. Policies and licenses say how much of it."""

from django.db import models
from django.urls import reverse

from accounts.ids import uuid7
from licensing.models.application import Application

NAME_PATTERN = r"[a-z][a-z0-9_.-]{0,63}"
TEXT_MAX = 500
# The largest whole number that every JSON reader keeps exact (RFC 8259, section 6).
NUMBER_MAX = 2**53 - 1


class Entitlement(models.Model):
    """Name, kind and period stand for good: programs that were shipped ask by them. Only the description changes."""

    class Kind(models.TextChoices):
        BOOLEAN = "boolean", "Yes or no"
        INTEGER = "integer", "A number"
        TEXT = "text", "A text"
        METERED = "metered", "Metered: used up, and counted"

    class Period(models.TextChoices):
        """Calendar periods in UTC: days begin at midnight, weeks on Monday."""

        NEVER = "never", "Never"
        DAY = "day", "Every day"
        WEEK = "week", "Every week, on Monday"
        MONTH = "month", "Every month, on the first"
        YEAR = "year", "Every year, on the first of January"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="entitlements"
    )
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    period = models.CharField(
        "starts anew",
        max_length=10,
        choices=Period.choices,
        default=Period.NEVER,
        help_text="When the count of a metered entitlement begins at nothing again, in UTC.",
    )
    description = models.CharField(max_length=200, blank=True, help_text="For your team only.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(
                name="entitlement_name_is_unique", fields=("application", "name")
            ),
            models.CheckConstraint(
                name="entitlement_name_is_plain",
                condition=models.Q(name__regex=f"^{NAME_PATTERN}$"),
            ),
            models.CheckConstraint(
                name="entitlement_kind_is_known",
                condition=models.Q(kind__in=("boolean", "integer", "text", "metered")),
            ),
            models.CheckConstraint(
                name="entitlement_period_is_known",
                condition=models.Q(period__in=("never", "day", "week", "month", "year")),
            ),
            models.CheckConstraint(
                name="only_a_metered_entitlement_starts_anew",
                condition=models.Q(kind="metered") | models.Q(period="never"),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("entitlement", args=[self.application_id, self.pk])

    @property
    def is_metered(self) -> bool:
        return self.kind == self.Kind.METERED
