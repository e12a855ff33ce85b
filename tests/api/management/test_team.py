"""The team's people by token: what owners may allow a script, and what they may not."""

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.access import Role
from accounts.events import user_actor
from accounts.models import Membership, Team, User
from licensing import errors, management_tokens
from licensing.models import Application
from licensing.scopes import Scope
from tests import factories, people
from tests.api.management.conftest import Script, problem_of


@pytest.fixture
def member(team: Team) -> Membership:
    return factories.add_member(team, Role.SUPPORT).memberships.get()


@pytest.fixture
def owner(team: Team, developer: User) -> Membership:
    return team.memberships.get(user=developer)


def test_somebody_is_invited_and_the_invitation_taken_back(
    script: Script,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        told = script.post("invitations", {"email": "Ada@Example.com", "role": "admin"})

    assert (told.status_code, told.json()["email"]) == (201, "ada@example.com")
    assert mailoutbox[0].to == ["ada@example.com"]
    path = f"invitations/{told.json()['id']}"
    assert [row["role"] for row in script.get("invitations").json()["data"]] == ["admin"]
    assert script.call("DELETE", path).status_code == 204
    problem_of(script.get(path), 404, "not_found")


def test_a_role_is_changed_and_a_member_removed(script: Script, member: Membership) -> None:
    path = f"members/{member.pk}"

    assert script.patch(path, {"role": "viewer"}).json()["role"] == "viewer"
    assert script.get(path).json()["email"] == member.user.email
    assert script.call("DELETE", path).status_code == 204
    problem_of(script.get(path), 404, "not_found")


def test_the_team_is_renamed(script: Script, team: Team) -> None:
    assert script.patch("team", {"name": "Painters"}).json()["name"] == "Painters"
    team.refresh_from_db()
    assert team.name == "Painters"


def test_no_token_makes_an_owner(script: Script, member: Membership) -> None:
    for response in (
        script.patch(f"members/{member.pk}", {"role": "owner"}),
        script.post("invitations", {"email": "thief@example.com", "role": "owner"}),
    ):
        assert "by people" in problem_of(response, 409, "team_state")["detail"]
    member.refresh_from_db()
    assert member.role == Role.SUPPORT
    assert not member.team.invitations.exists()


def test_no_token_shuts_an_owner_out(script: Script, owner: Membership, team: Team) -> None:
    factories.add_member(team, Role.OWNER)
    path = f"members/{owner.pk}"

    problem_of(script.patch(path, {"role": "viewer"}), 409, "team_state")
    problem_of(script.call("DELETE", path), 409, "team_state")

    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_who_is_a_member_already_is_not_invited(script: Script, member: Membership) -> None:
    response = script.post("invitations", {"email": member.user.email, "role": "viewer"})

    assert "member of the team already" in problem_of(response, 409, "team_state")["detail"]


def test_a_team_that_has_invited_many_is_told_when_it_may_again(
    script: Script, member: Membership
) -> None:
    for number in range(50):
        factories.make_invitation(member.team, f"ada{number}@example.com")

    response = script.post("invitations", {"email": "ada@example.com", "role": "viewer"})

    assert "many invitations" in problem_of(response, 429, "rate_limited")["detail"]
    assert 1 <= int(response["Retry-After"]) <= 86_400
    assert response["RateLimit-Policy"] == '"invitations";q=50;w=86400'
    assert response["RateLimit"] == f'"invitations";r=0;t={response["Retry-After"]}'


def test_who_has_no_say_in_the_team_makes_no_token_that_has(
    team: Team, application: Application
) -> None:
    admin = factories.add_member(team, Role.ADMIN)

    for scope in (Scope.TEAM_READ, Scope.TEAM_WRITE):
        with pytest.raises(errors.InvalidRequestError, match="owners"):
            management_tokens.create_token(
                team=team,
                name="Up",
                scopes=[scope],
                actor=user_actor(admin),
                now=timezone.now(),
            )


@pytest.mark.parametrize(("role", "is_offered"), [(Role.ADMIN, False), (Role.OWNER, True)])
def test_the_page_offers_scopes_about_the_team_to_owners_alone(
    client: Client, application: Application, role: Role, is_offered: bool
) -> None:
    people.sign_in(client, factories.add_member(application.team, role))

    page = client.get(f"/dashboard/applications/{application.pk}/settings/tokens/new/")

    assert page.status_code == 200
    assert ('value="team:write"' in page.text) is is_offered


def test_the_log_of_the_team_is_read_and_taken_away(script: Script, team: Team) -> None:
    factories.make_invitation(team, "ada@example.com")

    [told] = script.get("events?action=member.invited&kind=people").json()["data"]
    file = script.post("events/export", {"kind": "people"})

    assert told["after"] == {"email": "ada@example.com", "role": "viewer"}
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    lines = b"".join(file.streaming_content).decode().splitlines()
    assert lines[0].startswith("number,created_at,action")
    assert any("member.invited" in line for line in lines)
    assert script.get("events?action=events.exported").json()["data"]
