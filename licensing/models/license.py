"""A license: the right of one customer to use an application, written as a key."""

import datetime as dt

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Coalesce, Lower, NullIf
from django.db.models.lookups import Exact, LessThanOrEqual
from django.urls import reverse

from accounts import ciphers
from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.license_batch import LicenseBatch
from licensing.models.policy import BORROW_MAX_SECONDS, GRACE_MAX_SECONDS, RELEASES_MAX, Policy
from licensing.versions import KEY_MAX, VERSION_MAX

_LAST_MOMENT = dt.datetime.max.replace(tzinfo=dt.UTC)


class LicenseQuerySet(models.QuerySet["License"]):
    def usable(self, at: dt.datetime) -> "LicenseQuerySet":
        """Licenses that programs are let in with, those in grace or fallen back included."""
        in_time = models.Q(expires_at=None) | models.Q(expires_at__gt=at)
        return self.filter(in_time | ~_is_over(at), status=License.Status.ACTIVE)

    def expired(self, at: dt.datetime) -> "LicenseQuerySet":
        """Licenses that are active by status but past their end and their grace."""
        return self.filter(_is_over(at), status=License.Status.ACTIVE, expires_at__lte=at)

    def for_application(self, application: Application) -> "LicenseQuerySet":
        return self.filter(application=application)


def _is_over(at: dt.datetime) -> models.Q:
    """Licenses past their end and their grace that do not fall back; says nothing of those without an end."""
    seconds = Coalesce("grace_seconds", "policy__grace_seconds")
    grace = models.ExpressionWrapper(
        seconds * models.Value(dt.timedelta(seconds=1)), output_field=models.DurationField()
    )
    own, policys = models.F("expiry_strategy"), models.F("policy__expiry_strategy")
    strategy = Coalesce(NullIf(own, models.Value("")), policys)
    return models.Q(
        Exact(strategy, models.Value(Policy.ExpiryStrategy.REFUSE)),
        LessThanOrEqual(models.F("expires_at") + grace, models.Value(at)),
    )


