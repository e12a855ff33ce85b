"""A session: a program that runs on a device, from `init` until logout, its end, or the developer's word."""

import datetime as dt

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.device import Device
from licensing.models.license import License
from licensing.versions import KEY_MAX


class SessionQuerySet(models.QuerySet["Session"]):
    def open(self, at: dt.datetime) -> "SessionQuerySet":
        return self.filter(ended_at=None, expires_at__gt=at)


class Session(models.Model):
    class EndedReason(models.TextChoices):
        LOGOUT = "logout", "Logged out"
        DEVELOPER = "developer", "Ended by the developer"
        REPLACED = "replaced", "Replaced by a newer session"
        DEVICE_RELEASED = "released", "Device released"
        LICENSE_REVOKED = "revoked", "License revoked"
        LICENSE_TRANSFERRED = "transfer", "License transferred"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # A session's device has the same application and license, and cannot go without them: the database asks it alone. Each
    # question is a lock on a row, and one page more to write of a license that nothing changes.
    application = models.ForeignKey(
        Application,
        on_delete=models.CASCADE,
        related_name="sessions",
        db_constraint=False,
        # session_by_application begins with it.
        db_index=False,
    )
    license = models.ForeignKey(
        License,
        on_delete=models.CASCADE,
        related_name="sessions",
        db_constraint=False,
        # session_by_license begins with it.
        db_index=False,
    )
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="sessions")
    token_digest = models.BinaryField(max_length=32, unique=True, editable=False)
    # Who runs the program, as it says itself; seats may be counted by it.
    user_name = models.CharField(max_length=150, blank=True, default="", db_default="")
    # What license files say of the device, sealed with the session's token (licensing/tokens.py); empty in sessions from before
    # there were license files.
    sealed_device_digest = models.BinaryField(max_length=32, null=True, editable=False)
    app_version = models.CharField(max_length=50, blank=True)
    # What the database compares (licensing/versions.py); None for a session that is older than the comparing.
    app_version_key = models.CharField(max_length=KEY_MAX, null=True, editable=False)  # noqa: DJ001
    ip_address = models.GenericIPAddressField("IP address", null=True, blank=True)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Opened beyond the limit, within the policy's overdraft.
    is_overdraft = models.BooleanField("overdraft", default=False, db_default=False)
    # Until then the seat is the program's, without a heartbeat.
    borrowed_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=10, choices=EndedReason.choices, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="session_ends_after_it_starts",
                condition=models.Q(expires_at__gt=models.F("opened_at")),
            ),
            models.CheckConstraint(
                name="session_end_has_a_reason",
                condition=models.Q(ended_at=None, ended_reason="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_reason="")),
            ),
        )
        indexes = (
            models.Index(name="session_by_application", fields=("application", "-id")),
            # Counting the open sessions of one license is part of init where a limit is set: those lie side by side in it.
            models.Index(name="session_by_license", fields=("license", "ended_at")),
        )

    def __str__(self) -> str:
        return str(self.pk)

    def is_open(self, at: dt.datetime) -> bool:
        return self.ended_at is None and self.expires_at > at

    def is_borrowed(self, at: dt.datetime) -> bool:
        return self.is_open(at) and self.borrowed_until is not None and self.borrowed_until > at

    def state(self, at: dt.datetime) -> str:
        """Return `open`, `ended` or `expired`."""
        if self.ended_at is not None:
            return "ended"
        return "open" if self.expires_at > at else "expired"
