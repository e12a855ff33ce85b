"""A bulk job: one act on up to 100,000 licenses, done by a worker piece by piece, and the rows that it still has to do."""

import json
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from accounts.events import Actor
from accounts.ids import uuid7
from accounts.models import Event
from licensing.models.application import Application
from licensing.models.license_batch import LicenseBatch
from licensing.models.policy import Policy


class BulkJob(models.Model):
    """Allowed moves: waiting → running → finished, and cancelled from the first two."""

    class Act(models.TextChoices):
        ISSUE = "issue", "Issue"
        EXTEND = "extend", "Extend"
        SUSPEND = "suspend", "Suspend"
        RESTORE = "restore", "Restore"
        REVOKE = "revoke", "Revoke"
        DELETE = "delete", "Delete"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="bulk_jobs")
    act = models.CharField(max_length=10, choices=Act.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    is_dry_run = models.BooleanField(default=False)
    # Of what is issued. Without its policy a job issues nothing more, and says so.
    policy = models.ForeignKey(Policy, null=True, on_delete=models.SET_NULL, related_name="+")
    terms = models.JSONField(default=dict)
    batch = models.ForeignKey(LicenseBatch, null=True, on_delete=models.SET_NULL, related_name="+")
    # A dry run that went well is done once, with the rows that it tried.
    dry_run = models.OneToOneField(
        "self", null=True, on_delete=models.SET_NULL, related_name="performed_as"
    )
    # Of what is issued or extended; None is never.
    expires_at = models.DateTimeField(null=True)
    rows_total = models.PositiveIntegerField()
    rows_done = models.PositiveIntegerField(default=0)
    rows_failed = models.PositiveIntegerField(default=0)
    # Who asked for it, and so acts.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_kind = models.CharField(max_length=10, choices=Event.ActorKind.choices)
    token_id = models.UUIDField(null=True)
    token_name = models.CharField(max_length=100, blank=True)
    ip_address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="bulk_job_counts_no_row_twice",
                condition=models.Q(rows_total__gte=models.F("rows_done") + models.F("rows_failed")),
            ),
        )
        indexes = (models.Index(name="bulk_job_by_application", fields=("application", "-id")),)

    def __str__(self) -> str:
        return f"{self.act} {self.rows_total} licenses"

    def get_absolute_url(self) -> str:
        return reverse("bulk-job", args=[self.application_id, self.pk])

    @property
    def is_open(self) -> bool:
        return self.status in (self.Status.WAITING, self.Status.RUNNING)

    @property
    def rows_over(self) -> int:
        return self.rows_done + self.rows_failed

    @property
    def rows_left(self) -> int:
        return self.rows_total - self.rows_over

    def actor(self) -> Actor:
        return Actor(
            Event.ActorKind(self.actor_kind),
            self.created_by,
            self.ip_address,
            self.token_id,
            self.token_name,
        )


class BulkRowQuerySet(models.QuerySet["BulkRow"]):
    def over(self) -> "BulkRowQuerySet":
        return self.exclude(code="")

    def failed(self) -> "BulkRowQuerySet":
        return self.exclude(code__in=("", BulkRow.DONE))


class BulkRow(models.Model):
    """A license that a job is to act on, or to issue, and what became of it; kept until 30 days after the job."""

    DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, related_name="rows")
    # No foreign key: it may be deleted, by this very job.
    license_id = models.UUIDField(null=True)
    # What is written on a license that is yet to be issued.
    facts = models.JSONField(default=dict)
    # What was refused, or DONE; "" while the row waits.
    code = models.CharField(max_length=50, blank=True)
    message = models.CharField(max_length=500, blank=True)

    objects = BulkRowQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                name="one_row_per_job_and_license", fields=("job", "license_id")
            ),
        )
        indexes = (
            models.Index(name="bulk_row_by_job", fields=("job", "code", "id")),
            # Few hold anything: who looks for a customer passes all the others by.
            models.Index(
                name="bulk_row_with_facts", fields=("application",), condition=~models.Q(facts={})
            ),
        )

    def __str__(self) -> str:
        return f"license {self.license_id} of job {self.job_id}"

    def outcome(self) -> dict[str, Any]:
        """What a file tells of a row."""
        who = str(self.license_id) if self.license_id else json.dumps(self.facts)
        return {"license": who, "code": self.code, "message": self.message}
