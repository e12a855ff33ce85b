"""What calls are made with, for the OpenAPI document: the commands of the handbook, which tests run, are its examples."""

import dataclasses
import functools
import hashlib
import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from api.description.client import CALLS
from licensing import handbook, samples

Schema = dict[str, Any]

_PAGES = ("management-api", "management/")
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What the shell puts in, and what stands for the same in a path of the document.
_VARIABLE, _TEMPLATE = re.compile(r"\$(\w+)"), re.compile(r"\{(\w+)\}")
_JSON = "application/json"
# A shell works this one out.
_MOMENTS = {"until": "2030-01-31T12:00:00Z"}

# What stands in an address, as the document has it.
_READ: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "boolean": json.loads,
    "array": lambda text: text.split(","),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """One call of curl; `ids` are those in its path, by order, and a body without a media type is none."""

    method: str
    path: str
    ids: tuple[str, ...]
    query: Mapping[str, str]
    media_type: str = ""
    body: str = ""


def id_of(name: str) -> str:
    """Return the id that stands for a variable of the handbook, such as APPLICATION: a UUIDv7, always the same."""
    random = hashlib.sha256(name.encode()).digest()
    return str(
        uuid.UUID(bytes=b"\x01\x97\xf3\xc2\x8a\x00\x70" + random[:1] + b"\x80" + random[1:8])
    )


def add_examples(paths: Schema) -> None:
    """Write into operations what the handbook calls them with."""
    known: dict[tuple[str, str], list[Command]] = {}
    for command in commands():
        known.setdefault((command.method, command.path), []).append(command)
    for path, item in paths.items():
        names = _TEMPLATE.findall(path)
        for method, operation in item.items():
            found = known.get((method, _TEMPLATE.sub("{}", path)), [])
            _add(operation, found, names)


def _add(operation: Schema, found: list[Command], names: list[str]) -> None:
    for parameter in operation.get("parameters", ()):
        given = [_given(command, parameter, names) for command in found]
        told = [value for value in given if value is not None]
        if parameter["in"] == "path" and not told:
            # Public keys are shown as an address alone.
            told = [id_of(parameter["name"].removesuffix("_id").upper())]
        _tell(parameter, told)
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        _tell(content, [_body(one) for one in found if one.media_type == media_type])


def _given(command: Command, parameter: Schema, names: list[str]) -> Any:
    if parameter["in"] == "path":
        return command.ids[names.index(parameter["name"])]
    value = command.query.get(parameter["name"]) if parameter["in"] == "query" else None
    if value is None:
        return None
    return _READ.get(parameter["schema"].get("type"), str)(value)


def _body(command: Command) -> Any:
    return json.loads(command.body) if command.media_type == _JSON else command.body


def _tell(place: Schema, values: list[Any]) -> None:
    different = [value for at, value in enumerate(values) if value not in values[:at]]
    if len(different) == 1:
        place["example"] = different[0]
    elif different:
        place["examples"] = {f"example_{at}": {"value": one} for at, one in enumerate(different, 1)}


@functools.cache
def commands() -> tuple[Command, ...]:
    """Return the commands of the pages about the management API, and of the samples of the client API."""
    pages = [handbook.text(page) for page in handbook.sources() if page.startswith(_PAGES)]
    blocks = [block for page in pages for block in _BLOCK.findall(page)]
    curl = samples.LANGUAGES["curl"]
    blocks += [curl.path(call).read_text(encoding="utf-8") for call in CALLS]
    return tuple(_commands_in(blocks))


def _commands_in(blocks: Iterable[str]) -> Iterator[Command]:
    files: dict[str, str] = {}
    for words in (words for block in blocks for words in _lines_of(block)):
        if words[0] == "printf" and ">" in words:
            files[words[-1]] = words[1].encode().decode("unicode_escape")
        elif words[0] == "curl" and any(word.startswith(samples.SITE_URL) for word in words):
            yield _command(words[1:], files)


def _lines_of(block: str) -> Iterator[list[str]]:
    """Yield the words of each command, as a shell would split them."""
    lexer = shlex.shlex(block.replace("\\\n", " "), posix=True, punctuation_chars="\n")
    lexer.whitespace, lexer.whitespace_split = " \t", True
    for is_end, words in groupby(lexer, key=lambda word: not word.strip("\n")):
        if not is_end:
            yield list(words)


def _command(words: list[str], files: Mapping[str, str]) -> Command:
    [address] = [word for word in words if word.startswith(samples.SITE_URL)]
    options = dict(zip(words, words[1:], strict=False))
    body = options.get("-d") or options.get("--data") or ""
    if "--data-binary" in options:
        body = files[options["--data-binary"].removeprefix("@")]
    parts = urlsplit(address)
    kinds = [word.partition(": ")[2] for word in words if word.startswith("Content-Type: ")]
    return Command(
        method=options.get("-X", "POST" if body else "GET").lower(),
        path=_VARIABLE.sub("{}", parts.path),
        ids=tuple(id_of(name) for name in _VARIABLE.findall(parts.path)),
        query={name: _filled(value) for name, value in parse_qsl(parts.query)},
        media_type=kinds[0] if body else "",
        body=_filled(body),
    )


def _filled(text: str) -> str:
    return _VARIABLE.sub(lambda name: _MOMENTS.get(name[1]) or id_of(name[1]), text)
