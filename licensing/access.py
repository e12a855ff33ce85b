"""The only doors to a team's rows, for pages and API alike: a stranger and a wrong id get the same 404."""

import datetime as dt
import uuid
from typing import Protocol, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from accounts.access import Right, Role, roles_with
from accounts.models import Event, Invitation, Membership, Team, User
from licensing import errors
from licensing.models import (
    AccessRule,
    ApiKey,
    Application,
    BulkJob,
    Device,
    Entitlement,
    License,
    LicenseBatch,
    ManagementToken,
    NamedUser,
    Policy,
    Session,
    SigningKey,
    Variable,
    WebhookDelivery,
    WebhookEndpoint,
)

_Row = TypeVar("_Row", bound=Model)
_Row_co = TypeVar("_Row_co", bound=Model, covariant=True)


def applications_of(user: User | AnonymousUser, right: Right = Right.VIEW) -> QuerySet[Application]:
    """The applications in which the user has a right."""
    if not user.is_authenticated or not user.is_active:
        return Application.objects.none()
    # A subquery and not a join, so that the result can be updated, counted and paged as it is.
    teams = user.memberships.filter(role__in=roles_with(right)).values("team")
    return Application.objects.filter(team__in=teams)


def application_for(
    user: User | AnonymousUser, id: uuid.UUID, right: Right = Right.VIEW
) -> Application:
    """Return an application; raise Http404 for a stranger, PermissionDenied for a member without the right."""
    application = applications_of(user).select_related("team").filter(pk=id).first()
    if application is None:
        raise Http404("No such application")
    if right is not Right.VIEW and not allows(user, application, right):
        raise PermissionDenied("Your role in this team does not allow this")
    return application


def allows(user: User | AnonymousUser, application: Application, right: Right) -> bool:
    """Tell whether the user has a right in an application."""
    return applications_of(user, right).filter(pk=application.pk).exists()


