"""What management calls answer with: a row by its own name, what it can be sorted by, and what can be shown in full within it."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from licensing.scopes import Scope

# By id: UUIDv7 is in the order of creation, so that no other index is needed.
BY_CREATION = "created_at"


@dataclasses.dataclass(frozen=True, slots=True)
class Expansion:
    """A member that is an id, and the row itself for whoever asks for it and may read it."""

    output: "type[Output]"
    scope: Scope


class Output(serializers.Serializer[object]):
    """`sortable` names columns beside the time of creation; of `expandable` members, a row shows what the call wanted.

    `told_with` names the rows that its members are worked out from: lists fetch them in the same statement.
    """

    sortable: ClassVar[tuple[str, ...]] = ()
    told_with: ClassVar[tuple[str, ...]] = ()
    expandable: ClassVar[Mapping[str, Expansion]] = {}

    def to_representation(self, instance: Any) -> Any:
        told = super().to_representation(instance)
        for name in self.context.get("expand", ()):
            row = getattr(instance, name)
            if row is not None:
                context = {**self.context, "expand": ()}
                told[name] = self.expandable[name].output(row, context=context).data
        return told


def etag_of(told: Any) -> str:
    """Return the entity tag (RFC 9110, section 8.8.3) of what is told of a row: another as soon as anything of it is."""
    return f'"{hashlib.sha256(JSONRenderer().render(told)).hexdigest()[:32]}"'


def sorts_of(output: type[serializers.Serializer[Any]]) -> list[str]:
    """Return what a list may be sorted by, each upwards and downwards."""
    names = (BY_CREATION, *getattr(output, "sortable", ()))
    return [f"{sign}{name}" for name in names for sign in ("-", "")]


def expansions_of(output: type[serializers.Serializer[Any]]) -> Mapping[str, Expansion]:
    expandable: Mapping[str, Expansion] = getattr(output, "expandable", {})
    return expandable


def related_of(output: type[serializers.Serializer[Any]], expand: Iterable[str]) -> list[str]:
    """Return the rows that a list is told with, as `select_related` names them."""
    related = list(getattr(output, "told_with", ()))
    for name in expand:
        related += [
            name,
            *(f"{name}__{row}" for row in expansions_of(output)[name].output.told_with),
        ]
    return related
