"""What happens to teams: their people, who is invited, and who may do what."""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import QuerySet

from accounts import errors, limits, mails
from accounts.access import Right, Role, roles_with
from accounts.events import Actor, record_in_team, user_actor
from accounts.models import Event, Invitation, Membership, Team, User

INVITATION_LASTS = dt.timedelta(days=14)
# A mail for every press of a button would be a nuisance to whom it is sent.
_NEXT_MAIL_AFTER = dt.timedelta(minutes=1)
# A team that grows fast stays below it; who misuses us to send mail does not.
_INVITATIONS_A_DAY = limits.Limit("invitations", hits_max=50, window_seconds=86_400)


@transaction.atomic
def create_team(*, name: str, owner: User, actor: Actor | None = None) -> Team:
    """Create a team; its owner is who acts, unless `actor` says otherwise."""
    team = Team.objects.create(name=name)
    Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    record_in_team(
        "team.created",
        team=team,
        target=team,
        label=name,
        actor=actor or user_actor(owner),
        after={"name": name},
    )
    return team


@transaction.atomic
def home_team(*, user: User) -> Team:
    """The team that a user's new application belongs to: the oldest they may set up, or one of their own."""
    # Two first applications at the same moment would otherwise make two teams.
    User.objects.select_for_update().get(pk=user.pk)
    return teams_with(user, Right.MANAGE_SETTINGS).first() or create_team(
        name=user.get_short_name(), owner=user
    )


def teams_with(user: User, right: Right) -> QuerySet[Team]:
    """The teams in which the user has a right, the oldest first."""
    teams = Team.objects.filter(memberships__user=user, memberships__role__in=roles_with(right))
    return teams.order_by("created_at", "id")


@transaction.atomic
def rename_team(*, team: Team, name: str, actor: Actor) -> bool:
    """Give a team another name; return False when it has that name already."""
    before = Team.objects.select_for_update(no_key=True).get(pk=team.pk).name
    if before == name:
        return False
    Team.objects.filter(pk=team.pk).update(name=name)
    team.name = name
    record_in_team(
        "team.renamed",
        team=team,
        target=team,
        label=name,
        actor=actor,
        before={"name": before},
        after={"name": name},
    )
    return True


def invite_member(
    *, team: Team, email: str, role: Role, actor: Actor, now: dt.datetime
) -> Invitation:
    """Invite somebody by e-mail, with an account or without; an open invitation is sent anew with the new role.

    Raises MemberAlreadyError, TooManyInvitationsError after 50 mails in a day, and OwnersByPeopleError where a token would make an owner.
    """
    _leave_owners_to_people(actor, role)
    email = email.lower()
    if team.memberships.filter(user__email=email).exists():
        raise errors.MemberAlreadyError
    known = team.invitations.filter(email=email, role=role, sent_at__gt=now - _NEXT_MAIL_AFTER)
    if invitation := known.first():
        return invitation
    # Counted before the transaction: what is refused later stays counted.
    outcome = limits.hit(_INVITATIONS_A_DAY, str(team.pk))
    if not outcome.allowed:
        raise errors.TooManyInvitationsError(outcome)
    return _invite(team, email, role, actor, now)


@transaction.atomic
def accept_invitation(
    *, invitation: Invitation, user: User, actor: Actor, now: dt.datetime
) -> Membership:
    """Make whom the invitation was sent to a member; who is one already keeps their role.

    Raises InvitationExpiredError when it has expired or was withdrawn.
    """
    # Its row is the lock: it may be withdrawn, or sent anew with another role, at this very moment.
    open_now = Invitation.objects.select_for_update().open(now).filter(pk=invitation.pk).first()
    membership = Membership.objects.filter(team=invitation.team_id, user=user).first()
    if membership is None:
        if open_now is None:
            raise errors.InvitationExpiredError
        membership = Membership.objects.create(team=invitation.team, user=user, role=open_now.role)
        _record_of_member("member.joined", membership, actor, after={"role": membership.role})
    Invitation.objects.filter(pk=invitation.pk).delete()
    return membership


