"""Leaving: an account is deleted seven days after its owner asks for it, and signing in calls that off."""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts import browsers, mails, teams
from accounts.access import Role
from accounts.errors import SoleOwnerError
from accounts.events import SYSTEM
from accounts.models import Membership, Team, User

GRACE = dt.timedelta(days=7)


def request_deletion(*, user: User, now: dt.datetime) -> bool:
    """Sign a user out everywhere and delete the account in seven days; return False when that is under way already.

    Raises SoleOwnerError while the user is the only owner of a team that has other members.
    """
    if teams_without_another_owner(user).exists():
        raise SoleOwnerError
    with transaction.atomic():
        due_at = now + GRACE
        asked = User.objects.filter(pk=user.pk, deletion_due_at=None).update(deletion_due_at=due_at)
        if not asked:
            return False
        browsers.sign_out_everywhere(user=user)
        transaction.on_commit(lambda: mails.send_deletion_requested(user, due_at))
    return True


@transaction.atomic
def call_off(*, user: User) -> bool:
    """Keep an account that waits for its deletion; return False when it does not."""
    kept = User.objects.filter(pk=user.pk, deletion_due_at__isnull=False).update(
        deletion_due_at=None
    )
    if kept:
        transaction.on_commit(lambda: mails.send_deletion_called_off(user))
    return bool(kept)


def due(now: dt.datetime) -> QuerySet[User]:
    return User.objects.filter(deletion_due_at__lte=now)


@transaction.atomic
def delete_user(*, user: User) -> None:
    """Delete an account and what tells of its owner; teams with other people in them go on.

    Raises SoleOwnerError as `request_deletion` does. Teams of the user alone must be gone before.
    """
    if teams_without_another_owner(user).exists():
        raise SoleOwnerError
    browsers.sign_out_everywhere(user=user)
    for membership in user.memberships.select_related("team", "user"):
        teams.remove_member(membership=membership, actor=SYSTEM)
    user.delete()


def teams_of_nobody_else(user: User) -> QuerySet[Team]:
    """The teams that a user alone is in: they go with the account, and their applications with them."""
    members = Membership.objects.filter(team=OuterRef("pk"))
    teams = Team.objects.filter(
        Exists(members.filter(user=user)), ~Exists(members.exclude(user=user))
    )
    return teams.order_by("name", "pk")


def teams_without_another_owner(user: User) -> QuerySet[Team]:
    """The teams that need another owner before their only one may leave."""
    members = Membership.objects.filter(team=OuterRef("pk"))
    owners = members.filter(role=Role.OWNER)
    teams = Team.objects.filter(
        Exists(owners.filter(user=user)),
        Exists(members.exclude(user=user)),
        ~Exists(owners.exclude(user=user)),
    )
    return teams.order_by("name", "pk")
