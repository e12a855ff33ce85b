"""Who may do what in a team, and the doors that ask: a stranger finds nothing, a member may lack the right."""

from __future__ import annotations

import uuid
from enum import Enum
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import Membership, Team, User


class Right(Enum):
    VIEW = "view"
    MANAGE_LICENSES = "manage_licenses"
    SEE_KEYS = "see_keys"
    MANAGE_SETTINGS = "manage_settings"
    MANAGE_TEAM = "manage_team"


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    SUPPORT = "support"
    VIEWER = "viewer"

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS[self]


RIGHTS = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: frozenset(Right) - {Right.MANAGE_TEAM},
    Role.SUPPORT: frozenset({Right.VIEW, Right.MANAGE_LICENSES}),
    Role.VIEWER: frozenset({Right.VIEW}),
}


def membership_for(
    user: User | AnonymousUser, team_id: uuid.UUID, right: Right = Right.VIEW
) -> Membership:
    """The user's membership in the team, once it is known to give the right.

    Raises Http404 to a stranger, who must not learn that the team exists, and PermissionDenied to a
    member whose role lacks the right.
    """
    membership = _membership(user, team_id)
    if membership is None:
        raise Http404("No such team")
    if not membership.allows(right):
        raise PermissionDenied("Your role in this team does not allow that")
    return membership


def team_for(user: User | AnonymousUser, team_id: uuid.UUID, right: Right = Right.VIEW) -> Team:
    return membership_for(user, team_id, right).team


def roles_with(right: Right) -> list[Role]:
    """The roles that give the right, for queries: `memberships__role__in=roles_with(right)`."""
    return [role for role in Role if right in role.rights]


def _membership(user: User | AnonymousUser, team_id: uuid.UUID) -> Membership | None:
    if not user.is_authenticated or not user.is_active:
        return None
    return user.memberships.select_related("team").filter(team_id=team_id).first()
