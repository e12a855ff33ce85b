"""The reference of both APIs as a chapter of the handbook: Markdown, made from the OpenAPI document."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from api.description import client
from api.description.document import document
from api.description.management import NOT_BLANK

_METHODS = ("get", "post", "patch", "put", "delete")
_REF = "#/components/schemas/"
# What every call may come with is told once, in the text before.
_EVERYWHERE = frozenset({"Lockence-Version", "Idempotency-Key", "If-Match", "If-None-Match"})
_Schema = Mapping[str, Any]


@functools.cache
def chapter() -> str:
    """Return the chapter: every call by what it is about, then everything that calls take and answer with."""
    told = json.loads(document())
    return "\n".join([*_calls(told["paths"]), *_objects(told["components"]["schemas"])]) + "\n"


def _calls(paths: _Schema) -> Iterator[str]:
    calls = [
        (path, method, item[method])
        for path, item in paths.items()
        for method in _METHODS
        if method in item
    ]
    for tag, group in groupby(sorted(calls, key=_place), key=_tag):
        yield from (f"## {_title(tag)}", "")
        for path, method, call in group:
            yield from _call(path, method, call)


def _tag(call: tuple[str, str, _Schema]) -> str:
    tag: str = call[2]["tags"][0]
    return tag


def _place(call: tuple[str, str, _Schema]) -> tuple[bool, str]:
    """What programs call comes first, and then what scripts do, by what it is about."""
    tag = _tag(call)
    return tag != client.TAG, tag


def _title(tag: str) -> str:
    return re.sub(r"\bapi\b", "API", re.sub("[-_]", " ", tag).capitalize(), flags=re.IGNORECASE)


def _call(path: str, method: str, call: _Schema) -> Iterator[str]:
    yield from (f"### {call['summary']}", "", f"`{method.upper()} {path}`", "")
    if call.get("description"):
        yield from (call["description"], "")
    rows = [*_parameters(call), *_body(call)]
    if rows:
        yield from ("| Takes | In | |", "|---|---|---|", *rows, "")
    for example in _examples(call):
        yield from (f"For example {_code(example)}", "")
    yield from (f"Answers {_answers(call)}", "")


def _parameters(call: _Schema) -> Iterator[str]:
    for one in call.get("parameters", ()):
        if one["name"] not in _EVERYWHERE:
            told = _told(one["schema"], is_required=one.get("required", False))
            yield f"| `{one['name']}` | {one['in']} | {told} |"


def _body(call: _Schema) -> Iterator[str]:
    for content in call.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        if "$ref" in schema:
            yield f"| {_link(schema['$ref'])} | body | |"
        for name, member in schema.get("properties", {}).items():
            told = _told(member, is_required=name in schema.get("required", ()))
            yield f"| `{name}` | body | {told} |"


def _examples(call: _Schema) -> Iterator[object]:
    """Yield the bodies that the handbook sends."""
    for content in call.get("requestBody", {}).get("content", {}).values():
        if "example" in content:
            yield content["example"]
        yield from (one["value"] for one in content.get("examples", {}).values())


def _answers(call: _Schema) -> str:
    good = [(status, one) for status, one in call["responses"].items() if status < "400"]
    refusals = [status for status in sorted(call["responses"]) if status >= "400"]
    told = "; ".join(f"{status}{_content(one)}" for status, one in good)
    return f"{told}. Refuses with {', '.join(refusals)}." if refusals else f"{told}."


def _content(answer: _Schema) -> str:
    for kind, content in answer.get("content", {}).items():
        schema = content["schema"]
        if "$ref" in schema:
            return f" with {_link(schema['$ref'])}"
        if names := schema.get("properties"):
            return f" with {', '.join(f'`{name}`' for name in names)}"
        return f" with `{kind}`"
    return " with nothing"


def _objects(schemas: _Schema) -> Iterator[str]:
    yield from ("## Objects", "")
    for name, schema in schemas.items():
        yield from (f"### {name}", "")
        if schema.get("description"):
            yield from (_on_one_line(schema["description"]), "")
        members = schema.get("properties", {})
        if members:
            yield from ("| Member | |", "|---|---|")
            required = schema.get("required", ())
            for member, facts in members.items():
                yield f"| `{member}` | {_told(facts, is_required=member in required)} |"
            yield ""


def _told(schema: _Schema, *, is_required: bool) -> str:
    """What a cell says of a value: its kind, its bounds, and whether it has to be there."""
    parts = [_kind(schema), *_bounds(schema)]
    if not is_required:
        parts.append("may be left out")
    if schema.get("default") not in (None, ""):
        parts.append(f"{_code(schema['default'])} unless given")
    return ", ".join(part for part in parts if part)


def _kind(schema: _Schema) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"])
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            return " or ".join(_kind(one) for one in schema[key])
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(_code(one) for one in schema["enum"])
    kinds = schema.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_one_kind(kind, schema) for kind in kinds)


def _one_kind(kind: str, schema: _Schema) -> str:
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "string":
        return {"uuid": "id", "date-time": "moment", "email": "e-mail address"}.get(
            schema.get("format", ""), "text"
        )
    return {"integer": "whole number", "boolean": "true or false"}.get(kind, kind)


def _bounds(schema: _Schema) -> Iterator[str]:
    if "minimum" in schema and "maximum" in schema:
        yield f"{schema['minimum']} to {schema['maximum']}"
    elif "minimum" in schema:
        yield f"from {schema['minimum']}"
    if "maxLength" in schema:
        yield f"up to {schema['maxLength']} characters"
    if schema.get("pattern") == NOT_BLANK:
        yield "not blank"
    elif "pattern" in schema:
        yield f"like {_code(schema['pattern'])}"


def _link(ref: str) -> str:
    name = ref.removeprefix(_REF)
    return f"[{name}](#{name.lower()})"


def _code(value: object) -> str:
    """A value as code in a cell of a table, where a bar would end the cell."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{_on_one_line(text)}`".replace("|", "\\|")


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
