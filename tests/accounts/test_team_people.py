"""Who is in a team: inviting, joining, changing roles, leaving."""

import datetime as dt
import threading

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone

from accounts import errors, teams
from accounts.access import Role
from accounts.events import SYSTEM, Actor, user_actor
from accounts.models import Event, Invitation, Membership, Team, User
from tests import factories


def invite(
    team: Team, email: str = "ada@example.com", role: Role = Role.SUPPORT, **when: dt.datetime
) -> Invitation:
    now = when.get("now", timezone.now())
    return teams.invite_member(team=team, email=email, role=role, actor=SYSTEM, now=now)


def accept(invitation: Invitation, user: User, **when: dt.datetime) -> Membership:
    now = when.get("now", timezone.now())
    return teams.accept_invitation(
        invitation=invitation, user=user, actor=user_actor(user), now=now
    )


def test_who_is_invited_becomes_a_member_with_the_role(team: Team) -> None:
    ada = factories.make_user("ada@example.com")

    membership = accept(invite(team), ada)

    assert (membership.team, membership.role) == (team, Role.SUPPORT)
    assert not Invitation.objects.exists()
    assert Event.objects.first().action == "member.joined"


def test_the_mail_tells_who_invites_where_and_how(
    team: Team,
    developer: User,
    mailoutbox: list[EmailMultiAlternatives],
    django_capture_on_commit_callbacks,
) -> None:
    team.name = "R&D\r\nBcc: everybody@example.com"
    with django_capture_on_commit_callbacks(execute=True):
        invitation = teams.invite_member(
            team=team,
            email="Ada@Example.com",
            role=Role.ADMIN,
            actor=user_actor(developer),
            now=timezone.now(),
        )

    [mail] = mailoutbox
    [html] = mail.alternatives
    assert mail.to == ["ada@example.com"]
    assert mail.subject == "Join R&D Bcc: everybody@example.com on Lockence"
    for body in (str(mail.body), str(html.content)):
        assert f"/dashboard/invitations/{invitation.pk}/" in body
        assert "developer@example.com invites you" in body
        assert "as admin" in body
    assert "R&amp;D" in str(html.content)
    assert "R&D" in str(mail.body)


def test_a_second_press_sends_no_second_mail(
    team: Team, mailoutbox: list[EmailMultiAlternatives], django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first, second = invite(team), invite(team)

    assert first == second
    assert len(mailoutbox) == 1


def test_an_open_invitation_is_sent_anew_with_another_role(team: Team) -> None:
    first = invite(team)

    second = invite(team, role=Role.VIEWER)

    assert (second.pk, second.role) == (first.pk, Role.VIEWER)


def test_a_member_is_not_invited_again(team: Team, teammate: User) -> None:
    with pytest.raises(errors.MemberAlreadyError):
        invite(team, email=teammate.email.upper())


def test_a_team_does_not_send_mail_without_end(team: Team) -> None:
    for number in range(50):
        invite(team, email=f"ada{number}@example.com")

    with pytest.raises(errors.TooManyInvitationsError):
        invite(team)


def test_an_invitation_is_open_for_two_weeks(team: Team) -> None:
    ada = factories.make_user("ada@example.com")
    invitation = invite(team)

    with pytest.raises(errors.InvitationExpiredError):
        accept(invitation, ada, now=timezone.now() + dt.timedelta(days=14))
    assert accept(invitation, ada, now=timezone.now() + dt.timedelta(days=13))


def test_a_withdrawn_invitation_lets_nobody_in(team: Team) -> None:
    invitation = invite(team)
    teams.withdraw_invitation(invitation=invitation, actor=SYSTEM)

    with pytest.raises(errors.InvitationExpiredError):
        accept(invitation, factories.make_user("ada@example.com"))
    assert not teams.withdraw_invitation(invitation=invitation, actor=SYSTEM)


def test_accepting_twice_does_no_harm(team: Team) -> None:
    ada = factories.make_user("ada@example.com")
    invitation = invite(team)

    assert accept(invitation, ada) == accept(invitation, ada)
    assert Event.objects.filter(action="member.joined").count() == 1


def test_a_declined_invitation_is_gone(team: Team) -> None:
    invitation = invite(team)

    assert teams.decline_invitation(invitation=invitation, actor=SYSTEM)
    assert not teams.decline_invitation(invitation=invitation, actor=SYSTEM)

    assert Event.objects.filter(action="invitation.declined").count() == 1


def test_a_role_is_changed_and_remembered(team: Team, teammate: User) -> None:
    membership = team.memberships.get(user=teammate)

    assert teams.change_role(membership=membership, role=Role.ADMIN, actor=SYSTEM)
    assert not teams.change_role(membership=membership, role=Role.ADMIN, actor=SYSTEM)

    event = Event.objects.get(action="member.role_changed")
    assert (event.before, event.after) == ({"role": "viewer"}, {"role": "admin"})
    assert event.full_after["email"] == teammate.email


def test_a_token_acts_on_nobody_who_became_an_owner_meanwhile(team: Team, teammate: User) -> None:
    token = Actor(Event.ActorKind.TOKEN)
    seen = team.memberships.get(user=teammate)
    teams.change_role(membership=team.memberships.get(pk=seen.pk), role=Role.OWNER, actor=SYSTEM)

    with pytest.raises(errors.OwnersByPeopleError):
        teams.change_role(membership=seen, role=Role.VIEWER, actor=token)
    with pytest.raises(errors.OwnersByPeopleError):
        teams.remove_member(membership=seen, actor=token)

    assert team.memberships.get(pk=seen.pk).role == Role.OWNER


def test_the_last_owner_can_neither_leave_nor_step_down(team: Team, teammate: User) -> None:
    owner = team.memberships.get(role=Role.OWNER)

    with pytest.raises(errors.LastOwnerError):
        teams.change_role(membership=owner, role=Role.ADMIN, actor=SYSTEM)
    with pytest.raises(errors.LastOwnerError):
        teams.remove_member(membership=owner, actor=SYSTEM)

    teams.change_role(membership=team.memberships.get(user=teammate), role=Role.OWNER, actor=SYSTEM)
    assert teams.remove_member(membership=owner, actor=SYSTEM)


def test_who_leaves_and_who_is_removed_are_told_apart(team: Team, teammate: User) -> None:
    other = factories.add_member(team, Role.SUPPORT)
    teams.remove_member(membership=team.memberships.get(user=teammate), actor=user_actor(teammate))
    gone = team.memberships.get(user=other)

    assert teams.remove_member(membership=gone, actor=SYSTEM)
    assert not teams.remove_member(membership=gone, actor=SYSTEM)

    actions = [event.action for event in Event.objects.all()[:2]]
    assert actions == ["member.removed", "member.left"]


def test_a_team_is_renamed(team: Team) -> None:
    assert teams.rename_team(team=team, name="Acme", actor=SYSTEM)
    assert not teams.rename_team(team=team, name="Acme", actor=SYSTEM)

    assert Team.objects.get().name == "Acme"
    assert Event.objects.get(action="team.renamed").after == {"name": "Acme"}


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays(team: Team) -> None:
    factories.add_member(team, Role.OWNER)
    owners = list(team.memberships.select_related("user", "team"))
    together = threading.Barrier(len(owners))

    def leave(membership: Membership) -> None:
        together.wait()
        try:
            teams.remove_member(membership=membership, actor=SYSTEM)
        except errors.LastOwnerError:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=[owner]) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert team.memberships.count() == 1
