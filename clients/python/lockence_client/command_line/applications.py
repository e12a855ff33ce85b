"""Applications: list, show, create, rename, open and close."""

import click

from lockence_client.command_line import options, output, text
from lockence_client.command_line.api import Api, Row

_COLUMNS = {
    "Name": lambda row: row["name"],
    "Enabled": lambda row: text.shown(row["enabled"]),
    "First used": lambda row: text.shown_moment(row["first_init_at"], "not yet"),
    "Id": lambda row: row["id"],
}


@click.group()
def applications() -> None:
    """Your applications: list, show, create, rename, disable, enable."""


@applications.command("list")
@options.as_json
@options.with_api
def list_applications(api: Api, as_json: bool) -> None:
    """List the applications that the token opens."""
    output.say_rows(
        api.rows("applications"), _COLUMNS, as_json=as_json, nothing="No application yet."
    )


@applications.command()
@click.argument("application", required=False, envvar="LOCKENCE_APPLICATION")
@options.as_json
@options.with_api
def show(api: Api, application: str | None, as_json: bool) -> None:
    """Show one application, by name or id."""
    output.say_one(api.get(options.path_of(api, application)), as_json=as_json)


@applications.command()
@click.argument("name")
@options.as_json
@options.with_api
def create(api: Api, name: str, as_json: bool) -> None:
    """Create an application called NAME; it takes a token for the whole team."""
    output.say_one(api.post("applications", {"name": name}), as_json=as_json)


@applications.command()
@click.argument("application")
@click.argument("name")
@options.as_json
@options.with_api
def rename(api: Api, application: str, name: str, as_json: bool) -> None:
    """Give APPLICATION another NAME."""
    path = options.path_of(api, application)
    output.say_one(api.patch(path, {"name": name}), as_json=as_json)


@applications.command()
@click.argument("application")
@options.as_json
@options.with_api
def disable(api: Api, application: str, as_json: bool) -> None:
    """Refuse every call of its programs, until it is enabled again."""
    output.say_one(_set(api, application, "disable"), as_json=as_json)


@applications.command()
@click.argument("application")
@options.as_json
@options.with_api
def enable(api: Api, application: str, as_json: bool) -> None:
    """Let its programs in again."""
    output.say_one(_set(api, application, "enable"), as_json=as_json)


def _set(api: Api, application: str, act: str) -> Row:
    return api.post(f"{options.path_of(api, application)}/{act}")
