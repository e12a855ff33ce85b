"""A policy: the rules that a license follows, as data. Chosen when a license is issued."""

import datetime as dt

from django.db import models
from django.urls import reverse

from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.versions import KEY_MAX, VERSION_MAX

STANDARD_NAME = "Standard"
SECONDS_PER_DAY = 86_400
# Bounds that keep every sum of times inside what PostgreSQL and Python can tell: a hundred years.
DURATION_MAX_SECONDS = 100 * 366 * SECONDS_PER_DAY
SESSION_LIFETIME_MIN_SECONDS = 60
SESSION_LIFETIME_MAX_SECONDS = 366 * SECONDS_PER_DAY
HEARTBEAT_INTERVAL_MIN_SECONDS = 10
GRACE_MAX_SECONDS = 366 * SECONDS_PER_DAY
# The times of a license's releases lie in its row, so there must not be many.
RELEASES_MAX = 100
RELEASES_PERIOD_MAX_SECONDS = 366 * SECONDS_PER_DAY
# A seat that is lent out is gone until then, whatever becomes of the machine.
BORROW_MAX_SECONDS = 366 * SECONDS_PER_DAY


# Shorter, a file would help nobody through an outage; longer, a revoked license would live on for a season.
LICENSE_FILE_MIN_SECONDS = 3_600
LICENSE_FILE_MAX_SECONDS = 90 * SECONDS_PER_DAY


