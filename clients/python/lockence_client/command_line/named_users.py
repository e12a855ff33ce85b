"""Named users: who uses the licenses that count people: list, show, remove."""

import click

from lockence_client.command_line import acts, options, output, text
from lockence_client.command_line.api import Api

_COLUMNS = {
    "Id": lambda row: row["id"],
    "Name": lambda row: text.shown(row["name"]),
    "License": lambda row: row["license"],
    "First seen": lambda row: text.shown_moment(row["first_seen_at"]),
    "Last seen": lambda row: text.shown_moment(row["last_seen_at"]),
}


@click.group("named-users")
def named_users() -> None:
    """Who uses the licenses that count people: list, show, remove."""


@named_users.command("list")
@click.option("--license", help="Of this license alone: its id or its whole key.")
@click.option("--name", help="With this name alone.")
@options.count_max
@options.application
@options.as_json
@options.with_api
def list_users(
    api: Api,
    license: str | None,
    name: str | None,
    limit: int | None,
    application: str | None,
    as_json: bool,
) -> None:
    """List named users, newest first."""
    path = options.path_of(api, application)
    if license is not None:
        license = options.license_id(api, path, license)
    rows = api.rows(f"{path}/named-users", count_max=limit, license=license, name=name)
    output.say_rows(rows, _COLUMNS, as_json=as_json)


@named_users.command()
@click.argument("user", type=options.Id())
@options.application
@options.as_json
@options.with_api
def show(api: Api, user: str, application: str | None, as_json: bool) -> None:
    """Show one named user."""
    path = options.path_of(api, application)
    output.say_one(api.get(f"{path}/named-users/{user}"), as_json=as_json)


@named_users.command()
@click.argument("user", type=options.Id(), nargs=-1, required=True)
@options.application
@options.with_api
def remove(api: Api, user: tuple[str, ...], application: str | None) -> None:
    """Free the place of each USER and end their sessions: for people who have left."""
    path = options.path_of(api, application)
    acts.on_each(user, lambda id: api.delete(f"{path}/named-users/{id}"), "Removed")
