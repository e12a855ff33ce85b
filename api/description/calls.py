"""What a method of a management view takes and answers with, read from its source: `self.body(IssueInput)` says it, and nobody twice."""

import ast
import dataclasses
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

from api.management.inputs import Input, OneInput
from api.management.views import ManagementView

_OK, _NO_CONTENT = 200, 204


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One method of one address; what it has nothing of is None."""

    body: type[Input] | None = None
    query: type[Input] | None = None
    answer: type[serializers.Serializer[Any]] | None = None
    is_list: bool = False
    is_file: bool = False
    status: int = _OK


@functools.cache
def call_of(view: type[ManagementView], method: str) -> Call:
    """Return the call that a view answers by a method such as "POST"."""
    facts: dict[str, Any] = {}
    for name, arguments in _calls_in(inspect.unwrap(getattr(view, method.lower()))):
        facts |= _READERS[name](arguments) if name in _READERS else {}
    if method == "GET" and facts.get("answer") and not facts.get("is_list"):
        facts["query"] = OneInput
    return Call(**facts)


def _body(arguments: list[Any]) -> dict[str, Any]:
    return {"body": arguments[0]}


def _query(arguments: list[Any]) -> dict[str, Any]:
    return {"query": arguments[0]}


def _page(arguments: list[Any]) -> dict[str, Any]:
    return {"answer": arguments[2], "is_list": True}


def _one(arguments: list[Any]) -> dict[str, Any]:
    return {"answer": arguments[1], "status": arguments[2] if len(arguments) > 2 else _OK}


def _file(arguments: list[Any]) -> dict[str, Any]:
    return {"is_file": True}


def _response(arguments: list[Any]) -> dict[str, Any]:
    # Everything that is told goes through page, one or file; what is left answers with nothing.
    return {"status": _NO_CONTENT}


_READERS = {
    "body": _body,
    "query": _query,
    "page": _page,
    "one": _one,
    "file": _file,
    "Response": _response,
}


def _calls_in(method: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield what a method calls of its view, with its arguments; None stands for what only running it would tell."""
    known = vars(sys.modules[method.__module__])
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(method)))):
        if isinstance(node, ast.Call):
            yield _name_of(node.func), [_value_of(argument, known) for argument in node.args]


def _name_of(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.attr if called.value.id == "self" else ""
    return called.id if isinstance(called, ast.Name) else ""


def _value_of(argument: ast.expr, known: dict[str, Any]) -> Any:
    if isinstance(argument, ast.Constant):
        return argument.value
    return known.get(argument.id) if isinstance(argument, ast.Name) else None
