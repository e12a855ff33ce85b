"""Devices: list, show, release, block."""

import click

from lockence_client.command_line import acts, options, output, text
from lockence_client.command_line.api import Api

_COLUMNS = {
    "Id": lambda row: row["id"],
    "Name": lambda row: text.shown(row["name"]),
    "Platform": lambda row: text.shown(row["platform"]),
    "License": lambda row: row["license"],
    "Last seen": lambda row: text.shown_moment(row["last_seen_at"], "never"),
    "Released": lambda row: text.shown_moment(row["released_at"], "no"),
}


@click.group()
def devices() -> None:
    """The machines that licenses are bound to: list, show, release, block."""


@devices.command("list")
@click.option("--license", help="Of this license alone: its id or its whole key.")
@click.option("--bound", is_flag=True, help="Without those that were released.")
@options.count_max
@options.application
@options.as_json
@options.with_api
def list_devices(
    api: Api,
    license: str | None,
    bound: bool,
    limit: int | None,
    application: str | None,
    as_json: bool,
) -> None:
    """List devices, newest first."""
    path = options.path_of(api, application)
    if license is not None:
        license = options.license_id(api, path, license)
    rows = api.rows(
        f"{path}/devices", count_max=limit, license=license, status="bound" if bound else None
    )
    output.say_rows(rows, _COLUMNS, as_json=as_json)


@devices.command()
@click.argument("device", type=options.Id())
@options.application
@options.as_json
@options.with_api
def show(api: Api, device: str, application: str | None, as_json: bool) -> None:
    """Show one device."""
    path = options.path_of(api, application)
    output.say_one(api.get(f"{path}/devices/{device}"), as_json=as_json)


@devices.command()
@click.argument("device", type=options.Id(), nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def release(api: Api, device: tuple[str, ...], application: str | None, as_json: bool) -> None:
    """Free the place that each DEVICE takes: for a customer who bought a new computer."""
    path = options.path_of(api, application)
    acts.on_each(
        device, lambda id: api.post(f"{path}/devices/{id}/release"), "Released", as_json=as_json
    )


@devices.command()
@click.argument("device", type=options.Id(), nargs=-1, required=True)
@click.option("--note", help="What only you read.")
@options.application
@options.as_json
@options.with_api
def block(
    api: Api, device: tuple[str, ...], note: str | None, application: str | None, as_json: bool
) -> None:
    """Refuse each DEVICE in the whole application, whatever license it comes with."""
    path, body = options.path_of(api, application), {"note": note or ""}
    acts.on_each(
        device, lambda id: api.post(f"{path}/devices/{id}/block", body), "Blocked", as_json=as_json
    )