def rights_in(user: User | AnonymousUser, application: Application) -> frozenset[Right]:
    """Return the rights that the user's role gives in an application; none to a stranger."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    membership = user.memberships.filter(team=application.team_id).first()
    return Role(membership.role).rights if membership else frozenset()


def may_go_on(job: BulkJob, at: dt.datetime) -> bool:
    """Tell whether who asked for a job may still do what it does: a member with their right, a token as long as it is good."""
    if job.actor_kind == Event.ActorKind.USER:
        user = job.created_by or AnonymousUser()
        return allows(user, job.application, Right.MANAGE_LICENSES)
    if job.token_id:
        tokens = ManagementToken.objects.reaching(job.application).usable(at)
        return tokens.filter(pk=job.token_id).exists()
    return True


class _Door(Protocol[_Row_co]):
    """Lets whoever has a right in an application to one of its rows; raises what `application_for` raises, and Http404."""

    def __call__(
        self,
        user: User | AnonymousUser,
        application_id: uuid.UUID,
        id: uuid.UUID,
        right: Right = ...,
    ) -> _Row_co: ...


def _door(rows: QuerySet[_Row], least: Right = Right.VIEW) -> _Door[_Row]:
    """Make the door to some rows; it asks for a right of its own where the caller names none."""

    def open_door(
        user: User | AnonymousUser, application_id: uuid.UUID, id: uuid.UUID, right: Right = least
    ) -> _Row:
        return _found(rows, application_for(user, application_id, right), id)

    return open_door


license_for = _door(License.objects.select_related("policy", "application"))
batch_for = _door(LicenseBatch.objects.select_related("application"))
bulk_job_for = _door(BulkJob.objects.select_related("application", "policy", "batch"))
policy_for = _door(Policy.objects.select_related("application"))
entitlement_for = _door(Entitlement.objects.select_related("application"))
variable_for = _door(Variable.objects.select_related("application", "entitlement"))
access_rule_for = _door(AccessRule.objects.select_related("application", "license"))
named_user_for = _door(NamedUser.objects.select_related("license", "application"))
device_for = _door(Device.objects.select_related("license", "application"))
session_for = _door(Session.objects.select_related("license", "application"))
api_key_for = _door(ApiKey.objects.select_related("application"), Right.SEE_KEYS)
signing_key_for = _door(SigningKey.objects.select_related("application"), Right.MANAGE_SETTINGS)
webhook_endpoint_for = _door(
    WebhookEndpoint.objects.select_related("application"), Right.MANAGE_SETTINGS
)


def webhook_delivery_for(
    user: User | AnonymousUser,
    application_id: uuid.UUID,
    id: uuid.UUID,
    endpoint_id: uuid.UUID,
    right: Right = Right.MANAGE_SETTINGS,
) -> WebhookDelivery:
    """A delivery to one endpoint of the application."""
    application = application_for(user, application_id, right)
    deliveries = WebhookDelivery.objects.filter(endpoint=endpoint_id)
    return _found(deliveries.select_related("endpoint__application"), application, id)


def management_token_for(
    user: User | AnonymousUser,
    application_id: uuid.UUID,
    id: uuid.UUID,
    right: Right = Right.MANAGE_SETTINGS,
) -> ManagementToken:
    """A token that opens the application: its own, or one of its whole team."""
    application = application_for(user, application_id, right)
    return _one(ManagementToken.objects.reaching(application), id)


def applications_of_token(token: ManagementToken) -> QuerySet[Application]:
    """The applications that a management token opens: all of its team, or the one that it is bound to."""
    applications = Application.objects.filter(team=token.team_id)
    return applications.filter(pk=token.application_id) if token.application_id else applications


def application_of_token(token: ManagementToken, id: uuid.UUID) -> Application:
    return _one(applications_of_token(token), id)


def row_of_token(
    token: ManagementToken, rows: QuerySet[_Row], application_id: uuid.UUID, id: uuid.UUID
) -> _Row:
    """Return a row below an application; what the token does not open is not found, and asked for in the same statement."""
    opened = applications_of_token(token).filter(pk=application_id)
    return _one(rows.filter(application__in=opened), id)


def team_of_token(token: ManagementToken) -> Team:
    """Return the team of a token; raise InsufficientScopeError for one that is bound to an application."""
    if token.application_id:
        raise errors.InsufficientScopeError("that reaches the whole team: it opens one application")
    return token.team


def row_of_team(rows: QuerySet[_Row], id: uuid.UUID) -> _Row:
    """Return one of the rows of a team that `team_of_token` opened."""
    return _one(rows, id)


def tokens_of_token(token: ManagementToken) -> QuerySet[ManagementToken]:
    """The tokens that a management token may see: all of its team, or those bound to the same application."""
    tokens = ManagementToken.objects.filter(team=token.team_id)
    return tokens.filter(application=token.application_id) if token.application_id else tokens


def token_of_token(token: ManagementToken, id: uuid.UUID) -> ManagementToken:
    return _one(tokens_of_token(token), id)


def hold_row(row: _Row) -> _Row:
    """Return a row that came through a door as it is now, and lock it until the end of the transaction.

    What its verbs lock first is locked first here as well: the license of a device, the application of a key, the team of a
    member.
    """
    if isinstance(row, Device | Session | NamedUser):
        License.objects.select_for_update(no_key=True).get(pk=row.license_id)
    if isinstance(row, SigningKey | ApiKey | AccessRule):
        Application.objects.select_for_update(no_key=True).get(pk=row.application_id)
    if isinstance(row, Membership | Invitation):
        Team.objects.select_for_update(no_key=True).get(pk=row.team_id)
    rows = type(row)._default_manager.select_for_update(no_key=True)
    return _one(rows, row.pk)


def _found(rows: QuerySet[_Row], application: Application, id: uuid.UUID) -> _Row:
    return _one(rows.filter(application=application), id)


def _one(rows: QuerySet[_Row], id: uuid.UUID) -> _Row:
    row = rows.filter(pk=id).first()
    if row is None:
        raise Http404("No such row")
    return row
