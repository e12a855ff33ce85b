"""The world that everybody tries to see."""

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.access import Role
from accounts.models import User
from licensing.models import Application
from tests import factories, people, staff
from tests.tenants.world import CANARY, OWN, World, bearer, ids_in


@pytest.fixture
def world(developer: User, stranger: User, settings: LazySettings) -> World:
    settings.MANAGEMENT_CALLS_PER_MINUTE = 10**6
    team = factories.make_team(developer, name=f"{CANARY} team")
    ids = ids_in(team, CANARY)
    application = Application.objects.get(pk=str(ids["application_id"]))
    token = factories.make_token(application, for_the_team=True)
    clients = {
        "anonymous": Client(),
        "API key": bearer(factories.api_key_of(application)),
        "management token": bearer(token.text),
        "stranger": people.sign_in(Client(), stranger),
        "owner": people.sign_in(Client(), developer),
        "staff": staff.signed_in(staff.make_superuser()),
    }
    for role in (Role.VIEWER, Role.SUPPORT, Role.ADMIN):
        clients[role.value] = people.sign_in(Client(), factories.add_member(team, role))
    return World(team, ids, ids_in(factories.make_team(stranger), OWN), clients)
