"""The door of a team."""

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts import access
from accounts.access import Right, Role
from accounts.models import Team, User
from tests import factories

ALLOWED = {
    Role.OWNER: {"view", "manage_licenses", "see_keys", "manage_settings", "manage_team"},
    Role.ADMIN: {"view", "manage_licenses", "see_keys", "manage_settings"},
    Role.SUPPORT: {"view", "manage_licenses"},
    Role.VIEWER: {"view"},
}


@pytest.mark.parametrize("role", Role)
def test_a_role_gives_these_rights_and_no_others(team: Team, role: Role) -> None:
    member = factories.add_member(team, role)

    assert {right.value for right in Right if may(member, team, right)} == ALLOWED[role]


def may(user: User, team: Team, right: Right) -> bool:
    try:
        return access.team_for(user, team.id, right) == team
    except PermissionDenied:
        return False


def test_roles_with_a_right() -> None:
    assert access.roles_with(Right.SEE_KEYS) == [Role.OWNER, Role.ADMIN]


def test_a_stranger_finds_nothing(team: Team, stranger: User) -> None:
    with pytest.raises(Http404):
        access.membership_for(stranger, team.id)


def test_nobody_finds_anything(team: Team) -> None:
    with pytest.raises(Http404):
        access.membership_for(AnonymousUser(), team.id)


def test_a_member_who_may_no_longer_sign_in_finds_nothing(team: Team, developer: User) -> None:
    developer.is_active = False

    with pytest.raises(Http404):
        access.membership_for(developer, team.id)


def test_there_is_no_such_team(developer: User) -> None:
    with pytest.raises(Http404):
        access.membership_for(developer, uuid.uuid4())
