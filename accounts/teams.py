"""What happens to teams."""

from django.db import transaction
from django.db.models import QuerySet

from accounts.access import Right, Role, roles_with
from accounts.events import Actor, record_in_team, user_actor
from accounts.models import Membership, Team, User


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
