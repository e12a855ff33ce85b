"""The probes of load balancers and Prometheus."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings


@pytest.fixture
def database_gone(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The connection leads to a socket that nobody serves."""
    host = connection.settings_dict["HOST"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["HOST"] = "/nowhere"
        yield
        connection.settings_dict["HOST"] = host
        connection.close()


def test_healthz_needs_no_host_name_and_no_database(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "10.1.2.3"})

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_healthz_answers_over_plain_http(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_readyz_with_the_database_up(client: Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}


def test_readyz_with_the_database_down(client: Client, database_gone: None) -> None:
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "reason": "database"}
    assert int(response["Retry-After"]) > 0


@pytest.mark.django_db
def test_readyz_before_migrate(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'licensing'")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["reason"] == "migrations"


@pytest.mark.django_db
def test_metrics_count_requests_by_route_and_not_by_path(client: Client) -> None:
    client.get("/accounts/login/")
    client.get("/some/typed-in/address/")

    text = client.get("/metrics").text

    assert (
        'lockence_request_seconds_count{method="GET",route="accounts/login/",status="200"}' in text
    )
    assert 'route="unknown",status="404"' in text
    assert "typed-in" not in text


@pytest.mark.django_db
def test_metrics_in_production_are_for_holders_of_the_token(
    client: Client, settings: Settings
) -> None:
    settings.DEVELOPMENT = False
    assert client.get("/metrics").status_code == 404

    settings.METRICS_TOKEN = "let-me-count"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer ünknown"}).status_code == 404
    assert (
        client.get("/metrics", headers={"authorization": "Bearer let-me-count"}).status_code == 200
    )
