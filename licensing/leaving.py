"""Deleting accounts whose seven days are over, with the teams and applications that were theirs alone."""

import datetime as dt
import logging

from django.db import transaction

from accounts import deletion
from accounts.errors import SoleOwnerError
from accounts.models import EventDetail, Membership, Team, User
from licensing.models import (
    AccessRule,
    ApiKey,
    Application,
    BulkJob,
    BulkRow,
    Consumption,
    Device,
    Entitlement,
    License,
    LicenseBatch,
    LicenseEntitlement,
    NamedUser,
    Policy,
    PolicyEntitlement,
    Session,
    SigningKey,
    TrialUse,
    Usage,
    Variable,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)

logger = logging.getLogger(__name__)

# From the leaves up, each as one statement: the tables are long, and no row of them needs a look.
_TABLES = (
    BulkRow,
    BulkJob,
    Variable,
    WebhookAttempt,
    WebhookDelivery,
    WebhookSecret,
    WebhookEndpoint,
    Consumption,
    Usage,
    LicenseEntitlement,
    PolicyEntitlement,
    Entitlement,
    Session,
    Device,
    TrialUse,
    NamedUser,
    AccessRule,
    License,
    LicenseBatch,
    Policy,
    ApiKey,
    SigningKey,
)


def delete_due_accounts(*, now: dt.datetime) -> int:
    """Delete every account whose grace is over, each in a transaction of its own; return how many that were.

    One that became the only owner of a team with other people is left as it is, and logged: the team comes first.
    """
    deleted = 0
    for user in deletion.due(now):
        try:
            deleted += _delete_account(user, now)
        except SoleOwnerError as error:
            logger.warning("Account %s cannot be deleted yet: %s", user.pk, error.message)
    return deleted


@transaction.atomic
def _delete_account(user: User, now: dt.datetime) -> bool:
    # Locked, so that a sign-in at this very moment either calls it off or comes too late.
    due = deletion.due(now).select_for_update().filter(pk=user.pk).first()
    if due is None:
        return False
    for team in deletion.teams_of_nobody_else(due):
        _delete_team(team)
    deletion.delete_user(user=due)
    return True


def _delete_team(team: Team) -> None:
    """Delete a team with all it has. Its events stay, as all events do, but tell of no person any more."""
    applications = Application.objects.filter(team=team)
    for table in _TABLES:
        rows = table._default_manager.filter(application__in=applications)
        rows._raw_delete(rows.db)
    applications.delete()
    EventDetail.objects.filter(event__team_id=team.pk).delete()
    Membership.objects.filter(team=team).delete()
    team.delete()
