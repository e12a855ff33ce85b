"""How drf-spectacular describes the management API: every view alike, for all of them keep the same promises."""

import functools
from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from api.description.calls import Call, call_of
from api.errors import STATUSES
from api.management.inputs import Input, Text
from api.management.outputs import expansions_of, sorts_of
from api.management.views import MEDIA_TYPES, VERSION_HEADER, VERSIONS
from api.problems import MEDIA_TYPE

_ALWAYS = (400, 401, 403, 404, 405, 406, 429, 500, 503)
_IF_CHANGING = (409, 412, 413, 415)
_IF_POSTED = (422,)
# As a pattern: something in it can be seen.
NOT_BLANK = r"\S"
_VERBS = {"POST": "create", "PATCH": "change", "DELETE": "delete"}


class FaultOutput(serializers.Serializer[object]):
    """What is wrong with one member of the body, one parameter or one header."""

    pointer = serializers.CharField(required=False)
    parameter = serializers.CharField(required=False)
    header = serializers.CharField(required=False)
    detail = serializers.CharField()


class ProblemOutput(FaultOutput):
    """Whatever goes wrong (RFC 9457)."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(sorted(refusal.code for refusal in STATUSES))
    request_id = serializers.CharField()
    errors = FaultOutput(many=True, required=False)  # type: ignore[assignment]


class ManagementSchema(AutoSchema):
    """One operation of one management view."""

    @property
    def call(self) -> Call:
        view: Any = type(self.view)
        return call_of(view, self.method)

    def get_operation_id(self) -> str:
        names = [name.replace("-", "_") for name in self._names() if not name.startswith("{")]
        is_act = self.method == "POST" and len(self._names()) > 1 and not self._is_collection()
        if self.method == "GET":
            return "_".join([*names, "list" if self.call.is_list else "show"])
        return "_".join(names if is_act else [*names, _VERBS[self.method]])

    def get_tags(self) -> list[str]:
        names = self._names()
        is_below = len(names) > 3 or (len(names) > 2 and self._is_collection())
        return [names[2] if is_below and names[0] == "applications" else names[0]]

    def get_summary(self) -> str:
        *_, act = words = self.get_operation_id().removeprefix("applications_").split("_")
        nouns = words[:-1] or ["applications"]
        return f"{' '.join(nouns)}: {act}".capitalize()

    def get_description(self) -> str:  # type: ignore[override]
        scope = self.view.scopes[self.method]  # type: ignore[attr-defined]
        own = type(self.view).__doc__ or ""
        return f"{own.strip()}\n\nScope: `{scope}`".strip()

    def get_auth(self) -> list[dict[str, Any]]:
        return [{"managementToken": []}]

    def get_request_serializer(self) -> Any:
        if types := self.view.file_types:  # type: ignore[attr-defined]
            return dict.fromkeys(types, str)
        return self.call.body

    def get_response_serializers(self) -> Any:
        answers: dict[Any, Any] = {self._success(): self._answer()}
        if self.method == "GET" and self.call.answer and not self.call.is_list:
            answers[304] = OpenApiResponse(description="As `If-None-Match` has it")
        for status in self._refusals():
            answers[status, MEDIA_TYPE] = OpenApiResponse(ProblemOutput, HTTPStatus(status).phrase)
        # What the web server itself refuses never reaches us: an address or a header beyond reason.
        for status in (414, 431):
            answers[status, "text/html"] = OpenApiResponse(
                {"type": "string"}, HTTPStatus(status).phrase
            )
        return answers

    def get_override_parameters(self) -> list[Any]:
        told: list[Any] = [_version()]
        if self.method == "POST":
            told.append(
                _header("Idempotency-Key", "Chosen for this one act", r"^[\x21-\x7e]{1,255}$")
            )
        if self.method != "GET":
            told += [self.call.query] if self.call.query else []
            return [*told, _header("If-Match", "Act only on what has this ETag")]
        if self.call.is_list:
            told.append(OpenApiParameter("sort", enum=sorts_of(self._output())))
        else:
            told.append(_header("If-None-Match", "Answer only with what has another ETag"))
        return [*([self.call.query] if self.call.query else []), *told, self._expand()]

    def _names(self) -> list[str]:
        return self.path.removeprefix("/api/v1/").strip("/").split("/")

    def _is_collection(self) -> bool:
        return hasattr(self.view, "get")

    def _output(self) -> type[serializers.Serializer[Any]]:
        assert self.call.answer is not None
        return self.call.answer

    def _success(self) -> Any:
        return (200, *MEDIA_TYPES.values()) if self.call.is_file else self.call.status

    def _answer(self) -> Any:
        if self.call.is_file:
            return OpenApiResponse({"type": "string"}, "A file")
        if self.call.answer is None:
            return OpenApiResponse(description="Done; there is nothing to tell")
        return _page_of(self.call.answer) if self.call.is_list else self.call.answer

    def _refusals(self) -> list[int]:
        changing = _IF_CHANGING if self.method != "GET" else ()
        return sorted((*_ALWAYS, *changing, *(_IF_POSTED if self.method == "POST" else ())))

    def _expand(self) -> OpenApiParameter:
        names = list(expansions_of(self._output()))
        if not names:
            return OpenApiParameter("expand", exclude=True)
        schema = {
            "type": "array",
            "items": {"type": "string", "enum": names},
            "minItems": 1,
            "maxItems": len(names),
            "uniqueItems": True,
        }
        return OpenApiParameter("expand", schema, style="form", explode=False)

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        """Say of a member that is an id, or the row itself for whoever asks, that it is either."""
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        if not vars(type(serializer)).get("__doc__"):
            schema.pop("description", None)
        if isinstance(serializer, Input):
            schema["additionalProperties"] = False
            for name, field in serializer.fields.items():
                schema["properties"][name] |= _bounds_of(field)
        for name, expansion in expansions_of(type(serializer)).items():
            full = self.resolve_serializer(expansion.output, direction).ref
            schema["properties"][name] = {"anyOf": [schema["properties"][name], full]}
        return schema


def _bounds_of(field: Any) -> dict[str, Any]:
    """Return what a text must be that drf-spectacular does not tell: something, and like a pattern."""
    if not isinstance(field, Text) or field.allow_blank:
        return {}
    if field.like:
        return {"pattern": f"^{field.like}$"}
    # What is only spaces is nothing once they are cut off.
    return {"pattern": NOT_BLANK} if field.trim_whitespace else {"minLength": 1}


@functools.cache
def _page_of(output: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    members = {
        "data": output(many=True),
        "next_cursor": serializers.CharField(allow_null=True),
        "__doc__": "Some rows of a list, and where the next begin.",
    }
    return type(f"{output.__name__.removesuffix('Output')}Page", (serializers.Serializer,), members)


def _header(name: str, description: str, pattern: str | None = None) -> OpenApiParameter:
    return OpenApiParameter(name, str, "header", description=description, pattern=pattern)


def _version() -> OpenApiParameter:
    return OpenApiParameter(VERSION_HEADER, str, "header", enum=VERSIONS)