def decline_invitation(*, invitation: Invitation, actor: Actor) -> bool:
    return _close(invitation, "invitation.declined", actor)


def withdraw_invitation(*, invitation: Invitation, actor: Actor) -> bool:
    """Take an invitation back; return False when it was gone already."""
    return _close(invitation, "invitation.withdrawn", actor)


@transaction.atomic
def change_role(*, membership: Membership, role: Role, actor: Actor) -> bool:
    """Give a member another role; return False when it is theirs already. Raises LastOwnerError, and OwnersByPeopleError."""
    _hold_people_of(membership.team_id)
    before = Membership.objects.get(pk=membership.pk).role
    _leave_owners_to_people(actor, role, before)
    if role != Role.OWNER:
        _keep_an_owner(membership)
    if before == role:
        return False
    Membership.objects.filter(pk=membership.pk).update(role=role)
    membership.role = role
    _record_of_member(
        "member.role_changed", membership, actor, before={"role": before}, after={"role": role}
    )
    return True


@transaction.atomic
def remove_member(*, membership: Membership, actor: Actor) -> bool:
    """End a membership, by another's word or the member's own; return False when it had ended. Raises LastOwnerError."""
    _hold_people_of(membership.team_id)
    roles = Membership.objects.filter(pk=membership.pk).values_list("role", flat=True)
    _leave_owners_to_people(actor, *roles)
    _keep_an_owner(membership)
    left_by_themselves = actor.user == membership.user
    deleted, _ = Membership.objects.filter(pk=membership.pk).delete()
    if deleted:
        action = "member.left" if left_by_themselves else "member.removed"
        _record_of_member(action, membership, actor, before={"role": membership.role})
    return bool(deleted)


def _leave_owners_to_people(actor: Actor, *roles: str) -> None:
    """Raise OwnersByPeopleError for a token: whoever stole one must not become an owner, nor shut one out."""
    if actor.kind == Event.ActorKind.TOKEN and Role.OWNER in roles:
        raise errors.OwnersByPeopleError


def _hold_people_of(team_id: uuid.UUID) -> None:
    """Lock a team, so that nobody else changes who its people are: two owners cannot leave at once."""
    Team.objects.select_for_update(no_key=True).get(pk=team_id)


def _keep_an_owner(membership: Membership) -> None:
    """Raise LastOwnerError when nobody else owns the team."""
    owners = Membership.objects.filter(team=membership.team_id, role=Role.OWNER)
    is_owner = owners.filter(pk=membership.pk).exists()
    if is_owner and not owners.exclude(pk=membership.pk).exists():
        raise errors.LastOwnerError


@transaction.atomic
def _invite(team: Team, email: str, role: Role, actor: Actor, now: dt.datetime) -> Invitation:
    invitation, _ = Invitation.objects.update_or_create(
        team=team,
        email=email,
        defaults={
            "role": role,
            "invited_by": actor.user,
            "sent_at": now,
            "expires_at": now + INVITATION_LASTS,
        },
    )
    record_in_team(
        "member.invited",
        team=team,
        target=invitation,
        actor=actor,
        after={"email": email, "role": role},
    )
    transaction.on_commit(lambda: mails.send_invitation(invitation))
    return invitation


@transaction.atomic
def _close(invitation: Invitation, action: str, actor: Actor) -> bool:
    deleted, _ = Invitation.objects.filter(pk=invitation.pk).delete()
    if deleted:
        facts = {"email": invitation.email, "role": invitation.role}
        record_in_team(action, team=invitation.team, target=invitation, actor=actor, before=facts)
    return bool(deleted)


def _record_of_member(
    action: str,
    membership: Membership,
    actor: Actor,
    *,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    """Record what happened to a member, and to whom: told once, beside what they are now, or were last."""
    who = {"email": membership.user.email}
    record_in_team(
        action,
        team=membership.team,
        target=membership.user,
        actor=actor,
        before=before if after else who | (before or {}),
        after=who | after if after else None,
    )
