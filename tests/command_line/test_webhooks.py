"""`lockence webhooks listen`: events reach a receiver on this machine, signed as Lockence signs them."""

import base64
import json
import re
import shlex
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook
from werkzeug import Response

from licensing import handbook, licenses
from licensing.events import SYSTEM, history_of
from licensing.models import Application
from licensing.webhook_delivery import payload_of
from tests import factories
from tests.command_line.conftest import Terminal

BEGINNING = "01900000-0000-7000-8000-000000000000"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request("/hook", method="POST").respond_with_data("")
        yield server


def opened(receiver: HTTPServer, secret: str) -> list[dict[str, Any]]:
    """What arrived, as the library of Standard Webhooks reads it; it raises for what is not well signed."""
    return [
        json.loads(json.dumps(Webhook(secret).verify(request.data, dict(request.headers.items()))))
        for request, _ in receiver.log
    ]


def test_each_event_arrives_signed_with_the_secret_that_was_told(
    at_work: Terminal, application: Application, receiver: HTTPServer
) -> None:
    with at_work.start(
        "webhooks", "listen", "--forward-to", receiver.url_for("/hook")
    ) as listening:
        assert listening.stdout
        assert listening.stderr
        [secret] = re.findall(r"whsec_\S+", listening.stderr.readline())
        listening.stderr.readline()
        license = factories.make_license(application, email="zoë@example.com")
        licenses.suspend_license(license=license, actor=SYSTEM)
        lines = [listening.stdout.readline() for _ in range(2)]
        listening.kill()

    issued, suspended = opened(receiver, secret)
    assert [line.split()[::2] for line in lines] == [
        ["ok", "licenses.issued", "200"],
        ["ok", "license.suspended", "200"],
    ]
    assert (issued["type"], suspended["type"]) == ("licenses.issued", "license.suspended")
    assert suspended["data"]["license"] == str(license.pk)
    assert suspended["data"]["application"] == str(application.pk)
    assert set(suspended["data"]["actor"]) == {"kind", "email", "token"}
    # The same as Lockence itself would send.
    row = history_of(license).get(action="license.suspended")
    assert suspended == json.loads(json.dumps(payload_of(row)))
    assert receiver.log[0][0].headers["webhook-id"] == issued["data"]["id"]


def test_all_after_one_are_sent_again(
    at_work: Terminal, application: Application, receiver: HTTPServer
) -> None:
    for _ in range(3):
        factories.make_license(application)
    arguments = ("--since", BEGINNING, "--once", "--action", "licenses.issued", "--secret", SECRET)

    run = at_work.run(
        "webhooks", "listen", "--forward-to", receiver.url_for("/hook"), *arguments, "--json"
    )

    told = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, run
    assert [one["data"]["id"] for one in opened(receiver, SECRET)] == [one["id"] for one in told]
    assert len(told) == 3


def test_what_the_receiver_does_not_take_is_told(
    at_work: Terminal, application: Application, receiver: HTTPServer
) -> None:
    receiver.clear()
    receiver.expect_request("/hook").respond_with_response(
        Response("", 302, {"Location": receiver.url_for("/elsewhere")})
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
    arguments = ("--since", BEGINNING, "--once", "--action", "application.created")

    moved = at_work.run("webhooks", "listen", "--forward-to", receiver.url_for("/hook"), *arguments)
    unheard = at_work.run("webhooks", "listen", "--forward-to", nobody, *arguments)

    assert moved.returncode == unheard.returncode == 1
    assert "HTTP 302" in moved.stdout
    assert "Connection refused" in unheard.stdout
    assert len(receiver.log) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--forward-to", "nowhere"],
        ["--forward-to", "file:///etc/passwd"],
        ["--forward-to", "http://127.0.0.1:1", "--secret", "whsec_short"],
        ["--forward-to", "http://127.0.0.1:1", "--secret", "é"],
        ["--forward-to", "http://127.0.0.1:1", "--once"],
        [],
    ],
)
def test_what_cannot_be_is_not_understood(at_work: Terminal, arguments: list[str]) -> None:
    run = at_work.run("webhooks", "listen", *arguments)

    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run


def test_the_command_of_the_page_listens(
    at_work: Terminal, application: Application, receiver: HTTPServer
) -> None:
    page = handbook.sources()["how-to/verify-webhooks"].read_text()
    [command] = re.findall(r"^```sh Listen\nlockence (.*?)\n```$", page, re.MULTILINE)
    command = command.replace("http://127.0.0.1:3000", receiver.url_for("").rstrip("/"))

    with at_work.start(*shlex.split(command)) as listening:
        assert listening.stderr
        assert listening.stdout
        listening.stderr.readline()
        listening.stderr.readline()
        factories.make_license(application)
        assert listening.stdout.readline().startswith("ok")
        listening.kill()


def test_endpoints_are_listed_and_tested_and_what_was_sent_is_sent_again(
    at_work: Terminal, application: Application
) -> None:
    endpoint = factories.make_endpoint(application, events=["webhook_endpoint.tested"])

    listed = rows_of(at_work, "webhooks", "list", "--json")
    sent = at_work.run("webhooks", "test", str(endpoint.pk))
    [delivery] = rows_of(at_work, "webhooks", "deliveries", "--undelivered", "--json")
    endpoint.deliveries.update(status="delivered", next_attempt_at=None)
    again = at_work.run("webhooks", "replay", delivery["id"])

    assert [row["id"] for row in listed] == [str(endpoint.pk)]
    assert (sent.returncode, sent.stdout) == (0, f"Sent to {endpoint.pk}\n")
    assert (delivery["type"], delivery["endpoint"]) == ("webhook_endpoint.tested", str(endpoint.pk))
    assert (again.returncode, again.stdout) == (0, f"Sent again {delivery['id']}\n")
    assert endpoint.deliveries.get().status == "pending"
    assert endpoint.url in at_work.run("webhooks", "list").stdout


def rows_of(terminal: Terminal, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in terminal.run(*arguments).stdout.splitlines()]


def test_an_endpoint_that_is_not_there_is_refused(at_work: Terminal) -> None:
    assert at_work.run("webhooks", "test", BEGINNING).returncode == 1
