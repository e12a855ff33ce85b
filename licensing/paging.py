"""Pages of a list, found by the ids at their edges: each costs the same, however long the list is."""

import dataclasses
import uuid
from typing import Generic, TypeVar

from django.db.models import F, Model, QuerySet
from django.db.models.functions import Coalesce
from django.http import QueryDict

ROWS_PER_PAGE = 25
_Row = TypeVar("_Row", bound=Model)


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[_Row]):
    """Some rows of a list, newest first, and the addresses of the pages before and after ("" where there is none)."""

    rows: list[_Row]
    previous_url: str = ""
    next_url: str = ""

    @property
    def is_first(self) -> bool:
        return not self.previous_url


# Ordering by this, PostgreSQL finds the rows first and puts them in order then; by the key itself it would rather walk along
# the whole table's index until it has met enough of them, which may be never.
FEW_ROWS = Coalesce("pk", "pk")


def page_of(
    rows: QuerySet[_Row],
    query: QueryDict,
    size: int = ROWS_PER_PAGE,
    key: F | Coalesce = F("pk"),  # noqa: B008 (never changed)
) -> Page[_Row]:
    """Return the page that a query string asks for with `after` or `before`; the first one when it asks for nonsense.

    Ids are UUIDv7, so that their order is the order of creation and no row is skipped or shown twice while others arrive.
    """
    before, after = _id(query.get("before")), _id(query.get("after"))
    if before:
        found = list(rows.filter(pk__gt=before).order_by(key.asc())[: size + 1])
        if len(found) > size:
            return _page(list(reversed(found[:size])), query, has_previous=True, has_next=True)
        # So close to the beginning that the first page shows the same and is full.
        after = None
    if after:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by(key.desc())[: size + 1])
    return _page(found[:size], query, has_previous=bool(after), has_next=len(found) > size)


def _page(rows: list[_Row], query: QueryDict, *, has_previous: bool, has_next: bool) -> Page[_Row]:
    if not rows:
        # Past the end: the way back is the beginning.
        return Page(rows, _address(query) if has_previous else "")
    return Page(
        rows,
        _address(query, before=rows[0].pk) if has_previous else "",
        _address(query, after=rows[-1].pk) if has_next else "",
    )


def _address(query: QueryDict, **edge: uuid.UUID) -> str:
    query = query.copy()
    for name in ("before", "after"):
        query.pop(name, None)
    for name, id in edge.items():
        query[name] = str(id)
    return f"?{query.urlencode()}"


def _id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError):
        return None