class License(models.Model):
    """Allowed moves: active ⇄ suspended, active or suspended → revoked, revoked → active by reinstating. *Expired* is derived."""

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
    users_max = models.PositiveIntegerField(
        "named users",
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
    releases_max = models.PositiveIntegerField(
        "releases by programs",
        null=True,
        blank=True,
        help_text="Instead of the policy's number. Empty: the policy's.",
    )
    sessions_overdraft = models.PositiveIntegerField(
        "overdraft",
        null=True,
        blank=True,
        help_text="Instead of the policy's number. Empty: the policy's.",
    )
    hwid_matching = models.CharField(
        "known again by",
        max_length=10,
        choices=Policy.HwidMatching.choices,
        blank=True,
        default="",
        db_default="",
        help_text="Instead of what the policy says. Empty: the policy's.",
    )
    sessions_per = models.CharField(
        "sessions counted for",
        max_length=10,
        choices=Policy.SessionsPer.choices,
        blank=True,
        default="",
        db_default="",
        help_text="Instead of what the policy says. Empty: the policy's.",
    )
    borrow_max_seconds = models.PositiveIntegerField(
        "seats borrowed for",
        null=True,
        blank=True,
        help_text="Instead of the policy's. 0: not at all. Empty: the policy's.",
    )
    # Kept by the same guarded statement that takes a place, so that no two programs can take the last one.
    devices_used = models.PositiveIntegerField(default=0, editable=False)
    # Places of devices that were let go and may run on under a license file: device id to the moment when the file ends. In
    # this row, for the guard of taking a place reads what this row says at that moment.
    places_held = models.JSONField(default=dict, db_default={}, editable=False)
    # When its programs released devices; those that no longer count are dropped with the next one.
    releases = ArrayField(models.DateTimeField(), default=list, db_default=[], editable=False)
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
                name="license_releases_are_sane",
                condition=models.Q(releases_max=None) | models.Q(releases_max__lte=RELEASES_MAX),
            ),
            models.CheckConstraint(
                name="license_allows_a_user",
                condition=models.Q(users_max=None) | models.Q(users_max__gte=1),
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
                name="license_hwid_matching_is_known",
                condition=models.Q(hwid_matching__in=("", "any", "two", "most", "all")),
            ),
            models.CheckConstraint(
                name="license_sessions_per_is_known",
                condition=models.Q(sessions_per__in=("", "license", "user", "device")),
            ),
            models.CheckConstraint(
                name="license_borrowing_is_sane",
                condition=models.Q(borrow_max_seconds=None)
                | models.Q(borrow_max_seconds__lte=BORROW_MAX_SECONDS),
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
            # Few of many: without these, lists by state would walk past all the others.
            models.Index(
                name="license_by_status",
                fields=("application", "status", "-id"),
                condition=~models.Q(status="active"),
            ),
            models.Index(
                name="license_by_expiry",
                fields=("application", "expires_at"),
                condition=models.Q(status="active", expires_at__isnull=False),
            ),
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

    def grace_until(self) -> dt.datetime | None:
        """Return when its grace ends; None where it has none, or no end."""
        seconds = self.policy.grace_seconds if self.grace_seconds is None else self.grace_seconds
        if self.expires_at is None or not seconds:
            return None
        # No year of five digits.
        return self.expires_at + min(dt.timedelta(seconds=seconds), _LAST_MOMENT - self.expires_at)

    def falls_back(self) -> bool:
        """Tell whether it keeps working, without entitlements, after its end and its grace."""
        strategy = self.expiry_strategy or self.policy.expiry_strategy
        return strategy == Policy.ExpiryStrategy.FALL_BACK

    def good_until(self) -> dt.datetime | None:
        """Return from when on programs are refused; None: never, for it has no end or falls back."""
        return None if self.falls_back() else self.grace_until() or self.expires_at

    def is_expired(self, at: dt.datetime) -> bool:
        good_until = self.good_until()
        return good_until is not None and good_until <= at

    def warning(self, at: dt.datetime) -> str:
        """Return what programs are warned of at a moment: `license_in_grace`, `license_fallen_back` or nothing.

        `licensing/term_statements.py` tells them the same, by the database's clock.
        """
        if self.status != self.Status.ACTIVE or self.expires_at is None or self.expires_at > at:
            return ""
        if at < (self.grace_until() or self.expires_at):
            return "license_in_grace"
        return "license_fallen_back" if self.falls_back() else ""

    def state(self, at: dt.datetime) -> str:
        """Return the status as people see it: `expired` when an active license is past its end and its grace."""
        if self.status == self.Status.ACTIVE and self.is_expired(at):
            return "expired"
        return self.status

    def devices_allowed(self) -> int | None:
        """Return how many devices may be bound at once: the license's own number, else its policy's; None: any."""
        return self.devices_max or self.policy.devices_max

    def held_places(self, at: dt.datetime) -> dict[str, str]:
        """Return which released devices keep their places until when, for their license files have not ended."""
        return {
            device_id: until
            for device_id, until in self.places_held.items()
            if dt.datetime.fromisoformat(until) > at
        }

    def sessions_allowed(self) -> int | None:
        """Return how many sessions may be open at once: the license's own number, else its policy's; None: any."""
        return self.sessions_max or self.policy.sessions_max

    def users_allowed(self) -> int | None:
        """Return how many people may use it: the license's own number, else its policy's; None: any, and none is named."""
        return self.users_max or self.policy.users_max

    def overdraft_allowed(self) -> int:
        """Return how many sessions more are let in and flagged: the license's own number, else its policy's."""
        own = self.sessions_overdraft
        return self.policy.sessions_overdraft if own is None else own

    def hwid_matching_display(self) -> str:
        """Return what makes a device the same one: the license's own rule, else its policy's."""
        return str(Policy.HwidMatching(self.hwid_matching or self.policy.hwid_matching).label)

    def sessions_per_display(self) -> str:
        """Return what its sessions are counted for: the license's own rule, else its policy's."""
        return str(Policy.SessionsPer(self.sessions_per or self.policy.sessions_per).label)

    def borrowing_allowed(self) -> int | None:
        """Return for how many seconds a seat may be borrowed, by its own number or its policy's; None: not at all."""
        own = self.borrow_max_seconds
        return (self.policy.borrow_max_seconds if own is None else own) or None

    def reveal(self) -> str:
        """Return the license key in clear; raise UndecipherableError when it does not open."""
        return ciphers.decrypt(
            self.key_ciphertext, table=self._meta.db_table, column="key_ciphertext", row=self.pk
        )
