"""Pages of a list, in any order: where the next one begins is a row's own place, so that none is skipped or told twice."""

import base64
import binascii
import datetime as dt
import json
import uuid
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet

from api.management.outputs import BY_CREATION

_Row = TypeVar("_Row", bound=Model)


class BadCursorError(Exception):
    """A cursor that no list with this order gave."""


def page_of(
    rows: QuerySet[_Row], *, limit: int, cursor: str, sort: str
) -> tuple[list[_Row], str | None]:
    """Return `limit` rows behind a cursor, and the cursor of what follows, None at the end.

    Rows without a value come last in both directions. A row whose value changes meanwhile may be met again, or not at all.
    """
    name, is_down = sort.removeprefix("-"), sort.startswith("-")
    if name == BY_CREATION:
        name = "pk"
    if cursor:
        rows = rows.filter(_behind(_place(rows, name, cursor), name, is_down))
    found = list(rows.order_by(*_order(name, is_down))[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], _cursor(found[limit - 1], name)


def _order(name: str, is_down: bool) -> list[Any]:
    first = F(name).desc(nulls_last=True) if is_down else F(name).asc(nulls_last=True)
    if name == "pk":
        return ["-pk" if is_down else "pk"]
    return [first, "-pk" if is_down else "pk"]


def _behind(place: tuple[Any, uuid.UUID], name: str, is_down: bool) -> Q:
    value, id = place
    beyond = "lt" if is_down else "gt"
    later = Q(**{f"pk__{beyond}": id})
    if name == "pk":
        return later
    without = Q(**{f"{name}__isnull": True})
    if value is None:
        return without & later
    return Q(**{f"{name}__{beyond}": value}) | (Q(**{name: value}) & later) | without


def _cursor(row: Model, name: str) -> str:
    if name == "pk":
        return str(row.pk)
    value = getattr(row, name)
    told = value.isoformat() if isinstance(value, dt.datetime) else value
    return base64.urlsafe_b64encode(json.dumps([told, str(row.pk)]).encode()).decode().rstrip("=")


def _place(rows: QuerySet[_Row], name: str, cursor: str) -> tuple[Any, uuid.UUID]:
    """Return the value and the id that a cursor stands for."""
    try:
        if name == "pk":
            return None, uuid.UUID(cursor)
        padded = cursor + "=" * (-len(cursor) % 4)
        told, id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        field: Any = rows.model._meta.get_field(name)
        value = field.to_python(told)
        if isinstance(value, dt.datetime) and value.tzinfo is None or "\0" in str(value):
            raise BadCursorError
        return value, uuid.UUID(id)
    except (ValueError, TypeError, AttributeError, binascii.Error, ValidationError) as error:
        raise BadCursorError from error
