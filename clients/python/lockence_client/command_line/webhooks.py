"""Webhooks: endpoints and deliveries, and the events of an application without a public address, sent on to a program of this machine."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import click

from lockence_client.command_line import acts, login_file, options, output, text
from lockence_client.command_line.api import Api, Row, send
from lockence_client.command_line.failures import CouldNotAsk, Exit
from lockence_client.command_line.following import Follower

_PREFIX = "whsec_"
# As long as Lockence itself waits for an answer.
_TIMEOUT_SECONDS = 15


class Secret(click.ParamType):
    """A secret as Standard Webhooks writes them: `whsec_` and base64 of 24 to 64 bytes."""

    name = "whsec_…"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        try:
            if value.startswith(_PREFIX) and 24 <= len(_key(value)) <= 64:
                return str(value)
        except (binascii.Error, ValueError):
            pass
        return self.fail("is not whsec_ and 24 to 64 bytes in base64", param, ctx)


class Address(click.ParamType):
    """An address that can be sent to."""

    name = "url"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        return login_file.tidy(value) and str(value)


_ENDPOINTS = {
    "Id": lambda row: row["id"],
    "Address": lambda row: row["url"],
    "Events": lambda row: ", ".join(row["events"]),
    "State": lambda row: row["status"],
    "Failing since": lambda row: text.shown_moment(row["failing_since"], "-"),
}
_DELIVERIES = {
    "Id": lambda row: row["id"],
    "Event": lambda row: row["type"],
    "State": lambda row: row["status"],
    "Failures": lambda row: str(row["failures"]),
    "Queued": lambda row: text.shown_moment(row["created_at"]),
    "Next attempt": lambda row: text.shown_moment(row["next_attempt_at"], "-"),
}


@click.group()
def webhooks() -> None:
    """Webhooks: listen on this machine; list endpoints and deliveries, test, replay."""


@webhooks.command("list")
@options.count_max
@options.application
@options.as_json
@options.with_api
def list_endpoints(api: Api, limit: int | None, application: str | None, as_json: bool) -> None:
    """List the endpoints of an application, newest first."""
    path = options.path_of(api, application)
    rows = api.rows(f"{path}/webhook-endpoints", count_max=limit)
    output.say_rows(rows, _ENDPOINTS, as_json=as_json)


@webhooks.command()
@click.option("--endpoint", type=options.Id(), help="To this endpoint alone.")
@click.option("--undelivered", is_flag=True, help="Those that still wait alone.")
@options.count_max
@options.application
@options.as_json
@options.with_api
def deliveries(
    api: Api,
    endpoint: str | None,
    undelivered: bool,
    limit: int | None,
    application: str | None,
    as_json: bool,
) -> None:
    """List what was sent, or waits to be, newest first."""
    path = options.path_of(api, application)
    status = "pending" if undelivered else None
    rows = api.rows(f"{path}/deliveries", count_max=limit, endpoint=endpoint, status=status)
    output.say_rows(rows, _DELIVERIES, as_json=as_json)


@webhooks.command()
@click.argument("endpoint", type=options.Id(), nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def test(api: Api, endpoint: tuple[str, ...], application: str | None, as_json: bool) -> None:
    """Send each ENDPOINT an event of its own, whatever it asks for."""
    path = options.path_of(api, application)
    send_test = f"{path}/webhook-endpoints/{{}}/test".format
    acts.on_each(endpoint, lambda id: api.post(send_test(id)), "Sent to", as_json=as_json)


@webhooks.command()
@click.argument("delivery", type=options.Id(), nargs=-1, required=True)
@options.application
@options.as_json
@options.with_api
def replay(api: Api, delivery: tuple[str, ...], application: str | None, as_json: bool) -> None:
    """Send what each DELIVERY was once more, with the same id."""
    path = options.path_of(api, application)
    again = f"{path}/deliveries/{{}}/replay".format
    acts.on_each(delivery, lambda id: api.post(again(id)), "Sent again", as_json=as_json)


@webhooks.command()
@click.option("--forward-to", type=Address(), required=True, help="Where your receiver listens.")
@click.option("--secret", type=Secret(), help="What to sign with; a new one if left out.")
@click.option("--since", type=options.Id(), help="Begin with all events after this one.")
@click.option("--action", help="Of this kind alone, such as license.suspended.")
@click.option("--once", is_flag=True, help="With --since: end when all of them are sent.")
@options.application
@options.as_json
@options.with_api
def listen(
    api: Api,
    forward_to: str,
    secret: str | None,
    since: str | None,
    action: str | None,
    once: bool,
    application: str | None,
    as_json: bool,
) -> None:
    """Send each event of an application on to an address that only this machine can reach.

    \b
        lockence webhooks listen --forward-to http://127.0.0.1:3000/hook

    Each is a POST as Lockence itself would make it, with the headers of Standard Webhooks, signed with the secret
    that is told first. What your receiver answers is told; a webhook that it refuses is not sent again.
    """
    if once and not since:
        raise click.UsageError("--once needs --since: without it there is nothing to end with.")
    path = options.path_of(api, application)
    secret = secret or _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    output.note(f"Signing with {secret}")
    failed = False
    for event in _events(Follower(api, path, {"action": action}), since, once):
        told = _forward(event, path.rpartition("/")[2], forward_to, secret)
        failed = failed or not told["delivered"]
        output.say(text.as_json(told) if as_json else _line(told))
    click.get_current_context().exit(Exit.REFUSED if failed else Exit.OK)


def signed_headers(secret: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks for a body."""
    content = f"{id}.{timestamp}.".encode() + body
    mac = base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Lockence-Webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{mac}",
    }


def payload_of(event: Row, application: str) -> Row:
    """Return what a webhook tells of an event: what the management API does, less the address that it came from."""
    actor = {name: event["actor"][name] for name in ("kind", "email", "token")}
    told = ("license", "target", "before", "after")
    data = {"id": event["id"], "application": application, "actor": actor}
    data |= {name: event[name] for name in told}
    return {"type": event["action"], "timestamp": event["created_at"], "data": data}


def _events(follower: Follower, since: str | None, once: bool) -> Iterator[Row]:
    if since:
        yield from follower.since(since)
    else:
        follower.recent(1)
    if not once:
        output.note("Waiting for events, until Ctrl-C.")
        yield from follower.later()


def _forward(event: Row, application: str, forward_to: str, secret: str) -> Row:
    payload = payload_of(event, application)
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(
        errors="surrogatepass"
    )
    headers = signed_headers(secret, event["id"], int(time.time()), body)
    request = urllib.request.Request(forward_to, data=body, headers=headers, method="POST")
    told = {"id": event["id"], "type": event["action"]}
    try:
        answer = send(request, _TIMEOUT_SECONDS)
    except CouldNotAsk as failure:
        return told | {"delivered": False, "answer": str(failure)}
    delivered = 200 <= answer.status < 300
    return told | {"delivered": delivered, "answer": f"HTTP {answer.status}"}


def _line(told: Row) -> str:
    sign = "ok " if told["delivered"] else "BAD"
    return "  ".join([sign, *(text.plain(told[name]) for name in ("id", "type", "answer"))])


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
