"""What one team wrote stands in nothing that another is shown, sent or told."""

import io
import logging
import zipfile

import pytest
from django.core.mail import EmailMessage
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import User
from licensing import webhook_delivery
from licensing.models import Application
from tests import factories
from tests.tenants.routes import RULES, TOKENS, address_of
from tests.tenants.world import CANARY, OWN, World, ask, bearer, ids_in


def test_what_a_stranger_does_is_answered_mailed_and_logged_without_a_word_of_others(
    world: World, mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    """Their own pages and exports included, which open."""
    mailoutbox.clear()
    caplog.clear()
    told = []
    # Many have no id of a row in them, and are the same address for both teams.
    addresses = {
        address_of(route, ids) for route in RULES for ids in (world.ids, world.foreign_ids)
    }
    with caplog.at_level(logging.DEBUG):
        for address in sorted(addresses):
            for method in ("GET", "POST"):
                reply = ask(world.clients["stranger"], method, address)
                told.append(reply.text.replace(address, ""))

    told += [f"{mail.subject} {mail.body}" for mail in mailoutbox] + caplog.messages
    assert [text for text in told if CANARY in text] == []
    assert len([text for text in told if OWN in text]) > 50


def test_a_strangers_token_is_told_nothing_of_others(world: World) -> None:
    foreign = Application.objects.get(pk=str(world.foreign_ids["application_id"]))
    client = bearer(factories.make_token(foreign, for_the_team=True).text)

    told = [
        ask(client, method, address_of(route, ids)).text
        for route, rules in RULES.items()
        if rules == TOKENS
        for ids in (world.ids, world.foreign_ids)
        for method in ("GET", "POST")
    ]

    assert [text for text in told if CANARY in text] == []
    assert len([text for text in told if OWN in text]) > 20


def test_an_account_takes_along_nothing_of_others(world: World) -> None:
    response = world.clients["stranger"].post("/accounts/data/export/")

    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    told = [archive.read(name).decode() for name in archive.namelist()]
    assert [text for text in told if CANARY in text] == []
    assert [text for text in told if OWN in text]


def test_webhooks_of_others_tell_nothing_of_a_team(
    world: World, stranger: User, httpserver: HTTPServer
) -> None:
    """Everything happens in one team, and the endpoint of another wants to hear everything."""
    told: list[bytes] = []

    def hear(request: Request) -> Response:
        told.append(request.get_data())
        return Response()

    httpserver.expect_request("/hooks").respond_with_handler(hear)
    url = httpserver.url_for("/hooks")
    foreign = Application.objects.get(pk=str(world.foreign_ids["application_id"]))
    endpoint = factories.make_endpoint(foreign, url)
    ids_in(world.team, CANARY)

    webhook_delivery.deliver_due(endpoint.pk)

    assert told
    assert not any(CANARY.encode() in body for body in told)
