"""A management token: what a developer's script shows to act for a team. Secret, and shown only once."""

import datetime as dt

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.ids import uuid7
from accounts.models import Membership, Team
from licensing.models.application import Application
from licensing.scopes import Scope


class ManagementTokenQuerySet(models.QuerySet["ManagementToken"]):
    def usable(self, at: dt.datetime) -> "ManagementTokenQuerySet":
        return self.filter(revoked_at=None).exclude(expires_at__lte=at)

    def reaching(self, application: Application) -> "ManagementTokenQuerySet":
        """The tokens that open an application: its own, and those of its whole team."""
        return self.filter(team=application.team_id).filter(
            models.Q(application=None) | models.Q(application=application)
        )

    def made_by(self, member: Membership) -> "ManagementTokenQuerySet":
        """The tokens that somebody made in a team; they are the team's, and stay when their maker leaves."""
        return self.filter(team=member.team_id, created_by=member.user_id)

    def with_makers(self) -> "ManagementTokenQuerySet":
        """With who made each, and whether they still belong to its team (`maker_is_member`)."""
        memberships = Membership.objects.filter(
            team=models.OuterRef("team"), user=models.OuterRef("created_by")
        )
        return self.select_related("created_by").annotate(
            maker_is_member=models.Exists(memberships)
        )


class ManagementToken(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="management_tokens")
    application = models.ForeignKey(
        Application,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="management_tokens",
        help_text="Empty: all applications of the team, those to come included.",
    )
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=30))
    # 160 random bits need no key, and no rotation.
    token_digest = models.BinaryField(max_length=32, unique=True, editable=False)
    last4 = models.CharField("token ends in", max_length=4, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The token that made it: it is revoked with that one, and ends no later.
    made_with = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    last_used_at = models.DateTimeField(
        "last used", null=True, blank=True, editable=False, help_text="To the minute."
    )
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)

    objects = ManagementTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="management_token_has_a_name", condition=~models.Q(name="")
            ),
            models.CheckConstraint(
                name="management_token_allows_something",
                condition=models.Q(scopes__len__gte=1),
            ),
        )
        indexes = (models.Index(name="management_token_by_team", fields=("team", "-id")),)

    def __str__(self) -> str:
        return self.name

    def allows(self, scope: Scope) -> bool:
        return scope.is_granted_by(self.scopes)

    def state(self, at: dt.datetime) -> str:
        """Return `active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"
