"""An access rule: who is kept out of an application, or who alone a license is for."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.license import License

NOTE_MAX = 200


class AccessRule(models.Model):
    """Without a license it blocks in its whole application; with one it allows, and the license is for nobody else of its kind."""

    class Kind(models.TextChoices):
        HWID = "hwid", "Device"
        NETWORK = "network", "Network"
        COUNTRY = "country", "Country"
        USER = "user", "User name"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="access_rules"
    )
    license = models.ForeignKey(
        License, null=True, blank=True, on_delete=models.CASCADE, related_name="access_rules"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # A network with its length, a country's code, a user name; of a device what pages show of its digest, which is no device.
    value = models.CharField(max_length=150)
    # What a device is known by: ":" and the keyed digest of its whole hardware id in hex, "disk:" and that of its disk, and so
    # on, under each key of the ring that it was seen with.
    digests = ArrayField(models.TextField(), default=list, db_default=[], editable=False)
    # The newest of HWID_KEYS among them; only the device itself, when it calls, can bring a newer one.
    hwid_key_id = models.CharField(max_length=32, default="", editable=False)
    note = models.CharField(max_length=NOTE_MAX, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="access_rule_stands_once_on_a_license",
                fields=("application", "license", "kind", "value"),
                condition=models.Q(license__isnull=False) & ~models.Q(kind="hwid"),
            ),
            models.UniqueConstraint(
                name="access_rule_stands_once_in_an_application",
                fields=("application", "kind", "value"),
                condition=models.Q(license=None) & ~models.Q(kind="hwid"),
            ),
            models.CheckConstraint(
                name="access_rule_kind_is_known",
                condition=models.Q(kind__in=("hwid", "network", "country", "user")),
            ),
            models.CheckConstraint(
                name="access_rule_about_users_is_a_licenses",
                condition=~models.Q(kind="user") | models.Q(license__isnull=False),
            ),
            models.CheckConstraint(
                name="access_rule_network_has_a_length",
                condition=~models.Q(kind="network")
                | models.Q(value__regex=r"^[0-9a-f:.]+/[0-9]+$"),
            ),
            models.CheckConstraint(
                name="access_rule_device_has_digests",
                condition=~models.Q(kind="hwid") | ~models.Q(digests=[]),
            ),
        )
        indexes = (
            models.Index(name="access_rule_by_license", fields=("application", "license", "-id")),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display().lower()} {self.shown}"

    @property
    def effect(self) -> str:
        return "block" if self.license_id is None else "allow"

    @property
    def shown(self) -> str:
        """Return the value as people write it: one address without its length."""
        if self.kind != self.Kind.NETWORK:
            return self.value
        return self.value.removesuffix("/128" if ":" in self.value else "/32")

    @property
    def parts(self) -> list[str]:
        """Return the names of the parts that the device is known by."""
        return sorted(
            {name for name, _, _ in (each.partition(":") for each in self.digests)} - {""}
        )
