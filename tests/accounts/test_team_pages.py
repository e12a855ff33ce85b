"""The pages of teams, through HTTP, by everybody."""

import re
import uuid

import pytest
from django.core.mail import EmailMultiAlternatives
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.access import Role
from accounts.events import SYSTEM, user_actor
from accounts.models import Invitation, Membership, Team, User
from licensing.management_tokens import create_token, revoke_token
from licensing.models import Application
from licensing.scopes import Scope
from tests import factories


@pytest.fixture
def invitation(team: Team) -> Invitation:
    return teams.invite_member(
        team=team, email="ada@example.com", role=Role.SUPPORT, actor=SYSTEM, now=timezone.now()
    )


@pytest.fixture
def ada(db: None) -> User:
    return factories.make_user("ada@example.com")


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: HttpResponse) -> str:
    return " ".join(response.content.decode().split())


def after(client: Client, response: HttpResponse) -> str:
    assert response.status_code == 302, text_of(response)
    return text_of(client.get(response["Location"]))


def url_of(team: Team, path: str = "") -> str:
    return f"/dashboard/teams/{team.pk}/{path}"


def test_somebody_is_invited_and_joins(
    developer: User,
    team: Team,
    ada: User,
    mailoutbox: list[EmailMultiAlternatives],
    django_capture_on_commit_callbacks,
) -> None:
    owner, invited = browser_of(developer), browser_of(ada)
    with django_capture_on_commit_callbacks(execute=True):
        response = owner.post(url_of(team, "invite/"), {"email": ada.email, "role": "support"})
    page = after(owner, response)
    assert "ada@example.com is invited" in page
    assert "Open until" in page

    [link] = re.findall(r"http://\S+(/dashboard/invitations/\S+/)", str(mailoutbox[0].body))
    assert "You are invited to join" in text_of(invited.get("/dashboard/"))
    assert "developer@example.com invites you" in text_of(invited.get(link))
    assert "Welcome to Team" in after(invited, invited.post(f"{link}accept/"))

    assert team.memberships.get(user=ada).role == Role.SUPPORT


def test_who_has_no_account_is_led_to_one_and_back(client: Client, invitation: Invitation) -> None:
    link = f"/dashboard/invitations/{invitation.pk}/"

    response = client.get(link)

    assert response["Location"] == f"/accounts/login/?next={link}"
    assert f"/accounts/signup/?next={link.replace('/', '%2F')}" in text_of(
        client.get(response["Location"])
    )


def test_an_invitation_is_declined(ada: User, invitation: Invitation) -> None:
    client = browser_of(ada)

    page = after(client, client.post(f"/dashboard/invitations/{invitation.pk}/decline/"))

    assert "You declined" in page
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("path", ["", "accept/", "decline/"])
def test_nobody_but_its_owner_finds_an_invitation(
    developer: User, stranger: User, invitation: Invitation, path: str
) -> None:
    for user in (stranger, developer):
        client = browser_of(user)
        answer = client.post if path else client.get
        assert answer(f"/dashboard/invitations/{invitation.pk}/{path}").status_code == 404

    assert Membership.objects.count() == 1
    assert Invitation.objects.exists()


def test_an_answered_invitation_says_so(ada: User, invitation: Invitation) -> None:
    client = browser_of(ada)
    for _ in range(2):
        response = client.post(f"/dashboard/invitations/{invitation.pk}/accept/")

    assert response.status_code == 404
    assert "It was answered or withdrawn" in text_of(response)


def test_a_role_is_changed(developer: User, team: Team, teammate: User) -> None:
    client, member = browser_of(developer), team.memberships.get(user=teammate)
    url = url_of(team, f"members/{member.pk}/role/")
    assert 'value="viewer"' in text_of(client.get(url))

    client.post(url, {"role": "admin"})

    member.refresh_from_db()
    assert member.role == Role.ADMIN


def test_the_last_owner_stays(developer: User, team: Team) -> None:
    client, own = browser_of(developer), team.memberships.get(user=developer)

    demoted = client.post(url_of(team, f"members/{own.pk}/role/"), {"role": "viewer"})
    left = client.post(url_of(team, f"members/{own.pk}/remove/"))

    assert "A team needs an owner" in text_of(demoted)
    assert "A team needs an owner" in after(client, left)
    assert team.memberships.get().role == Role.OWNER


def test_a_member_is_removed_after_a_question(developer: User, team: Team, teammate: User) -> None:
    client, member = browser_of(developer), team.memberships.get(user=teammate)
    url = url_of(team, f"members/{member.pk}/remove/")
    assert "teammate@example.com loses sight" in text_of(client.get(url))

    assert "is not a member" in after(client, client.post(url))

    assert browser_of(teammate).get(url_of(team)).status_code == 404


def test_tokens_of_a_member_who_is_removed_are_listed_and_stay(
    developer: User, team: Team, teammate: User
) -> None:
    application, now = factories.make_application(team), timezone.now()
    facts = {"team": team, "scopes": [Scope.LICENSES_READ], "actor": user_actor(teammate)}
    made = [
        create_token(**facts, name="Web shop", application=application, now=now),
        create_token(**facts, name="Build", now=now),
    ]
    ended = create_token(**facts, name="Ended", now=now)
    revoke_token(token=ended.token, actor=SYSTEM, now=now)
    client, member = browser_of(developer), team.memberships.get(user=teammate)
    url = url_of(team, f"members/{member.pk}/remove/")

    page = text_of(client.get(url))
    client.post(url)

    assert "Web shop" in page
    assert "Build" in page
    assert "Ended" not in page
    for token in made:
        assert f"/settings/tokens/{token.token.pk}/revoke/" in page
        assert licenses_seen_with(token.text, application) == 200
    tokens_page = f"/dashboard/applications/{application.pk}/settings/tokens/"
    assert text_of(client.get(tokens_page)).count("who left the team") == 3
    for path in re.findall(r"/dashboard/\S+/revoke/", page):
        client.post(path)
    assert {licenses_seen_with(token.text, application) for token in made} == {401}


