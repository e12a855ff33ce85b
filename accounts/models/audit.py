"""What was done, by whom, and the chain that proves it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.functions import RandomUUID
from django.db import models

from accounts.ids import uuid7
from accounts.models.people import User


class EventQuerySet(models.QuerySet["Event"]):
    def with_persons(self) -> EventQuerySet:
        """Fetch what a page shows of persons as well: two statements, however many rows."""
        return self.select_related("actor").prefetch_related("details")


class Event(models.Model):
    """Who did what to which row, before and after: a team's audit log.

    Written once. The database refuses to change, delete or empty events, and links each to the one before it as its
    transaction commits (migration 0004). An event outlives what it tells of, so it holds ids and no foreign keys. What tells
    of a person lies in EventDetail, where it can be erased.
    """

    class ActorKind(models.TextChoices):
        USER = "user", "User"
        PROGRAM = "program", "Program"
        TOKEN = "token", "Management token"
        SYSTEM = "system", "System"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField()
    application_id = models.UUIDField(null=True, blank=True)
    license_id = models.UUIDField(null=True, blank=True)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    action = models.CharField(
        max_length=50, help_text="Noun and past participle: license.suspended."
    )
    target_type = models.CharField(max_length=20)
    target_id = models.UUIDField()
    target_label = models.CharField(
        max_length=150, blank=True, help_text="What the target was called, unless after a person."
    )
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(name="events_of_team", fields=["team_id", "-id"]),
            models.Index(name="events_of_team_by_action", fields=["team_id", "action", "-id"]),
            models.Index(name="events_of_application", fields=["application_id", "-id"]),
            models.Index(
                name="events_of_license",
                fields=["license_id", "-id"],
                condition=models.Q(license_id__isnull=False),
            ),
            models.Index(
                name="events_of_actor",
                fields=["actor", "-id"],
                condition=models.Q(actor__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.action

    @property
    def actor_email(self) -> str:
        """The address that the actor had then; "" once it was erased."""
        return str(self._told_of(EventDetail.About.ACTOR).get("email", ""))

    @property
    def actor_token_name(self) -> str:
        """What the management token that acted was called then."""
        return str(self._told_of(EventDetail.About.ACTOR).get("token_name", ""))

    @property
    def actor_token_id(self) -> str:
        return str(self._told_of(EventDetail.About.ACTOR).get("token", ""))

    @property
    def ip_address(self) -> str:
        """Where the act came from; "" when nowhere, and once it was erased."""
        return str(self._told_of(EventDetail.About.ACTOR).get("ip_address", ""))

    @property
    def full_before(self) -> dict[str, Any]:
        """What was there before, with what tells of a person unless it was erased."""
        return {**self.before, **self._told_of(EventDetail.About.TARGET).get("before", {})}

    @property
    def full_after(self) -> dict[str, Any]:
        return {**self.after, **self._told_of(EventDetail.About.TARGET).get("after", {})}

    def _told_of(self, about: EventDetail.About) -> dict[str, Any]:
        # Over all(), so that a prefetch is enough.
        for detail in self.details.all():
            if detail.about == about:
                facts: dict[str, Any] = detail.facts
                return facts
        return {}


class EventDetail(models.Model):
    """What an event tells of a person. It may be erased, never changed: the chain keeps only its salted digest."""

    class About(models.TextChoices):
        ACTOR = "actor", "Who acted"
        TARGET = "target", "Whom it was done to"

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(
        Event,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="details",
    )
    about = models.CharField(max_length=10, choices=About.choices)
    # Who deletes their account takes along what events tell of them.
    person = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    # Goes with the row: without it nobody can guess from the digest what was erased.
    salt = models.UUIDField(db_default=RandomUUID(), editable=False)
    facts = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "about"], name="event_tells_once_of_each"),
        ]

    def __str__(self) -> str:
        return f"{self.about} of event {self.event_id}"


class EventLink(models.Model):
    """An event's place in its team's chain; written by the database alone, as the event's transaction commits."""

    event_id = models.UUIDField(primary_key=True)
    team_id = models.UUIDField()
    number = models.BigIntegerField(help_text="1 for a team's first event.")
    detail_digests = models.JSONField(
        help_text="SHA-256 of each of the event's details with its salt, in hex."
    )
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team_id", "number"], name="one_event_per_place"),
        ]

    def __str__(self) -> str:
        return f"event {self.number} of team {self.team_id}"


class EventChain(models.Model):
    """How long a team's chain is and the hash at its end; written by the database alone."""

    team_id = models.UUIDField(primary_key=True)
    length = models.BigIntegerField()
    head = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.length} events of team {self.team_id}"


class EventAnchor(models.Model):
    """Where a team's chain begins since older events went, written by the database alone; the highest counts."""

    id = models.BigAutoField(primary_key=True)
    team_id = models.UUIDField()
    number = models.BigIntegerField(help_text="The last event that went.")
    hash = models.BinaryField(max_length=32)
    removed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team_id", "number"], name="one_anchor_per_place"),
        ]

    def __str__(self) -> str:
        return f"all up to event {self.number} of team {self.team_id}"


class AuditCheck(models.Model):
    """One check of the whole audit log, as the installation does it every day."""

    id = models.BigAutoField(primary_key=True)
    checked_at = models.DateTimeField(db_index=True)
    events = models.BigIntegerField()
    faults = models.BigIntegerField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.faults} faults in {self.events} events on {self.checked_at:%Y-%m-%d}"
