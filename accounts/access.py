"""Who may do what in a team, and the doors that ask: a stranger finds nothing, a member may lack the right."""

from __future__ import annotations

import uuid
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import Invitation, Membership, Team, User

_Row = TypeVar("_Row", bound=models.Model)


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


def member_for(
    user: User | AnonymousUser,
    team_id: uuid.UUID,
    id: uuid.UUID,
    right: Right = Right.MANAGE_TEAM,
) -> Membership:
    """A member of the team; one's own membership needs no right, so that everybody can leave."""
    own = membership_for(user, team_id)
    if own.pk == id:
        return own
    team = team_for(user, team_id, right)
    return _found(team.memberships.select_related("team", "user").filter(pk=id).first())


def invitation_for(
    user: User | AnonymousUser,
    team_id: uuid.UUID,
    id: uuid.UUID,
    right: Right = Right.MANAGE_TEAM,
) -> Invitation:
    """An invitation that the team sent."""
    team = team_for(user, team_id, right)
    return _found(team.invitations.select_related("team").filter(pk=id).first())


def invitation_to(user: User | AnonymousUser, id: uuid.UUID) -> Invitation:
    """An invitation that was sent to the user: nobody else finds it, whoever got hold of its address."""
    if not user.is_authenticated or not user.is_active:
        raise Http404("No such invitation")
    return _found(user.invitations().filter(pk=id).first())


def roles_with(right: Right) -> list[Role]:
    """The roles that give the right, for queries: `memberships__role__in=roles_with(right)`."""
    return [role for role in Role if right in role.rights]


def _found(row: _Row | None) -> _Row:
    if row is None:
        raise Http404("No such row")
    return row


def _membership(user: User | AnonymousUser, team_id: uuid.UUID) -> Membership | None:
    if not user.is_authenticated or not user.is_active:
        return None
    return user.memberships.select_related("team").filter(team_id=team_id).first()
