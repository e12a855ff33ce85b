"""The doors to a team's rows: role by right, and nothing for strangers."""

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404

from accounts.access import Right, Role
from accounts.models import Team, User
from licensing import access
from licensing.models import Application, License
from tests import factories

MAY = {
    Role.OWNER: {
        Right.VIEW,
        Right.MANAGE_LICENSES,
        Right.SEE_KEYS,
        Right.MANAGE_SETTINGS,
        Right.MANAGE_TEAM,
    },
    Role.ADMIN: {Right.VIEW, Right.MANAGE_LICENSES, Right.SEE_KEYS, Right.MANAGE_SETTINGS},
    Role.SUPPORT: {Right.VIEW, Right.MANAGE_LICENSES},
    Role.VIEWER: {Right.VIEW},
}
Door = Callable[..., Model]


def rows_of(license: License) -> dict[Door, Model]:
    """One row behind each door that opens to an application's parts."""
    endpoint = factories.make_endpoint(license.application)
    session = factories.make_session(license)
    return {
        access.license_for: license,
        access.batch_for: license.batch,
        access.bulk_job_for: factories.make_bulk_job(license),
        access.policy_for: license.policy,
        access.device_for: session.device,
        access.session_for: session,
        access.api_key_for: license.application.api_keys.get(),
        access.management_token_for: factories.make_token(license.application).token,
        access.entitlement_for: factories.make_entitlement(license.application),
        access.access_rule_for: factories.make_access_rule(license.application),
        access.named_user_for: factories.make_named_user(license.application),
        access.variable_for: factories.make_variable(license.application),
        access.webhook_endpoint_for: endpoint,
        access.signing_key_for: license.application.signing_keys.get(state="current"),
    }


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team)


@pytest.fixture
def rows(application: Application) -> dict[Door, Model]:
    return rows_of(factories.make_license(application))


def test_every_door_is_tried_here(rows: dict[Door, Model]) -> None:
    doors = {getattr(access, name) for name in dir(access) if name.endswith("_for")}

    # A delivery lies behind the door of its endpoint (tests/licensing/views/test_doors.py).
    assert doors - {access.application_for, access.webhook_delivery_for} == rows.keys()


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_a_role_opens_a_door_for_its_rights_and_no_others(
    application: Application, rows: dict[Door, Model], role: Role, right: Right
) -> None:
    member = factories.add_member(application.team, role)
    expected = "open" if right in MAY[role] else "forbidden"

    assert tried(access.application_for, member, application.pk, right=right) == expected
    for door, row in rows.items():
        assert tried(door, member, application.pk, row.pk, right=right) == expected
    assert access.allows(member, application, right) is (right in MAY[role])
    assert (application in access.applications_of(member, right)) is (right in MAY[role])


@pytest.mark.parametrize("role", Role)
def test_rights_in_an_application_are_those_of_the_role(
    application: Application, role: Role
) -> None:
    member = factories.add_member(application.team, role)

    assert access.rights_in(member, application) == MAY[role]


@pytest.mark.parametrize("right", Right)
def test_others_find_nothing_whatever_they_want(
    application: Application, rows: dict[Door, Model], stranger: User, right: Right
) -> None:
    developer = application.team.members.get()
    developer.is_active = False

    for user in (AnonymousUser(), stranger, developer):
        assert tried(access.application_for, user, application.pk, right=right) == "nothing"
        for door, row in rows.items():
            assert tried(door, user, application.pk, row.pk, right=right) == "nothing"
        assert not access.applications_of(user, right).exists()
        assert not access.rights_in(user, application)


def test_another_applications_row_is_not_found_in_ones_own(
    developer: User, application: Application, rows: dict[Door, Model]
) -> None:
    own, foreign = factories.make_application(application.team), factories.make_license()

    for door, row in rows.items():
        assert tried(door, developer, own.pk, row.pk) == "nothing"
    for door, row in rows_of(foreign).items():
        assert tried(door, developer, application.pk, row.pk) == "nothing"
        assert tried(door, developer, foreign.application_id, row.pk) == "nothing"


def test_what_never_was_is_not_found(
    developer: User, application: Application, rows: dict[Door, Model]
) -> None:
    assert tried(access.application_for, developer, uuid.uuid4()) == "nothing"
    for door in rows:
        assert tried(door, developer, application.pk, uuid.uuid4()) == "nothing"


def test_somebody_in_two_teams_has_each_teams_rights_in_its_applications(
    developer: User, application: Application
) -> None:
    elsewhere = factories.make_application()
    factories.add_member(elsewhere.team, Role.VIEWER, developer)

    assert set(access.applications_of(developer)) == {application, elsewhere}
    assert list(access.applications_of(developer, Right.SEE_KEYS)) == [application]
    assert tried(access.application_for, developer, elsewhere.pk, right=Right.SEE_KEYS) == (
        "forbidden"
    )


def tried(door: Door, user: User | AnonymousUser, *ids: uuid.UUID, **more: Right) -> str:
    try:
        row = door(user, *ids, **more)
    except Http404:
        return "nothing"
    except PermissionDenied:
        return "forbidden"
    assert row.pk == ids[-1]
    return "open"
