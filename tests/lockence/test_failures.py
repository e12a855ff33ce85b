"""When no view answered, programs get a signed refusal in JSON, and people a page."""

import pytest
from django.db import OperationalError
from django.test import Client

from licensing.models import Application

pytestmark = pytest.mark.django_db

KEYS = "/api/v1/applications/01940000-0000-7000-8000-000000000001/keys"


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def test_a_host_that_is_not_served_gets_json_below_api(client: Client) -> None:
    response = client.get(KEYS, headers={"Host": "elsewhere.example"})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "Signature" in response.headers


def test_a_host_that_is_not_served_gets_a_page_elsewhere(client: Client) -> None:
    response = client.get("/", headers={"Host": "elsewhere.example"})

    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (RuntimeError, 500, "server_error"),
        (OperationalError, 503, "temporarily_unavailable"),
    ],
)
def test_a_failure_below_api_is_json(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[Exception],
    status: int,
    code: str,
) -> None:
    fail_with(monkeypatch, failure)

    response = client.get(KEYS)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert ("Retry-After" in response.headers) is (status == 503)
    assert "Signature" in response.headers


@pytest.mark.parametrize(("failure", "status"), [(RuntimeError, 500), (OperationalError, 503)])
def test_a_failure_elsewhere_is_a_page(
    client: Client, monkeypatch: pytest.MonkeyPatch, failure: type[Exception], status: int
) -> None:
    monkeypatch.setattr("licensing.views.site.render", raiser(failure))

    response = client.get("/")

    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")


def fail_with(monkeypatch: pytest.MonkeyPatch, failure: type[Exception]) -> None:
    monkeypatch.setattr(Application.objects, "filter", raiser(failure))


def raiser(failure: type[Exception]):
    def fail(*args: object, **kwargs: object) -> None:
        raise failure("on purpose")

    return fail
