"""Acts on applications and their API keys."""

import datetime as dt
import uuid

from django.db import transaction

from accounts import ciphers
from accounts.ids import uuid7
from accounts.models import Team
from licensing import errors, keys, tokens
from licensing.events import Actor, record
from licensing.models import ApiKey, Application, Policy
from licensing.models.policy import STANDARD_NAME
from licensing.signing_keys import create_first_signing_keys

# Long enough for every customer to have updated once; a leaked key is retired at once instead.
OVERLAP_MAX = dt.timedelta(days=365)


@transaction.atomic
def create_application(
    *, team: Team, name: str, actor: Actor, id: uuid.UUID | None = None
) -> Application:
    """Create an application with its API key, its signing keys and the "Standard" policy.

    Standard means: for ever, one device, any number of sessions. `id` is chosen by the asker: asking twice with the same one
    creates once. Raises InvalidRequestError when it is another team's.
    """
    application, is_new = Application.objects.get_or_create(
        id=id or uuid7(), defaults={"team": team, "name": name}
    )
    if application.team_id != team.pk:
        raise errors.InvalidRequestError("id is taken")
    if not is_new:
        return application
    _create_api_key(application)
    create_first_signing_keys(application=application)
    Policy.objects.create(application=application, name=STANDARD_NAME, is_default=True)
    record(
        "application.created",
        target=application,
        actor=actor,
        application=application,
        after={"name": name},
    )
    return application


@transaction.atomic
def rename_application(*, application: Application, name: str, actor: Actor) -> bool:
    """Give an application another name; return False when it has that name already."""
    before = Application.objects.select_for_update(no_key=True).get(pk=application.pk).name
    if before == name:
        return False
    Application.objects.filter(pk=application.pk).update(name=name)
    application.name = name
    record(
        "application.renamed",
        target=application,
        actor=actor,
        application=application,
        before={"name": before},
        after={"name": name},
    )
    return True


def enable_application(*, application: Application, actor: Actor) -> bool:
    """Let its programs in again; return False when it was enabled already."""
    return _switch(application, enabled=True, actor=actor)


def disable_application(*, application: Application, actor: Actor) -> bool:
    """Refuse every call of its programs from now on, open sessions included; return False when it was disabled already."""
    return _switch(application, enabled=False, actor=actor)


@transaction.atomic
def rotate_api_key(
    *,
    application: Application,
    overlap: dt.timedelta,
    actor: Actor,
    now: dt.datetime,
    replaces: uuid.UUID | None = None,
) -> ApiKey:
    """Make a new API key; the one before answers for `overlap` longer (none: it stops answering at once).

    `replaces` is the id of the key that the asker saw: once another has taken its place, that one is returned and nothing
    changes. Raises InvalidRequestError when the overlap is negative or longer than a year.
    """
    if not dt.timedelta(0) <= overlap <= OVERLAP_MAX:
        raise errors.InvalidRequestError("overlap must be between 0 and 365 days")
    Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    current = ApiKey.objects.filter(application=application).current()
    if replaces and not current.filter(pk=replaces).exists():
        return current.get()
    current.update(expires_at=now + overlap)
    api_key = _create_api_key(application)
    record(
        "api_key.rotated",
        target=api_key,
        actor=actor,
        application=application,
        after={"overlap_seconds": int(overlap.total_seconds())},
    )
    return api_key


@transaction.atomic
def retire_api_key(*, api_key: ApiKey, actor: Actor, now: dt.datetime) -> bool:
    """Stop a replaced API key from answering before its overlap is over; return False when it is retired or current."""
    retired = ApiKey.objects.filter(pk=api_key.pk, expires_at__gt=now).update(expires_at=now)
    if retired:
        record("api_key.retired", target=api_key, actor=actor, application=api_key.application)
    return bool(retired)


@transaction.atomic
def _switch(application: Application, *, enabled: bool, actor: Actor) -> bool:
    switched = Application.objects.filter(pk=application.pk, enabled=not enabled).update(
        enabled=enabled
    )
    if switched:
        application.enabled = enabled
        record(
            "application.enabled" if enabled else "application.disabled",
            target=application,
            actor=actor,
            application=application,
        )
    return bool(switched)


def _create_api_key(application: Application) -> ApiKey:
    key, row = keys.new_api_key(), uuid7()
    return ApiKey.objects.create(
        id=row,
        application=application,
        **tokens.api_key_index(key),
        key_ciphertext=ciphers.encrypt(
            key, table=ApiKey._meta.db_table, column="key_ciphertext", row=row
        ),
    )
