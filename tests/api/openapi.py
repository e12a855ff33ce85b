"""Whether an answer is what the OpenAPI document says of it."""

import functools
import json
import re
from typing import Any

import jsonschema_rs

from api.description.document import document


def faults_of(method: str, path: str, answer: Any) -> list[str]:
    """Return in words where an answer and the document differ; an address that is not in it has none."""
    operation = _operation(method, path.partition("?")[0].rstrip("/"))
    if operation is None:
        return []
    told = operation["responses"].get(str(answer.status_code))
    if told is None:
        return [f"{method} {path} is not known to answer {answer.status_code}"]
    if "content" not in told or method == "HEAD":
        return [] if not answer.content else [f"{method} {path} should answer with nothing"]
    media_type = answer["Content-Type"].partition(";")[0]
    known = {name.partition(";")[0]: content["schema"] for name, content in told["content"].items()}
    if media_type not in known:
        return [f"{method} {path} is not known to answer with {media_type}"]
    if not media_type.endswith("json"):
        return []
    validator = _validator(json.dumps(known[media_type]))
    return [f"{method} {path}: {error}" for error in validator.iter_errors(answer.json())]


@functools.cache
def _described() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(document())
    return told


@functools.cache
def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, item in _described()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[0-9a-f-]{36}", re.escape(template))
        if re.fullmatch(pattern, path):
            found: dict[str, Any] | None = item.get("get" if method == "HEAD" else method.lower())
            return found
    return None


@functools.cache
def _validator(schema: str) -> Any:
    components = {"components": _described()["components"]}
    return jsonschema_rs.Draft202012Validator(
        {**json.loads(schema), **components}, validate_formats=True
    )
