"""Sessions: list, show, end."""

import click

from lockence_client.command_line import acts, options, output, text
from lockence_client.command_line.api import Api

_COLUMNS = {
    "Id": lambda row: row["id"],
    "Status": lambda row: text.shown(row["status"]),
    "License": lambda row: row["license"],
    "Address": lambda row: text.shown(row["ip_address"]),
    "Version": lambda row: text.shown(row["app_version"]),
    "Last seen": lambda row: text.shown_moment(row["last_seen_at"]),
}


@click.group()
def sessions() -> None:
    """The programs that run: list, show, end."""


@sessions.command("list")
@click.option("--license", help="Of this license alone: its id or its whole key.")
@click.option("--open", "open_only", is_flag=True, help="Without those that have ended.")
@options.count_max
@options.application
@options.as_json
@options.with_api
def list_sessions(
    api: Api,
    license: str | None,
    open_only: bool,
    limit: int | None,
    application: str | None,
    as_json: bool,
) -> None:
    """List sessions, newest first."""
    path = options.path_of(api, application)
    if license is not None:
        license = options.license_id(api, path, license)
    rows = api.rows(
        f"{path}/sessions", count_max=limit, license=license, status="open" if open_only else None
    )
    output.say_rows(rows, _COLUMNS, as_json=as_json)


@sessions.command()
@click.argument("session", type=options.Id())
@options.application
@options.as_json
@options.with_api
def show(api: Api, session: str, application: str | None, as_json: bool) -> None:
    """Show one session."""
    path = options.path_of(api, application)
    output.say_one(api.get(f"{path}/sessions/{session}"), as_json=as_json)


@sessions.command()
@click.argument("session", type=options.Id(), nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def end(api: Api, session: tuple[str, ...], application: str | None, as_json: bool) -> None:
    """End each SESSION: its program hears of it at its next call."""
    path = options.path_of(api, application)
    acts.on_each(
        session, lambda id: api.post(f"{path}/sessions/{id}/end"), "Ended", as_json=as_json
    )
