"""What many commands share: their options, and how a name that people type becomes the id that the API wants."""

import functools
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from lockence_client.command_line import login_file, text
from lockence_client.command_line.api import Api, Row
from lockence_client.command_line.failures import NotAllowed, Refused

_Command = TypeVar("_Command", bound=Callable[..., Any])
# How many names a complaint lists before it gets hard to read.
_NAMES_MAX = 10
# Fewer symbols may be the end of many keys.
_KEY_LENGTH_MIN = 8

as_json = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line, for scripts."
)
application = click.option(
    "--application",
    "-a",
    metavar="NAME|ID",
    envvar=login_file.APPLICATION,
    help="Which application; not needed where the token opens one alone. Also LOCKENCE_APPLICATION.",
)
count_max = click.option(
    "--limit", type=click.IntRange(1), help="How many at most; all of them when left out."
)


def with_api(command: _Command) -> _Command:
    """Hand a command the API of the server that one is logged in to, as its first argument."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return command(Api(login_file.current()), *args, **kwargs)

    return wrapped  # type: ignore[return-value]


def path_of(api: Api, application: str | None) -> str:
    """Return where an application's things are; raises Refused or UsageError when it is not clear which."""
    return f"applications/{_application_id(api, application)}"


def policy_id(api: Api, path: str, wanted: str) -> str:
    """Return the id of the policy that is meant by a name or an id."""
    if is_id(wanted):
        return wanted
    return str(_named("policy", wanted, api.rows(f"{path}/policies"))["id"])


def license_id(api: Api, path: str, wanted: str) -> str:
    """Return the id of the license that is meant by an id or a whole key, typed in any way that the server forgives."""
    if is_id(wanted):
        return wanted
    found = with_key(api, path, wanted)
    if found is None:
        raise Refused("no license of this application has that key", "not_found")
    return str(found["id"])


def with_key(api: Api, path: str, key: str) -> Row | None:
    """Return the license that has a key, None when there is none; what only begins like a user's name is none."""
    typed = _compared(key)
    if len(typed) < _KEY_LENGTH_MIN:
        return None
    found = [
        row
        for row in api.rows(f"{path}/licenses", search=key.strip(), count_max=2)
        if typed.endswith(_compared(row["key_last5"]))
    ]
    return found[0] if len(found) == 1 else None


def policy_names(api: Api, path: str) -> dict[str, str]:
    """Return the names of policies by id; nothing where the token may not see them."""
    try:
        return {row["id"]: row["name"] for row in api.rows(f"{path}/policies")}
    except NotAllowed:
        return {}


def is_id(wanted: str) -> bool:
    try:
        uuid.UUID(wanted)
    except ValueError:
        return False
    return re.fullmatch(r"[0-9a-fA-F-]+", wanted) is not None


class Id(click.ParamType):
    """The id of a thing, which is a UUID."""

    name = "id"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if not is_id(str(value)):
            self.fail(f"{value!r} is no id, such as those that the lists show", param, ctx)
        return str(uuid.UUID(str(value)))


def _compared(key: str) -> str:
    """A key as the server compares it: case, dashes, spaces and look-alikes are forgiven."""
    return re.sub(r"[\s-]", "", key).upper().translate(str.maketrans("ILO", "110"))


def _application_id(api: Api, wanted: str | None) -> str:
    if wanted and is_id(wanted):
        return wanted
    found = list(api.rows("applications"))
    if wanted:
        return str(_named("application", wanted, found)["id"])
    if not found:
        raise Refused("the token opens no application, or none is there yet")
    if len(found) > 1:
        raise click.UsageError(f"Name one with --application: {_listed(found)}.")
    return str(found[0]["id"])


def _named(noun: str, wanted: str, rows: Iterable[Row]) -> Row:
    rows = list(rows)
    exactly = [row for row in rows if row["name"] == wanted]
    found = exactly or [row for row in rows if row["name"].casefold() == wanted.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"several have the name {wanted}, use the id: {_listed(found, ids=True)}")
    there_is = f"there is {_listed(rows)}" if rows else "there is none at all"
    raise Refused(f"no {noun} is called {wanted}; {there_is}", "not_found")


def _listed(rows: list[Row], *, ids: bool = False) -> str:
    names = [text.plain(row["id"] if ids else row["name"]) for row in rows[:_NAMES_MAX]]
    return ", ".join(names) + (", …" if len(rows) > _NAMES_MAX else "")