class Policy(models.Model):
    class ClockStart(models.TextChoices):
        CREATION = "creation", "When the license is issued"
        FIRST_USE = "first_use", "When a program first uses it"

    class Renewal(models.TextChoices):
        FROM_EXPIRY = "from_expiry", "From the end that it has"
        FROM_NOW = "from_now", "From the moment of the renewal"
        FROM_NOW_IF_EXPIRED = (
            "from_now_if_expired",
            "From the end that it has, or from now once that is past",
        )

    class ExpiryStrategy(models.TextChoices):
        REFUSE = "refuse", "Refuse the license"
        FALL_BACK = "fall_back", "Keep it working without entitlements"

    class SessionsOverflow(models.TextChoices):
        REFUSE = "refuse", "Refuse the new session"
        END_OLDEST = "end_oldest", "End the oldest session"

    class HwidMatching(models.TextChoices):
        ANY = "any", "One part that is the same"
        TWO = "two", "Two parts that are the same"
        MOST = "most", "More than half of its parts"
        ALL = "all", "All of its parts"

    class SessionsPer(models.TextChoices):
        LICENSE = "license", "All copies of one license together"
        USER = "user", "Each user name that programs send"
        DEVICE = "device", "Each device"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="policies")
    name = models.CharField(max_length=100)
    is_default = models.BooleanField(default=False, editable=False)
    duration_seconds = models.BigIntegerField(
        "duration", null=True, blank=True, help_text="How long a license is valid. Empty: for ever."
    )
    clock_start = models.CharField(
        "clock starts", max_length=10, choices=ClockStart.choices, default=ClockStart.CREATION
    )
    ends_at = models.DateTimeField(
        "fixed end",
        null=True,
        blank=True,
        help_text="Instead of a duration: all end at this moment.",
    )
    renewal = models.CharField(
        "a renewal counts",
        max_length=20,
        choices=Renewal.choices,
        default=Renewal.FROM_NOW_IF_EXPIRED,
    )
    grace_seconds = models.PositiveIntegerField(
        "grace period", default=0, help_text="How long a license still works after its end."
    )
    expiry_strategy = models.CharField(
        "after that", max_length=10, choices=ExpiryStrategy.choices, default=ExpiryStrategy.REFUSE
    )
    is_trial = models.BooleanField(
        "trial", default=False, help_text="Each device may try once, whatever its license."
    )
    suspension_freezes_time = models.BooleanField(
        "suspension freezes time",
        default=False,
        help_text="A license that is restored gets back the time that it was suspended.",
    )
    # Beside each version its key, by which the database compares (licensing/versions.py).
    app_version_min = models.CharField("from version", max_length=VERSION_MAX, blank=True)
    app_version_max = models.CharField("up to version", max_length=VERSION_MAX, blank=True)
    app_version_min_key = models.CharField(max_length=KEY_MAX, blank=True, editable=False)
    app_version_max_key = models.CharField(max_length=KEY_MAX, blank=True, editable=False)
    download_url = models.URLField(
        "download link",
        max_length=500,
        blank=True,
        help_text="Told to programs of another version than these.",
    )
    devices_max = models.PositiveIntegerField(
        "devices",
        null=True,
        blank=True,
        default=1,
        help_text="Devices per license. Empty: no limit.",
    )
    hwid_matching = models.CharField(
        "a device is known again by",
        max_length=10,
        choices=HwidMatching.choices,
        default=HwidMatching.MOST,
        help_text="For programs that send the parts of a hardware id one by one.",
    )
    releases_max = models.PositiveIntegerField(
        "releases by programs",
        null=True,
        blank=True,
        default=3,
        help_text="How often customers may release a device themselves in the time below. Empty: no limit.",
    )
    releases_period_seconds = models.PositiveIntegerField(
        "in",
        default=30 * SECONDS_PER_DAY,
        help_text="Any stretch of time of this length.",
    )
    releases_pause_seconds = models.PositiveIntegerField(
        "time between two releases", null=True, blank=True, help_text="Empty: none."
    )
    sessions_max = models.PositiveIntegerField(
        "sessions at once",
        null=True,
        blank=True,
        help_text="Open sessions at the same time. Empty: no limit.",
    )
    users_max = models.PositiveIntegerField(
        "named users",
        null=True,
        blank=True,
        help_text="How many people may use one license, by the user names that programs send. Empty: no limit.",
    )
    sessions_per = models.CharField(
        "sessions are counted for",
        max_length=10,
        choices=SessionsPer.choices,
        default=SessionsPer.LICENSE,
    )
    sessions_overdraft = models.PositiveIntegerField(
        "overdraft",
        default=0,
        help_text="So many sessions more are let in, and flagged.",
    )
    sessions_overflow = models.CharField(
        "when all sessions are taken",
        max_length=10,
        choices=SessionsOverflow.choices,
        default=SessionsOverflow.REFUSE,
    )
    borrow_max_seconds = models.PositiveIntegerField(
        "seats may be borrowed for",
        null=True,
        blank=True,
        help_text="How long a program may keep its session without a heartbeat. Empty: not at all.",
    )
    session_lifetime_seconds = models.PositiveIntegerField(
        "session lifetime",
        default=SECONDS_PER_DAY,
        help_text="A session ends this long after its last heartbeat.",
    )
    heartbeat_interval_seconds = models.PositiveIntegerField(
        "heartbeat interval",
        default=300,
        help_text="How often programs are told to send a heartbeat. Shorter than the session lifetime.",
    )
    license_file_seconds = models.PositiveIntegerField(
        "license files last",
        null=True,
        blank=True,
        # Three days, so that an honest customer rides out a long week-end of ours.
        default=3 * SECONDS_PER_DAY,
        help_text="How long a device may go without asking. A revocation takes effect there when the file ends. "
        "Empty: no license files.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ("-is_default", "name", "id")
        constraints = (
            models.UniqueConstraint(name="policy_name_is_unique", fields=("application", "name")),
            models.CheckConstraint(name="policy_has_a_name", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="policy_clock_start_is_known",
                condition=models.Q(clock_start__in=("creation", "first_use")),
            ),
            models.CheckConstraint(
                name="policy_sessions_overflow_is_known",
                condition=models.Q(sessions_overflow__in=("refuse", "end_oldest")),
            ),
            models.CheckConstraint(
                name="policy_hwid_matching_is_known",
                condition=models.Q(hwid_matching__in=("any", "two", "most", "all")),
            ),
            models.CheckConstraint(
                name="policy_releases_are_sane",
                condition=(models.Q(releases_max=None) | models.Q(releases_max__lte=RELEASES_MAX))
                & (
                    models.Q(releases_pause_seconds=None)
                    | models.Q(releases_pause_seconds__range=(1, RELEASES_PERIOD_MAX_SECONDS))
                )
                & models.Q(releases_period_seconds__range=(1, RELEASES_PERIOD_MAX_SECONDS)),
            ),
            models.CheckConstraint(
                name="policy_sessions_per_is_known",
                condition=models.Q(sessions_per__in=("license", "user", "device")),
            ),
            models.CheckConstraint(
                name="policy_borrowing_is_sane",
                condition=models.Q(borrow_max_seconds=None)
                | models.Q(borrow_max_seconds__range=(1, BORROW_MAX_SECONDS)),
            ),
            models.UniqueConstraint(
                name="application_has_one_default_policy",
                fields=("application",),
                condition=models.Q(is_default=True),
            ),
            models.CheckConstraint(
                name="policy_duration_is_positive",
                condition=models.Q(duration_seconds=None)
                | models.Q(duration_seconds__range=(1, DURATION_MAX_SECONDS)),
            ),
            models.CheckConstraint(
                name="policy_has_one_end",
                condition=models.Q(duration_seconds=None) | models.Q(ends_at=None),
            ),
            models.CheckConstraint(
                name="policy_renewal_is_known",
                condition=models.Q(renewal__in=("from_expiry", "from_now", "from_now_if_expired")),
            ),
            models.CheckConstraint(
                name="policy_grace_is_sane",
                condition=models.Q(grace_seconds__range=(0, GRACE_MAX_SECONDS)),
            ),
            models.CheckConstraint(
                name="policy_expiry_strategy_is_known",
                condition=models.Q(expiry_strategy__in=("refuse", "fall_back")),
            ),
            models.CheckConstraint(
                name="policy_allows_a_device",
                condition=models.Q(devices_max=None) | models.Q(devices_max__gte=1),
            ),
            models.CheckConstraint(
                name="policy_allows_a_user",
                condition=models.Q(users_max=None) | models.Q(users_max__gte=1),
            ),
            models.CheckConstraint(
                name="policy_allows_a_session",
                condition=models.Q(sessions_max=None) | models.Q(sessions_max__gte=1),
            ),
            models.CheckConstraint(
                name="policy_session_lifetime_is_sane",
                condition=models.Q(
                    session_lifetime_seconds__range=(
                        SESSION_LIFETIME_MIN_SECONDS,
                        SESSION_LIFETIME_MAX_SECONDS,
                    )
                ),
            ),
            models.CheckConstraint(
                name="policy_heartbeat_comes_before_the_session_ends",
                condition=models.Q(heartbeat_interval_seconds__gte=HEARTBEAT_INTERVAL_MIN_SECONDS)
                & models.Q(heartbeat_interval_seconds__lt=models.F("session_lifetime_seconds")),
            ),
            models.CheckConstraint(
                name="policy_license_files_end_in_time",
                condition=models.Q(license_file_seconds=None)
                | models.Q(
                    license_file_seconds__range=(LICENSE_FILE_MIN_SECONDS, LICENSE_FILE_MAX_SECONDS)
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("policy", args=[self.application_id, self.pk])

    def expiry_of_a_license_issued(
        self, at: dt.datetime, *, first_used_at: dt.datetime | None = None
    ) -> dt.datetime | None:
        """Return when a license issued at this moment ends: None for ever, or until its first use starts the clock."""
        if self.ends_at is not None:
            return self.ends_at
        waits = self.clock_start == self.ClockStart.FIRST_USE and first_used_at is None
        if self.duration_seconds is None or waits:
            return None
        return at + dt.timedelta(seconds=self.duration_seconds)
