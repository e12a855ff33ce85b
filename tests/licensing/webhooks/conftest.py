"""A developer's server that webhooks are sent to, and what happens and is sent in tests of them."""

import datetime as dt

import pytest
from django.db import connection
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import Team
from licensing import applications, webhook_delivery
from licensing.events import SYSTEM
from licensing.models import (
    Application,
    Event,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests import factories

START = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


class Receiver:
    """A developer's own server: keeps what it is sent, and answers as it is told."""

    def __init__(self, server: HTTPServer) -> None:
        self.status, self.headers, self.body = 200, dict[str, str](), "thanks"
        self.requests: list[Request] = []
        self.url = server.url_for("/hooks")
        server.expect_request("/hooks").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        request.get_data()
        self.requests.append(request)
        return Response(self.body or request.get_data(), self.status, self.headers)

    @property
    def types(self) -> list[str]:
        return [request.json["type"] for request in self.requests]

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]


@pytest.fixture
def receiver(httpserver: HTTPServer) -> Receiver:
    return Receiver(httpserver)


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team, "Game")


@pytest.fixture
def endpoint(application: Application, receiver: Receiver) -> WebhookEndpoint:
    endpoint = factories.make_endpoint(application, receiver.url)
    WebhookDelivery.objects.all().delete()
    return endpoint


def happen(application: Application, name: str = "Renamed") -> Event:
    """Something that is written down: the application gets another name."""
    applications.rename_application(application=application, name=name, actor=SYSTEM)
    return Event.objects.filter(application_id=application.pk, after__name=name).latest("id")


def commit() -> None:
    """Fire what waits for the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def deliver(endpoint: WebhookEndpoint) -> int:
    return webhook_delivery.deliver_due(endpoint.pk)


def delivery_of(event: Event) -> WebhookDelivery:
    return WebhookDelivery.objects.get(event_id=event.pk)
