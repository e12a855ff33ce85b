"""Access rules: who is blocked in an application, and whom alone a license is good for."""

from typing import Any

import click

from lockence_client.command_line import acts, options, output, text
from lockence_client.command_line.api import Api

_KINDS = click.Choice(["hwid", "network", "country", "user"])
_COLUMNS = {
    "Id": lambda row: row["id"],
    "Effect": lambda row: text.plain(row["effect"]),
    "Kind": lambda row: text.plain(row["kind"]),
    "Value": lambda row: text.shown(row["value"]),
    "License": lambda row: row["license"] or "all",
    "Note": lambda row: text.shown(row["note"]),
}
_note = click.option("--note", help="What only you read.")


@click.group("access-rules")
def access_rules() -> None:
    """Who is blocked, and whom alone a license is good for: list, show, block, allow, delete."""


@access_rules.command("list")
@click.option("--license", help="Those of this license: its id or its whole key.")
@click.option("--kind", type=_KINDS, help="Those of this kind.")
@click.option("--effect", type=click.Choice(["block", "allow"]), help="Those that do this.")
@options.count_max
@options.application
@options.as_json
@options.with_api
def list_rules(
    api: Api,
    license: str | None,
    limit: int | None,
    application: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """List rules, newest first."""
    path = options.path_of(api, application)
    if license is not None:
        license = options.license_id(api, path, license)
    rows = api.rows(f"{path}/access-rules", count_max=limit, license=license, **filters)
    output.say_rows(rows, _COLUMNS, as_json=as_json)


@access_rules.command()
@click.argument("rule", type=options.Id())
@options.application
@options.as_json
@options.with_api
def show(api: Api, rule: str, application: str | None, as_json: bool) -> None:
    """Show one rule."""
    path = options.path_of(api, application)
    output.say_one(api.get(f"{path}/access-rules/{rule}"), as_json=as_json)


@access_rules.command()
@click.argument("kind", type=_KINDS)
@click.argument("value")
@_note
@options.application
@options.as_json
@options.with_api
def block(
    api: Api, kind: str, value: str, note: str | None, application: str | None, as_json: bool
) -> None:
    """Refuse a device, a network, a country or a user in the whole application.

    \b
        lockence access-rules block network 203.0.113.0/24 --note "Key sellers"
        lockence access-rules block country XX
    """
    path = options.path_of(api, application)
    body = {"kind": kind, "value": value, "note": note or ""}
    output.say_one(api.post(f"{path}/access-rules", body), as_json=as_json)


@access_rules.command()
@click.argument("license", metavar="ID|KEY")
@click.argument("kind", type=_KINDS)
@click.argument("value")
@_note
@options.application
@options.as_json
@options.with_api
def allow(
    api: Api,
    license: str,
    kind: str,
    value: str,
    note: str | None,
    application: str | None,
    as_json: bool,
) -> None:
    """Make a license good for a device, a network, a country or a user, and for those alone.

    \b
        lockence access-rules allow XXXXX-XXXXX-XXXXX-XXXXX country DE
    """
    path = options.path_of(api, application)
    body = {"kind": kind, "value": value, "note": note or ""}
    body["license"] = options.license_id(api, path, license)
    output.say_one(api.post(f"{path}/access-rules", body), as_json=as_json)


@access_rules.command()
@click.argument("rule", type=options.Id(), nargs=-1, required=True)
@options.application
@options.with_api
def delete(api: Api, rule: tuple[str, ...], application: str | None) -> None:
    """Delete each RULE: what it refused is let in again, from the next call on."""
    path = options.path_of(api, application)
    acts.on_each(rule, lambda id: api.delete(f"{path}/access-rules/{id}"), "Deleted")
