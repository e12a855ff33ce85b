"""A license: the right of one customer to use an application, written as a key."""

import datetime as dt

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.urls import reverse

from accounts import ciphers
from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.license_batch import LicenseBatch
from licensing.models.policy import GRACE_MAX_SECONDS, Policy
from licensing.versions import KEY_MAX, VERSION_MAX


class LicenseQuerySet(models.QuerySet["License"]):
    def usable(self, at: dt.datetime) -> "LicenseQuerySet":
        return self.filter(status=License.Status.ACTIVE).exclude(expires_at__lte=at)

    def expired(self, at: dt.datetime) -> "LicenseQuerySet":
        """Licenses that are active by status but past their end."""
        return self.filter(status=License.Status.ACTIVE, expires_at__lte=at)

    def for_application(self, application: Application) -> "LicenseQuerySet":
        return self.filter(application=application)


class License(models.Model):
    """Allowed moves: active ⇄ suspended, active or suspended → revoked. Revoked is the end. *Expired* is derived."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        REVOKED = "revoked", "Revoked"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="licenses")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="licenses")
    batch = models.ForeignKey(
        LicenseBatch, null=True, blank=True, on_delete=models.SET_NULL, related_name="licenses"
    )
    key_digest = models.BinaryField(max_length=32, editable=False)
    index_key_id = models.CharField(max_length=32, default="", editable=False)
    # The same under the other key, while the ring holds two (licensing/tokens.py).
    second_key_digest = models.BinaryField(max_length=32, null=True, editable=False)
    second_index_key_id = models.CharField(max_length=32, default="", editable=False)
    key_ciphertext = models.TextField(editable=False)
    key_last5 = models.CharField("key ends in", max_length=5, editable=False)
    username = models.CharField(max_length=150, blank=True)
    email = models.EmailField("e-mail", blank=True)
    note = models.TextField(blank=True, help_text="For your team only.")
    metadata = models.JSONField(
        default=dict,
        blank=True,
        help_text="A JSON object that your program receives with every answer.",
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    devices_max = models.PositiveIntegerField(
        "devices",
        null=True,
        blank=True,
        help_text="Instead of the policy's number. Empty: the policy's.",
    )
    sessions_max = models.PositiveIntegerField(
        "sessions at once",
        null=True,
        blank=True,
        help_text="Instead of the policy's number. Empty: the policy's.",
    )
    grace_seconds = models.PositiveIntegerField(
        "grace period",
        null=True,
        blank=True,
        help_text="Instead of the policy's. Empty: the policy's.",
    )
    expiry_strategy = models.CharField(
        "after that",
        max_length=10,
        choices=Policy.ExpiryStrategy.choices,
        blank=True,
        help_text="Instead of what the policy says. Empty: the policy's.",
    )
    app_version_min = models.CharField("from version", max_length=VERSION_MAX, blank=True)
    app_version_max = models.CharField("up to version", max_length=VERSION_MAX, blank=True)
    app_version_min_key = models.CharField(max_length=KEY_MAX, blank=True, editable=False)
    app_version_max_key = models.CharField(max_length=KEY_MAX, blank=True, editable=False)
    # Since when its time stands still: what has passed until it leaves its suspension is put behind its end.
    frozen_at = models.DateTimeField("time frozen", null=True, blank=True, editable=False)
    revoked_reason = models.CharField("reason of the revocation", max_length=500, blank=True)
    # Kept by the same guarded statement that takes a place, so that no two programs can take the last one.
    devices_used = models.PositiveIntegerField(default=0, editable=False)
    first_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LicenseQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="license_key_is_unique_in_its_application",
                fields=("application", "key_digest"),
            ),
            models.UniqueConstraint(
                name="license_key_is_unique_under_the_other_key_too",
                fields=("application", "second_key_digest"),
                condition=models.Q(second_key_digest__isnull=False),
            ),
            models.CheckConstraint(
                name="license_status_is_known",
                condition=models.Q(status__in=("active", "suspended", "revoked")),
            ),
            models.CheckConstraint(
                name="license_metadata_is_an_object",
                condition=Exact(
                    models.Func(
                        "metadata", function="jsonb_typeof", output_field=models.TextField()
                    ),
                    models.Value("object"),
                ),
            ),
            models.CheckConstraint(
                name="license_allows_a_device",
                condition=models.Q(devices_max=None) | models.Q(devices_max__gte=1),
            ),
            models.CheckConstraint(
                name="license_allows_a_session",
                condition=models.Q(sessions_max=None) | models.Q(sessions_max__gte=1),
            ),
            models.CheckConstraint(
                name="license_grace_is_sane",
                condition=models.Q(grace_seconds=None)
                | models.Q(grace_seconds__range=(0, GRACE_MAX_SECONDS)),
            ),
            models.CheckConstraint(
                name="license_expiry_strategy_is_known",
                condition=models.Q(expiry_strategy__in=("", "refuse", "fall_back")),
            ),
            models.CheckConstraint(
                name="license_time_is_frozen_by_a_suspension",
                condition=models.Q(frozen_at=None) | models.Q(status="suspended"),
            ),
            models.CheckConstraint(
                name="license_reason_is_of_a_revocation",
                condition=models.Q(revoked_reason="") | models.Q(status="revoked"),
            ),
        )
        indexes = (
            models.Index(name="license_by_application", fields=("application", "-id")),
            models.Index(name="license_by_last5", fields=("application", "key_last5")),
            # Search by the beginning of a name: lower(username) LIKE 'ann%'.
            models.Index(
                "application",
                OpClass(Lower("username"), name="text_pattern_ops"),
                name="license_by_username",
            ),
            models.Index(
                "application",
                OpClass(Lower("email"), name="text_pattern_ops"),
                name="license_by_email",
            ),
        )

    def __str__(self) -> str:
        return f"…{self.key_last5}"

    def get_absolute_url(self) -> str:
        return reverse("license", args=[self.application_id, self.pk])

    def is_expired(self, at: dt.datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def state(self, at: dt.datetime) -> str:
        """Return the status as people see it: `expired` when an active license is past its end."""
        if self.status == self.Status.ACTIVE and self.is_expired(at):
            return "expired"
        return self.status

    def devices_allowed(self) -> int | None:
        """Return how many devices may be bound at once: the license's own number, else its policy's; None: any."""
        return self.devices_max or self.policy.devices_max

    def sessions_allowed(self) -> int | None:
        """Return how many sessions may be open at once: the license's own number, else its policy's; None: any."""
        return self.sessions_max or self.policy.sessions_max

    def reveal(self) -> str:
        """Return the license key in clear; raise UndecipherableError when it does not open."""
        return ciphers.decrypt(
            self.key_ciphertext, table=self._meta.db_table, column="key_ciphertext", row=self.pk
        )
