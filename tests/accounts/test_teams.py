"""The verbs of teams."""

import threading

import pytest
from django.db import connection

from accounts import teams
from accounts.access import Role
from accounts.models import Team, User
from tests import factories


def test_whoever_creates_a_team_owns_it(developer: User) -> None:
    team = teams.create_team(name="Acme", owner=developer)

    assert team.memberships.get().role == Role.OWNER


def test_the_first_application_makes_a_team_and_the_next_uses_it(developer: User) -> None:
    team = teams.home_team(user=developer)

    assert team.name == "developer"
    assert teams.home_team(user=developer) == team


def test_home_is_the_oldest_team_that_one_may_set_up(developer: User) -> None:
    elsewhere, home, later = (factories.make_team(name=name) for name in ("a", "b", "c"))
    factories.add_member(elsewhere, Role.SUPPORT, developer)
    factories.add_member(later, Role.OWNER, developer)
    factories.add_member(home, Role.ADMIN, developer)

    assert teams.home_team(user=developer) == home


@pytest.mark.django_db(transaction=True)
def test_two_first_applications_at_once_make_one_team(developer: User) -> None:
    def create() -> None:
        teams.home_team(user=developer)
        connection.close()

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Team.objects.count() == 1
