"""Policies: the rules that licenses follow."""

from typing import Any

import click

from lockence_client.command_line import options, output, text
from lockence_client.command_line.api import Api, Row

_DAY_SECONDS = 86_400


class Limit(click.ParamType):
    """A whole number from 1 on, or `none` for no limit."""

    name = "number|none"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        if str(value).lower() == "none":
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither a number from 1 on nor `none`", param, ctx)
        return int(value)


def _duration(row: Row) -> str:
    seconds = row["duration_seconds"]
    if seconds is None:
        return "for ever"
    days, rest = divmod(seconds, _DAY_SECONDS)
    return f"{seconds} s" if rest else f"{days} days"


def _limit(value: int | None) -> str:
    return "no limit" if value is None else str(value)


_COLUMNS = {
    "Name": lambda row: row["name"] + (" (default)" if row["is_default"] else ""),
    "Lasts": _duration,
    "From": lambda row: text.shown(row["clock_start"]).replace("_", " "),
    "Devices": lambda row: _limit(row["devices_max"]),
    "Sessions": lambda row: _limit(row["sessions_max"]),
    "Id": lambda row: row["id"],
}


@click.group()
def policies() -> None:
    """The rules that licenses follow: list, show, create, make-default, delete."""


@policies.command("list")
@options.application
@options.as_json
@options.with_api
def list_policies(api: Api, application: str | None, as_json: bool) -> None:
    """List the policies of an application."""
    path = options.path_of(api, application)
    output.say_rows(api.rows(f"{path}/policies"), _COLUMNS, as_json=as_json)


@policies.command()
@click.argument("policy")
@options.application
@options.as_json
@options.with_api
def show(api: Api, policy: str, application: str | None, as_json: bool) -> None:
    """Show one POLICY, by name or id."""
    output.say_one(api.get(_place(api, application, policy)), as_json=as_json)


@policies.command()
@click.argument("name")
@click.option(
    "--days", type=click.IntRange(1), help="How long a license lasts; for ever if left out."
)
@click.option(
    "--from",
    "clock_start",
    type=click.Choice(["creation", "first_use"]),
    help="What the days count from.",
)
@click.option("--devices", "devices_max", type=Limit(), help="Devices for each license (1).")
@click.option(
    "--sessions", "sessions_max", type=Limit(), help="Sessions at the same time (no limit)."
)
@click.option(
    "--overflow",
    "sessions_overflow",
    type=click.Choice(["refuse", "end_oldest"]),
    help="What happens when a session too many is opened.",
)
@options.application
@options.as_json
@options.with_api
def create(
    api: Api, name: str, days: int | None, application: str | None, as_json: bool, **rules: Any
) -> None:
    """Create a policy called NAME.

    \b
        lockence policies create Trial --days 14 --from first_use
        lockence policies create Studio --devices none --sessions 5
    """
    given = click.get_current_context().get_parameter_source
    body = {
        rule: value
        for rule, value in rules.items()
        if given(rule) is not click.core.ParameterSource.DEFAULT
    }
    if days is not None:
        body["duration_seconds"] = days * _DAY_SECONDS
    path = options.path_of(api, application)
    output.say_one(api.post(f"{path}/policies", {"name": name, **body}), as_json=as_json)


@policies.command("make-default")
@click.argument("policy")
@options.application
@options.as_json
@options.with_api
def make_default(api: Api, policy: str, application: str | None, as_json: bool) -> None:
    """Let new licenses follow POLICY unless another is named."""
    output.say_one(api.post(f"{_place(api, application, policy)}/make-default"), as_json=as_json)


@policies.command()
@click.argument("policy")
@options.application
@options.with_api
def delete(api: Api, policy: str, application: str | None) -> None:
    """Delete POLICY, which no license follows and which is not the default one."""
    api.delete(_place(api, application, policy))
    output.note("Deleted.")


def _place(api: Api, application: str | None, policy: str) -> str:
    path = options.path_of(api, application)
    return f"{path}/policies/{options.policy_id(api, path, policy)}"
