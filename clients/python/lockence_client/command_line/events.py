"""What happened in an application: look back, or follow."""

from typing import Any

import click

from lockence_client.command_line import options, output, text
from lockence_client.command_line.api import Api, Row
from lockence_client.command_line.following import Follower

_SHOWN = 50
_SHOWN_BEFORE_FOLLOWING = 10


def _actor(row: Row) -> str:
    actor = row["actor"]
    return text.shown(actor["email"] or actor["kind"])


def _target(row: Row) -> str:
    target = row["target"]
    return f"{text.plain(target['type'])} {text.plain(target['label'] or target['id'])}"


_COLUMNS = {
    "When": lambda row: text.shown_moment(row["created_at"]),
    "What": lambda row: text.plain(row["action"]),
    "Who": _actor,
    "To what": _target,
}


@click.command()
@click.option(
    "--follow", "-f", is_flag=True, help="Go on and tell each event as it comes, until Ctrl-C."
)
@click.option(
    "--since", type=options.Id(), help="Everything after the event with this id, oldest first."
)
@click.option("--license", help="Of this license alone: its id or its whole key.")
@click.option("--action", help="Of this kind alone, such as license.suspended.")
@options.count_max
@options.application
@options.as_json
@options.with_api
def events(
    api: Api,
    follow: bool,
    since: str | None,
    license: str | None,
    limit: int | None,
    application: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """Tell what happened: the last fifty events, newest first.

    \b
        lockence events --action license.suspended
        lockence events --follow --json | while read -r event; do …; done

    With --follow or --since the oldest come first. Each is told once, and none is left out; a script that keeps the id of the last one
    goes on after it with --since.
    """
    path = options.path_of(api, application)
    if license is not None:
        license = options.license_id(api, path, license)
    filters["license"] = license
    if not follow and not since:
        rows = api.rows(f"{path}/events", count_max=limit or _SHOWN, **filters)
        output.say_rows(rows, _COLUMNS, as_json=as_json, nothing="Nothing has happened yet.")
        return
    follower = Follower(api, path, filters)
    first = follower.since(since) if since else follower.recent(limit or _SHOWN_BEFORE_FOLLOWING)
    for row in first:
        _tell(row, as_json)
    if follow:
        for row in follower.later():
            _tell(row, as_json)


def _tell(row: Row, as_json: bool) -> None:
    told = text.as_json(row) if as_json else "  ".join(make(row) for make in _COLUMNS.values())
    output.say(told)
