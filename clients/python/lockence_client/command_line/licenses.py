"""Licenses: find, show, extend, renew, transfer, suspend, restore, revoke, reinstate; `issuing` makes them."""

import datetime as dt
import itertools
import sys
from collections.abc import Iterator
from typing import Any

import click

from lockence_client.command_line import acts, issuing, moments, options, output, text
from lockence_client.command_line.api import Api, Row

_FIND_SHOWN = 100


@click.group()
def licenses() -> None:
    """License keys: issue, find, show, extend, renew, transfer, suspend, restore, revoke, reinstate."""


licenses.add_command(issuing.issue)


@licenses.command()
@click.argument("search", required=False)
@click.option(
    "--status",
    type=click.Choice(["active", "expired", "suspended", "revoked"]),
    help="In this state.",
)
@click.option("--policy", metavar="NAME|ID", help="Following this policy.")
@click.option("--username", metavar="START", help="Whose user name begins so.")
@click.option("--email", metavar="START", help="Whose e-mail address begins so.")
@click.option("--all", "everything", is_flag=True, help="All of them, and not the first hundred.")
@click.option("--limit", type=click.IntRange(1), help=f"How many at most ({_FIND_SHOWN}).")
@options.application
@options.as_json
@options.with_api
def find(
    api: Api,
    policy: str | None,
    everything: bool,
    limit: int | None,
    application: str | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Find licenses, newest first; without SEARCH and filters, all of them.

    SEARCH is how a user name or an e-mail address begins, the last five symbols of a key, or a whole key.

    \b
        lockence licenses find ada@example.com
        lockence licenses find --policy pro --status expired
        lockence licenses find --all --json | jq -r .id
    """
    path = options.path_of(api, application)
    policy_id = options.policy_id(api, path, policy) if policy else None
    rows = api.rows(f"{path}/licenses", count_max=limit, policy=policy_id, **filters)
    if not everything and not limit:
        rows = _first(rows, _FIND_SHOWN)
    names = {} if as_json else options.policy_names(api, path)
    columns = {
        "Key": lambda row: f"…{row['key_last5']}",
        "Status": lambda row: row["status"],
        "Policy": lambda row: names.get(row["policy"], row["policy"]),
        "User": lambda row: text.shown(row["username"] or row["email"]),
        "Devices": lambda row: str(row["devices_used"]),
        "Ends": lambda row: text.shown_moment(row["expires_at"], "never"),
        "Id": lambda row: row["id"],
    }
    output.say_rows(rows, columns, as_json=as_json, nothing="No license is like that.")


def _first(rows: Iterator[Row], count: int) -> Iterator[Row]:
    """Yield the first rows, and say so where there are more."""
    yield from itertools.islice(rows, count)
    if next(rows, None) is not None:
        output.note(f"These are the first {count}: --all shows all of them.")


@licenses.command()
@click.argument("license", metavar="ID|KEY")
@click.option(
    "--key", "with_key", is_flag=True, help="The whole key too, which is written down as an event."
)
@options.application
@options.as_json
@options.with_api
def show(api: Api, license: str, with_key: bool, application: str | None, as_json: bool) -> None:
    """Show one LICENSE."""
    place = _place(api, application, license)
    row = api.get(place)
    if with_key:
        row["key"] = api.post(f"{place}/reveal")["key"]
    output.say_one(row, as_json=as_json)


@licenses.command()
@click.argument("license", metavar="ID|KEY")
@click.option(
    "--until", type=moments.Moment(), help="The new end: a day (to its end, in UTC) or a moment."
)
@click.option("--days", type=click.IntRange(1), help="So many days more, from its end or from now.")
@click.option("--never", is_flag=True, help="No end at all.")
@options.application
@options.as_json
@options.with_api
def extend(
    api: Api,
    license: str,
    until: dt.datetime | None,
    days: int | None,
    never: bool,
    application: str | None,
    as_json: bool,
) -> None:
    """Move the end of LICENSE.

    \b
        lockence licenses extend 0192… --days 365
        lockence licenses extend 0192… --until 2030-12-31
    """
    if (until is not None) + (days is not None) + never != 1:
        raise click.UsageError("Say one of --until, --days and --never.")
    place = _place(api, application, license)
    if days is not None:
        until = _later(api.get(place), days)
    end = moments.written(until) if until else None
    output.say_one(api.post(f"{place}/extend", {"expires_at": end}), as_json=as_json)


@licenses.command()
@click.argument("license", metavar="ID|KEY...", nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def suspend(api: Api, **given: Any) -> None:
    """Refuse each LICENSE from its next call on, until it is restored."""
    _on_each(api, "suspend", "Suspended", **given)


@licenses.command()
@click.argument("license", metavar="ID|KEY...", nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def restore(api: Api, **given: Any) -> None:
    """Let each suspended LICENSE in again."""
    _on_each(api, "restore", "Restored", **given)


@licenses.command()
@click.argument("license", metavar="ID|KEY...", nargs=-1, required=True)
@click.option("--reason", help="Why; it is kept with the license.")
@click.option("--yes", is_flag=True, help="Do not ask; a script has to say it.")
@options.application
@options.as_json
@options.with_api
def revoke(api: Api, yes: bool, reason: str | None, **given: Any) -> None:
    """Revoke each LICENSE: it opens nothing any more, until `reinstate` takes a mistake back."""
    if not yes:
        _ask_whether(f"Revoke {len(given['license'])}?")
    _on_each(api, "revoke", "Revoked", {"reason": reason} if reason else None, **given)


@licenses.command()
@click.argument("license", metavar="ID|KEY...", nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def reinstate(api: Api, **given: Any) -> None:
    """Take the revocation of each LICENSE back."""
    _on_each(api, "reinstate", "Reinstated", **given)


@licenses.command()
@click.argument("license", metavar="ID|KEY")
@click.option(
    "--seen-end",
    type=moments.Moment(),
    help="The end as you know it: nothing happens once it is another.",
)
@options.application
@options.as_json
@options.with_api
def renew(
    api: Api, license: str, seen_end: dt.datetime | None, application: str | None, as_json: bool
) -> None:
    """Give LICENSE another duration of its policy."""
    body = {"seen_end": moments.written(seen_end)} if seen_end else {}
    row = api.post(f"{_place(api, application, license)}/renew", body)
    output.say_one(row, as_json=as_json)


@licenses.command()
@click.argument("license", metavar="ID|KEY")
@click.option("--username", default="", metavar="NAME", help="Who gets it.")
@click.option("--email", default="", metavar="ADDRESS", help="Where they are written to.")
@click.option("--yes", is_flag=True, help="Do not ask; a script has to say it.")
@options.application
@options.as_json
@options.with_api
def transfer(
    api: Api,
    license: str,
    username: str,
    email: str,
    yes: bool,
    application: str | None,
    as_json: bool,
) -> None:
    """Hand LICENSE over to another customer: its sessions end, and its devices are released.

    \b
        lockence licenses transfer 0192… --username Grace --email grace@example.com
    """
    if not (username or email):
        raise click.UsageError("Say --username or --email, or both.")
    if not yes:
        _ask_whether(f"Transfer it to {username or email}?")
    place = _place(api, application, license)
    row = api.post(f"{place}/transfer", {"username": username, "email": email})
    output.say_one(row, as_json=as_json)


def _on_each(
    api: Api,
    act: str,
    done: str,
    body: Row | None = None,
    *,
    license: tuple[str, ...],
    application: str | None,
    as_json: bool,
) -> None:
    path = options.path_of(api, application)

    def do(wanted: str) -> Row:
        return api.post(f"{path}/licenses/{options.license_id(api, path, wanted)}/{act}", body)

    acts.on_each(license, do, done, as_json=as_json)


def _place(api: Api, application: str | None, license: str) -> str:
    path = options.path_of(api, application)
    return f"{path}/licenses/{options.license_id(api, path, license)}"


def _later(license: Row, days: int) -> dt.datetime:
    if license["expires_at"] is None:
        raise click.UsageError("That license never ends: there is nothing to add days to.")
    now = dt.datetime.now(dt.UTC)
    try:
        return max(dt.datetime.fromisoformat(license["expires_at"]), now) + dt.timedelta(days=days)
    except OverflowError as error:
        raise click.UsageError(f"{days} days are more than a calendar has.") from error


def _ask_whether(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("A script has to say --yes.")
    click.confirm(question, abort=True, err=True)
