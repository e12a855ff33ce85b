"""Acts on named users. Programs name them when they open a session; `session_statements.py` says when."""

import datetime as dt

from django.db import transaction

from licensing.events import Actor, record
from licensing.models import License, NamedUser, Session


@transaction.atomic
def remove_user(*, user: NamedUser, actor: Actor, now: dt.datetime) -> bool:
    """Free the place of a named user and end their sessions on the license; return False when that was done already."""
    # Nobody else is named meanwhile.
    license = License.objects.select_for_update(no_key=True).get(pk=user.license_id)
    if not NamedUser.objects.filter(pk=user.pk).delete()[0]:
        return False
    Session.objects.filter(license=license, user_name=user.name).open(now).update(
        ended_at=now, ended_reason=Session.EndedReason.DEVELOPER
    )
    record(
        "license.user_removed",
        target=user,
        actor=actor,
        application=user.application,
        license=license,
        before={"username": user.name},
    )
    return True
