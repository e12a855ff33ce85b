"""A device: a hardware id bound to a license. Only a keyed digest of the hardware id is kept."""

import datetime as dt

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Coalesce, Concat, NullIf

from accounts.ids import uuid7
from licensing.models.access_rule import AccessRule
from licensing.models.application import Application
from licensing.models.license import License


class DeviceQuerySet(models.QuerySet["Device"]):
    def bound(self) -> "DeviceQuerySet":
        """Devices that take one of their license's places."""
        return self.filter(released_at=None)

    def with_block(self) -> "DeviceQuerySet":
        """With `block_id`: the newest rule of the block list that keeps the device out, judged as calls are; None: no rule does."""
        met = models.Func(
            models.F("digests"),
            models.OuterRef("known_by"),
            models.OuterRef("matching"),
            function="licensing_is_same_device",
            output_field=models.BooleanField(),
        )
        blocks = AccessRule.objects.filter(
            application=models.OuterRef("application"), license=None, kind=AccessRule.Kind.HWID
        )
        # Few rules have a digest in common with a device, and only of those the function need be asked.
        met_by = blocks.filter(met, digests__overlap=models.OuterRef("known_by"))
        return self.alias(known_by=_KNOWN_BY, matching=_MATCHING).annotate(
            block_id=models.Subquery(met_by.order_by("-pk").values("pk")[:1])
        )


# As access rules write it: ":" and the digest of the whole hardware id in hex, then the parts.
_KNOWN_BY = models.Func(
    Concat(
        models.Value(":"),
        models.Func(
            models.F("hwid_digest"),
            models.Value("hex"),
            function="encode",
            output_field=models.TextField(),
        ),
    ),
    models.F("components"),
    function="array_prepend",
    output_field=ArrayField(models.TextField()),
)
_MATCHING = Coalesce(
    NullIf("license__hwid_matching", models.Value("")), "license__policy__hwid_matching"
)


class Device(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # device_by_application and device_is_known_once_per_license begin with them.
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="devices", db_index=False
    )
    license = models.ForeignKey(
        License, on_delete=models.CASCADE, related_name="devices", db_index=False
    )
    hwid_digest = models.BinaryField(max_length=32, editable=False)
    # Which of HWID_KEYS made the digest; only the device itself, when it calls, can bring a newer one.
    hwid_key_id = models.CharField(max_length=32, default="", editable=False)
    # Of a hardware id in parts: "disk:" and the keyed digest of the disk, in hex, and so on.
    components = ArrayField(models.TextField(), default=list, db_default=[], editable=False)
    # Which parts were not what they had been when it last changed, and when that was.
    drifted = ArrayField(models.TextField(), default=list, db_default=[], editable=False)
    drifted_at = models.DateTimeField(null=True, blank=True, editable=False)
    name = models.CharField(max_length=100, blank=True)
    platform = models.CharField(max_length=50, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # The end of the latest license file that this device was given: until then it may run without asking.
    license_file_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    released_at = models.DateTimeField(null=True, blank=True)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="device_is_known_once_per_license", fields=("license", "hwid_digest")
            ),
        )
        indexes = (
            models.Index(name="device_by_application", fields=("application", "-id")),
            # A part is met on few devices: finding those with one in common reads no more than them.
            GinIndex(name="device_by_component", fields=("components",)),
        )

    def __str__(self) -> str:
        return self.name or f"device {self.fingerprint}"

    @property
    def fingerprint(self) -> str:
        """Return the first eight hex digits of the digest: enough to tell devices apart, too little to be one."""
        return bytes(self.hwid_digest).hex()[:8]

    @property
    def parts(self) -> list[str]:
        """Return the names of the parts that the device is known by; none where its hardware id is one text."""
        return [component.partition(":")[0] for component in self.components]

    @property
    def place_held_until(self) -> dt.datetime | None:
        """Return until when a released device keeps its place, because it may run on under a license file."""
        until = self.license.places_held.get(str(self.pk))
        return dt.datetime.fromisoformat(until) if until else None

    def is_bound(self) -> bool:
        return self.released_at is None
