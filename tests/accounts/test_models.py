"""People and their teams, as the database keeps them."""

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError

from accounts.access import Role
from accounts.models import Membership, Team, User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_user_signs_in_by_email_in_any_case(developer: User) -> None:
    assert authenticate(None, email="Developer@Example.COM", password=PASSWORD) == developer


def test_an_address_is_stored_in_lower_case() -> None:
    assert User.objects.create_user("Ada@Example.com").email == "ada@example.com"


def test_an_address_belongs_to_one_user(developer: User) -> None:
    with pytest.raises(IntegrityError, match="accounts_user_email"):
        User.objects.create_user(developer.email.upper())


def test_the_database_itself_refuses_capitals(developer: User) -> None:
    with pytest.raises(IntegrityError, match="user_email_is_lower"):
        User.objects.filter(pk=developer.pk).update(email="Developer@example.com")


def test_a_user_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("")


def test_a_superuser_may_enter_the_admin() -> None:
    user = User.objects.create_superuser("root@example.com", PASSWORD)

    assert (user.is_staff, user.is_superuser) == (True, True)


def test_without_a_name_the_address_stands_for_it(developer: User) -> None:
    assert developer.get_full_name() == "developer@example.com"
    assert developer.get_short_name() == "developer"


def test_one_membership_for_each_team_and_user(team: Team, developer: User) -> None:
    with pytest.raises(IntegrityError, match="one_membership_per_team_and_user"):
        Membership.objects.create(team=team, user=developer, role=Role.VIEWER)


def test_a_role_is_one_of_four(team: Team, stranger: User) -> None:
    with pytest.raises(IntegrityError, match="membership_role_is_known"):
        Membership.objects.create(team=team, user=stranger, role="king")
