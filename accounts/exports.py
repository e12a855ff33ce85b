"""What the site knows of a person, as a zip of JSON files."""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.module_loading import import_string

from accounts.models import Event, User

# A file's name, and the rows in it.
Section = tuple[str, Iterable[Mapping[str, object]]]
Sections = Callable[[User], Iterator[Section]]
# What one statement fetches, of tables that may be long.
ROWS_PER_STATEMENT = 1_000


def write_account(user: User, file: IO[bytes]) -> None:
    """Write all files of ACCOUNT_EXPORTS into a zip, row by row: it takes no more memory for a long table."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in settings.ACCOUNT_EXPORTS:
            sections: Sections = import_string(path)
            for name, rows in sections(user):
                with archive.open(f"{name}.json", "w", force_zip64=True) as entry:
                    for piece in _json_pieces(rows):
                        entry.write(piece.encode())


def account_sections(user: User) -> Iterator[Section]:
    """Everything about the person themselves. Secrets stay here: a copy of them would be one more place to lose them."""
    yield "account", [_account(user)]
    yield "email_addresses", user.emailaddress_set.values("email", "verified", "primary")  # type: ignore[attr-defined]
    yield "second_factors", _second_factors(user)
    yield (
        "browsers",
        user.browsers.values("user_agent", "ip_address", "first_seen_at", "signed_in_at"),
    )
    yield "teams", user.memberships.values("team__id", "team__name", "role", "created_at")
    yield "acts", _acts(user)


def _account(user: User) -> Mapping[str, object]:
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "date_joined": user.date_joined,
        "last_login": user.last_login,
        "is_staff": user.is_staff,
    }


def _second_factors(user: User) -> Iterator[Mapping[str, object]]:
    for factor in Authenticator.objects.filter(user=user):
        yield {
            "type": factor.type,
            "name": str(factor),
            "created_at": factor.created_at,
            "last_used_at": factor.last_used_at,
        }


def _acts(user: User) -> Iterator[Mapping[str, object]]:
    events = Event.objects.filter(actor=user).prefetch_related("details")
    for event in events.iterator(ROWS_PER_STATEMENT):
        yield {
            "id": event.pk,
            "action": event.action,
            "target_type": event.target_type,
            "target_id": event.target_id,
            "target": event.target_label,
            "ip_address": event.ip_address,
            "created_at": event.created_at,
        }


def _json_pieces(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    separator = "[\n"
    for row in rows:
        yield separator + json.dumps(dict(row), cls=DjangoJSONEncoder, ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"
