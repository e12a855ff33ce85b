"""Which licenses a search finds: by the beginning of a name or e-mail, the end of a key, or a whole key."""

import datetime as dt
import functools
import operator
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import StartsWith

from licensing import keys, tokens
from licensing.models import Application, License
from licensing.models.license import LicenseQuerySet

_LAST = 5


def find_licenses(
    application: Application,
    *,
    text: str = "",
    state: str = "",
    at: dt.datetime,
    matches_max: int | None = None,
) -> LicenseQuerySet:
    """Return the licenses that match `text` and are in `state` at a moment; empty or unknown asks for nothing.

    Of more than `matches_max` that match in one way it returns any so many: for people, who go on typing.
    """
    found = _in_state(License.objects.for_application(application), state, at)
    text = text.strip()
    if not text:
        return found
    if matches_max is not None:
        return found.filter(pk__in=_some_matching(application, text, matches_max))
    return found.filter(matching(text))


def _some_matching(application: Application, text: str, matches_max: int) -> QuerySet[License, Any]:
    # Each way has an index that gives the first ones at once; all together would have to be found, and put in order, first.
    licenses = License.objects.for_application(application).order_by().values("pk")
    ways = [licenses.filter(way)[:matches_max] for way in _ways(text)]
    return ways[0].union(*ways[1:])


def matching(text: str) -> Q:
    """What a search among licenses asks for; text without space around it, and not empty."""
    return functools.reduce(operator.or_, _ways(text))


def _ways(text: str) -> list[Q]:
    digests = tokens.license_key_digests(text)
    return [
        # lower(…) LIKE 'text%' is what the indexes on names and addresses are made for.
        Q(StartsWith(Lower("username"), text.lower())),
        Q(StartsWith(Lower("email"), text.lower())),
        Q(key_last5__in=_ends(text)),
        Q(key_digest__in=digests),
        Q(second_key_digest__in=digests),
    ]


def beginning_with(username: str = "", email: str = "") -> Q:
    """What narrows a list to names and addresses that begin so; "" narrows nothing."""
    wanted = Q()
    if username:
        wanted &= Q(StartsWith(Lower("username"), username.lower()))
    if email:
        wanted &= Q(StartsWith(Lower("email"), email.lower()))
    return wanted


def _in_state(licenses: LicenseQuerySet, state: str, at: dt.datetime) -> LicenseQuerySet:
    if state == "active":
        return licenses.usable(at)
    if state == "expired":
        return licenses.expired(at)
    if state in (License.Status.SUSPENDED, License.Status.REVOKED):
        return licenses.filter(status=state)
    return licenses


def _ends(text: str) -> list[str]:
    """What the last five of a key may look like when this was typed: as it is, and forgiven like a whole key."""
    return [text[-_LAST:], keys.normalized_license_key(text)] if len(text) <= _LAST + 2 else []
