"""Who signs in, and the teams that own applications."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
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