def licenses_seen_with(token: str, application: Application) -> int:
    address = f"/api/v1/applications/{application.pk}/licenses"
    return Client().get(address, headers={"Authorization": f"Bearer {token}"}).status_code


def test_everybody_can_leave(team: Team, teammate: User) -> None:
    client, own = browser_of(teammate), team.memberships.get(user=teammate)
    url = url_of(team, f"members/{own.pk}/remove/")
    assert "You lose sight" in text_of(client.get(url))

    assert "You left Team" in after(client, client.post(url))

    assert not teammate.memberships.exists()


def test_an_invitation_is_withdrawn(developer: User, team: Team, invitation: Invitation) -> None:
    client, url = browser_of(developer), url_of(team, f"invitations/{invitation.pk}/withdraw/")
    assert "will lead nowhere" in text_of(client.get(url))

    assert "is withdrawn" in after(client, client.post(url))

    assert not Invitation.objects.exists()


def test_a_team_is_renamed(developer: User, team: Team) -> None:
    client = browser_of(developer)

    page = after(client, client.post(url_of(team, "rename/"), {"name": "Acme"}))

    assert "Acme" in page
    assert "Team renamed" in page


@pytest.mark.parametrize(
    "form",
    [
        {"email": "nobody", "role": "viewer"},
        {"email": "", "role": "viewer"},
        {"email": "nul\0@example.com", "role": "viewer"},
        {"email": f"{'x' * 300}@example.com", "role": "viewer"},
        {"email": "bob@example.com", "role": "king"},
        {"email": "bob@example.com"},
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(
    developer: User, team: Team, form: dict[str, str]
) -> None:
    response = browser_of(developer).post(url_of(team, "invite/"), form)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not Invitation.objects.exists()


def test_an_invited_member_is_told_so(developer: User, team: Team, teammate: User) -> None:
    form = {"email": teammate.email, "role": "viewer"}

    page = text_of(browser_of(developer).post(url_of(team, "invite/"), form))

    assert "is a member of the team already" in page


def pages_of(team: Team, invitation: Invitation, member: User) -> dict[str, tuple[str, bool]]:
    """The address of each page of a team, and whether it is for owners only."""
    id = team.memberships.get(user=member).pk
    return {
        url_of(team): False,
        url_of(team, "rename/"): True,
        url_of(team, "invite/"): True,
        url_of(team, f"members/{id}/role/"): True,
        url_of(team, f"members/{id}/remove/"): True,
        url_of(team, f"invitations/{invitation.pk}/withdraw/"): True,
    }


def test_only_an_owner_manages_people(team: Team, developer: User, invitation: Invitation) -> None:
    for role in (Role.ADMIN, Role.SUPPORT, Role.VIEWER):
        client = browser_of(factories.add_member(team, role))
        for url, for_owners in pages_of(team, invitation, developer).items():
            assert client.get(url).status_code == (403 if for_owners else 200), url
            assert client.post(url).status_code == (403 if for_owners else 405), url
        assert "Invite" not in text_of(client.get(url_of(team)))
        assert "ada@example.com" not in text_of(client.get(url_of(team)))


def test_a_stranger_finds_no_team(
    team: Team, developer: User, stranger: User, invitation: Invitation
) -> None:
    client = browser_of(stranger)

    for url in pages_of(team, invitation, developer):
        assert client.get(url).status_code == 404
        assert client.post(url).status_code in (404, 405)
    assert "Team" not in text_of(client.get("/dashboard/teams/")).split('id="main"')[1].replace(
        "Teams", ""
    )


def test_who_is_not_signed_in_is_asked_to(
    client: Client, team: Team, developer: User, invitation: Invitation
) -> None:
    for url in ("/dashboard/teams/", *pages_of(team, invitation, developer)):
        assert client.get(url)["Location"] == f"/accounts/login/?next={url}"


def test_people_of_another_team_are_not_found(developer: User, team: Team) -> None:
    client, other = browser_of(developer), factories.make_team()
    member = other.memberships.get()
    foreign = teams.invite_member(
        team=other, email="bob@example.com", role=Role.VIEWER, actor=SYSTEM, now=timezone.now()
    )

    for path in (
        f"members/{member.pk}/role/",
        f"members/{member.pk}/remove/",
        f"members/{uuid.uuid4()}/remove/",
        f"invitations/{foreign.pk}/withdraw/",
    ):
        assert client.get(url_of(team, path)).status_code == 404
        assert client.post(url_of(team, path), {"role": "viewer"}).status_code == 404


def test_more_people_take_no_more_statements(
    developer: User, team: Team, django_assert_num_queries
) -> None:
    client = browser_of(developer)
    client.get(url_of(team))

    def grow(count: int) -> None:
        for _ in range(count):
            user = factories.add_member(team, Role.VIEWER)
            teams.invite_member(
                team=team,
                email=f"invited-{user.email}",
                role=Role.VIEWER,
                actor=SYSTEM,
                now=timezone.now(),
            )

    grow(3)
    with django_assert_num_queries(7):
        client.get(url_of(team))
    grow(30)
    with django_assert_num_queries(7):
        client.get(url_of(team))
