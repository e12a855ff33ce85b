"""Issuing licenses: any number, in batches, and none of them twice, whatever happens in between."""

import contextlib
import datetime as dt
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import click

from lockence_client.command_line import moments, options, output, text
from lockence_client.command_line.api import Api, Row
from lockence_client.command_line.failures import CouldNotWrite, NotAllowed, Refused

# What the API issues in one call.
BATCH_MAX = 1_000
_COUNT_MAX = 100_000
_COLUMNS = ("key", "id", "policy", "username", "email", "expires_at", "created_at")


class JsonObject(click.ParamType):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: Any, ctx: Any) -> Row:
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else self.fail("is no JSON object", param, ctx)


class IdempotencyKey(click.ParamType):
    """What can stand in a header of that name, with room for the number of the batch."""

    name = "text"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if not re.fullmatch(r"[!-~]{1,200}", value):
            self.fail("takes 1 to 200 printable ASCII characters without a space", param, ctx)
        return str(value)


@click.command()
@click.option("--count", type=click.IntRange(1, _COUNT_MAX), default=1, help="How many (1).")
@click.option(
    "--policy", metavar="NAME|ID", help="Which rules they follow; the default ones if left out."
)
@click.option("--username", help="Who uses them.")
@click.option("--email", help="The customer's address.")
@click.option("--note", help="What only you read.")
@click.option("--metadata", type=JsonObject(), help="A JSON object that programs are told.")
@click.option(
    "--expires", type=moments.Moment(), help="A fixed end, in place of the policy's duration."
)
@click.option(
    "--devices", "devices_max", type=click.IntRange(1), help="Devices, other than the policy says."
)
@click.option("--sessions", "sessions_max", type=click.IntRange(1), help="Sessions, likewise.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header line.")
@click.option(
    "--output",
    "file",
    type=click.Path(dir_okay=False),
    help="Into a new file that only you can read.",
)
@click.option(
    "--idempotency-key",
    type=IdempotencyKey(),
    help="Run again with the same one, within a day, nothing is issued twice.",
)
@options.application
@options.as_json
@options.with_api
def issue(
    api: Api,
    count: int,
    policy: str | None,
    as_csv: bool,
    file: str | None,
    idempotency_key: str | None,
    application: str | None,
    as_json: bool,
    **terms: Any,
) -> None:
    """Issue licenses and write their keys, one a line.

    \b
        lockence licenses issue --policy pro --email ada@example.com
        lockence licenses issue --count 500 --policy pro --csv > keys.csv

    Keys are written as they are issued, a thousand at a time. Where it breaks off, the command names an
    `--idempotency-key`: run again with it, the same keys come and then the rest.
    """
    if as_csv and as_json:
        raise click.UsageError("Say one of --csv and --json.")
    path = options.path_of(api, application)
    body = _body(api, path, policy, terms)
    run = idempotency_key or secrets.token_urlsafe(12)
    with _paper(file) as write:
        if as_csv:
            write(output.csv_line(_COLUMNS))
        form = _csv_row if as_csv else text.as_json if as_json else _key_alone
        for row in _issued(api, path, body, count, run):
            write(form(row) if as_csv else f"{form(row)}\n")


def _issued(api: Api, path: str, body: Row, count: int, run: str) -> Iterator[Row]:
    """Yield licenses as they are issued; tells where it stood when anything ends it early."""
    done = 0
    try:
        with output.progress("Issuing", count) as advance:
            for number, size in enumerate(_sizes(count)):
                answer = api.post(
                    f"{path}/licenses", body | {"count": size}, idempotency_key=f"{run}-{number}"
                )
                done += size
                yield from answer["data"]
                advance(size)
    except BaseException as error:
        # GeneratorExit too: whoever took the keys could not write them.
        if done or not isinstance(error, (NotAllowed, Refused)):
            _tell_how_to_go_on(done, count, run)
        raise
    output.note(f"Issued {count} license{'s'[: count > 1]}.")


def _tell_how_to_go_on(done: int, count: int, run: str) -> None:
    output.note(
        f"{done} of {count} are known to be issued. The same command with --idempotency-key {run}"
        " writes the same keys again, and issues nothing twice."
    )


def _sizes(count: int) -> Iterator[int]:
    for start in range(0, count, BATCH_MAX):
        yield min(BATCH_MAX, count - start)


def _body(api: Api, path: str, policy: str | None, terms: Row) -> Row:
    body = {name: value for name, value in terms.items() if value is not None}
    expires: dt.datetime | None = body.pop("expires", None)
    if expires:
        body["expires_at"] = moments.written(expires)
    if policy:
        body["policy"] = options.policy_id(api, path, policy)
    return body


@contextlib.contextmanager
def _paper(name: str | None) -> Iterator[Callable[[str], None]]:
    """Give what writes the keys: to standard output, or into a file that was not there before."""
    if name is None:
        yield output.write
        return
    try:
        number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}.") from error
    with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
        yield lambda piece: _write_now(file, piece)


def _write_now(file: Any, piece: str) -> None:
    try:
        file.write(piece)
        file.flush()
    except OSError as error:
        raise CouldNotWrite(f"could not write: {error.strerror}") from error


def _csv_row(row: Row) -> str:
    return output.csv_line(row[name] for name in _COLUMNS)


def _key_alone(row: Row) -> str:
    return text.plain(row["key"])
