"""What management calls accept: strict types, and no member or parameter that is not known."""

import json
import re
import uuid
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from licensing import errors
from licensing.metadata import parse_metadata

UNKNOWN = "There is no such field"
LIMIT_MAX = 100
_LIMIT_DEFAULT = 25
# RFC 3339, section 5.6: a moment without its offset means another in every time zone.
_HAS_OFFSET = re.compile(r".*(?:Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.DOTALL)


class Input(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        unknown = {name: [UNKNOWN] for name in data if name not in self.fields}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**_members(error.detail), **unknown}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class OneInput(Input):
    """The query string of one row: which of its members to show in full, with commas between them."""

    expand = serializers.CharField(max_length=200, default="")


class ListInput(OneInput):
    """The query string of a list: how many rows, from where on, and in which order."""

    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=_LIMIT_DEFAULT)
    cursor = serializers.CharField(max_length=1_000, allow_blank=True, default="")
    sort = serializers.CharField(max_length=50, default="-created_at")


class Text(serializers.CharField):
    """Text and nothing that could be made into it; `like` is the pattern by which a verb judges it, and is told to callers."""

    def __init__(self, *, like: str = "", **kwargs: Any) -> None:
        self.like = like
        kwargs.setdefault("trim_whitespace", not like)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """An id as text: to Python a number would be one as well."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A whole number; to JSON Schema 5.0 is one as well, and some languages write it so."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is float and data.is_integer():
            return super().to_internal_value(int(data))
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false, and no word for them."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class Moment(serializers.DateTimeField):
    """A moment as RFC 3339 writes it, with its offset from UTC."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not _HAS_OFFSET.fullmatch(value):
            raise serializers.ValidationError(
                "Must be a moment with its offset, such as 2030-01-31T12:00:00Z"
            )
        return super().to_internal_value(value)


@extend_schema_field({"type": "object"})
class Metadata(serializers.Field[dict[str, Any], Any, Any, Any]):
    """A JSON object, by the rules that the pages have for it."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Must be an object")
        try:
            return parse_metadata(json.dumps(data, ensure_ascii=False))
        except errors.InvalidRequestError as refusal:
            raise serializers.ValidationError(refusal.message) from refusal


def parameters_of(query: QueryDict) -> dict[str, str]:
    """Return the parameters of a query string; raises ValidationError for one that stands twice."""
    twice = {name: ["Stands twice"] for name, values in query.lists() if len(values) > 1}
    if twice:
        raise serializers.ValidationError(twice)
    return query.dict()  # type: ignore[return-value]


def _members(detail: Any) -> dict[str, Any]:
    """Return what is wrong by member, as DRF always tells it of an object."""
    return dict(detail)
