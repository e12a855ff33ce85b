"""Acts on management tokens: make one, take it back, and tell whose a shown one is."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.access import Right
from accounts.ids import uuid7
from accounts.limits import Limit, Outcome, hit
from accounts.models import Team
from licensing import errors, events, keys, tokens
from licensing.events import Actor
from licensing.models import Application, ManagementToken
from licensing.scopes import Scope

LIMIT_NAME = "management"
# Often enough to find a token that nobody uses, seldom enough that a busy one writes next to nothing.
_LAST_USED_EVERY = dt.timedelta(minutes=1)


@dataclasses.dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; `text` is what scripts send, and is known to nobody after this."""

    token: ManagementToken
    text: str


@transaction.atomic
def create_token(
    *,
    team: Team,
    application: Application | None = None,
    name: str,
    scopes: Collection[Scope],
    expires_at: dt.datetime | None = None,
    actor: Actor,
    now: dt.datetime,
    id: uuid.UUID | None = None,
    made_with: ManagementToken | None = None,
) -> NewToken:
    """Make a token for a team, or for one of its applications (None: all of them, those to come included).

    `id` is chosen by the asker, and makes one token: raises InvalidRequestError the second time, for the text is told only
    once. So it does when the end has passed, no scope is given, the application is another team's, or scopes about the team's
    people are given by somebody who has no say in them.
    """
    if expires_at is not None and expires_at <= now:
        raise errors.InvalidRequestError("expires_at must be in the future")
    if not scopes:
        raise errors.InvalidRequestError("scopes must name at least one")
    if application is not None and application.team_id != team.pk:
        raise errors.InvalidRequestError("application is another team's")
    if any(scope.is_about_people for scope in scopes) and not _may_manage(team, actor):
        raise errors.InvalidRequestError("scopes about the team are given by its owners")
    text = keys.new_management_token()
    token, is_new = ManagementToken.objects.get_or_create(
        id=id or uuid7(),
        defaults={
            "team": team,
            "application": application,
            "name": name,
            "scopes": sorted(scopes),
            "token_digest": tokens.management_token_digest(text),
            "last4": text[-4:],
            "created_by": actor.user,
            "made_with": made_with,
            "expires_at": expires_at,
        },
    )
    if not is_new:
        raise errors.InvalidRequestError(
            "this token was made already and is not shown again: revoke it if you did not copy it"
        )
    events.record_of_token(
        "token.created",
        token=token,
        actor=actor,
        after={"scopes": token.scopes, "expires_at": expires_at},
    )
    return NewToken(token, text)


@transaction.atomic
def create_token_with(
    *,
    maker: ManagementToken,
    application: Application | None = None,
    name: str,
    scopes: Collection[Scope],
    expires_at: dt.datetime | None = None,
    actor: Actor,
    now: dt.datetime,
) -> NewToken:
    """Make a token by showing another one: it opens no more than that one, ends no later, and is revoked with it.

    So whoever steals a token leaves nothing behind that outlives it. Raises InsufficientScopeError for a scope that the maker
    lacks, InvalidTokenError when it has just been revoked, and InvalidRequestError as `create_token` does and when the new
    one would reach or last longer.
    """
    for scope in scopes:
        if not maker.allows(scope):
            raise errors.InsufficientScopeError(scope)
    if maker.application_id and (application is None or application.pk != maker.application_id):
        raise errors.InvalidRequestError("application must be the one that your own token opens")
    if maker.expires_at and (expires_at is None or expires_at > maker.expires_at):
        raise errors.InvalidRequestError("expires_at must not be later than your own token's end")
    # Held until this is committed, so that who revokes it finds the new one as well.
    if not ManagementToken.objects.select_for_update().filter(pk=maker.pk).usable(now):
        raise errors.InvalidTokenError
    return create_token(
        team=maker.team,
        application=application,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        actor=actor,
        now=now,
        made_with=maker,
    )


@transaction.atomic
def revoke_token(*, token: ManagementToken, actor: Actor, now: dt.datetime) -> bool:
    """Let a token, and those that were made with it, open nothing from their next call on; return False when it was revoked already."""
    revoked = ManagementToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)
    if revoked:
        token.revoked_at = now
        events.record_of_token("token.revoked", token=token, actor=actor)
    for made in ManagementToken.objects.filter(made_with=token, revoked_at=None):
        revoke_token(token=made, actor=actor, now=now)
    return bool(revoked)


def token_shown(text: str, *, now: dt.datetime) -> ManagementToken:
    """Return the token that somebody showed, and note that it was used.

    Raises InvalidTokenError alike for what is no token, unknown, expired or revoked: each is one digest and one look-up.
    """
    digest = tokens.management_token_digest(text)
    token = ManagementToken.objects.usable(now).filter(token_digest=digest).first()
    if token is None:
        raise errors.InvalidTokenError
    _note_use(token, now)
    return token


def count_call(token: ManagementToken) -> Outcome:
    """Count one call of a token against its minute; the caller chooses nothing that the count hangs on."""
    limit = Limit(LIMIT_NAME, settings.MANAGEMENT_CALLS_PER_MINUTE, 60)
    return hit(limit, str(token.pk))


def _may_manage(team: Team, actor: Actor) -> bool:
    """Whether somebody has a say in who belongs to a team: what they may not do, no token of theirs may."""
    if actor.user is None:
        return True
    membership = team.memberships.filter(user=actor.user).first()
    return membership is not None and membership.allows(Right.MANAGE_TEAM)


def _note_use(token: ManagementToken, now: dt.datetime) -> None:
    before = now - _LAST_USED_EVERY
    if token.last_used_at is None or token.last_used_at < before:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=before)
        ManagementToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
