"""People: who signs in, and the teams that own applications."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.access import Right, Role
from accounts.ids import uuid7
from accounts.user_agents import browser_name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Whoever makes superusers vouches for their addresses: they sign in without a code by mail."""
        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        addresses = apps.get_model("account", "EmailAddress")._default_manager
        addresses.create(user=user, email=user.email, verified=True, primary=True)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in, by e-mail address and nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("may enter the admin", default=False)
    is_active = models.BooleanField("may sign in", default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    deletion_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Set while the account waits for its deletion; signing in calls it off.",
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_is_lower"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                name="users_to_delete",
                fields=["deletion_due_at"],
                condition=models.Q(deletion_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    def invitations(self) -> InvitationQuerySet:
        """The questions of teams that wait for this person, whose address was shown to be theirs before they signed in."""
        return Invitation.objects.filter(email=self.email).select_related("team", "invited_by")


class Team(models.Model):
    """Owns applications; people reach them through their membership."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one team."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "user"], name="one_membership_per_team_and_user"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {self.role}"

    def allows(self, right: Right) -> bool:
        return right in Role(self.role).rights


class Browser(models.Model):
    """A browser that one person signed in with: known by a cookie of its own, which outlives the session."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers")
    token_digest = models.BinaryField(max_length=32, editable=False)
    # The session of the last sign-in, by the digest that the session store keeps.
    session_digest = models.CharField(max_length=40, editable=False)
    user_agent = models.CharField(max_length=200, blank=True)
    ip_address = models.GenericIPAddressField("IP address", null=True, blank=True)
    first_seen_at = models.DateTimeField()
    signed_in_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "token_digest"], name="browser_is_known_once_per_user"
            ),
        ]

    def __str__(self) -> str:
        return browser_name(self.user_agent)


class LimitWindow(models.Model):
    """How often one subject was seen since its window began; accounts/limits.py alone reads and writes it."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    hits = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "subject"], name="one_window_per_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.subject}: {self.hits}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, at: dt.datetime) -> InvitationQuerySet:
        return self.filter(expires_at__gt=at)


class Invitation(models.Model):
    """A question to an e-mail address: will you join the team? Gone once it is answered."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address")
    role = models.CharField(max_length=10, choices=Role.choices)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "email"], name="one_invitation_per_team_and_address"
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="invitation_email_is_lower"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="invitation_role_is_known"
            ),
        ]
        indexes: ClassVar = [models.Index(name="invitation_by_email", fields=["email"])]

    def __str__(self) -> str:
        return f"invitation to {self.team}"


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
