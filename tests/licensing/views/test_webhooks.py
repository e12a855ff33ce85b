"""The pages about webhooks: endpoints, their secrets, and what became of each delivery."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from licensing import webhook_delivery, webhooks
from licensing.events import SYSTEM
from licensing.models import (
    Application,
    Event,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)
from tests import factories

NEW = {"url": "https://hooks.example/in", "description": "Web shop", "events": ["license.*"]}


@pytest.fixture
def endpoint(application: Application) -> WebhookEndpoint:
    return factories.make_endpoint(application, description="Web shop")


def url(name: str, endpoint: WebhookEndpoint, *more: object) -> str:
    return reverse(name, args=[endpoint.application_id, endpoint.pk, *more])


def test_an_endpoint_is_made_and_pressing_twice_makes_one(
    dashboard: Client, application: Application
) -> None:
    address = reverse("webhook-new", args=[application.pk])
    id = dashboard.get(address).context["form"]["id"].value()

    for _ in range(2):
        response = dashboard.post(address, {**NEW, "id": id}, follow=True)

    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.events) == (NEW["url"], ["license.*"])
    assert "The endpoint is ready" in response.text
    assert WebhookSecret.objects.get().public_key in response.text


def test_an_endpoint_that_is_sent_all_events_says_so(
    dashboard: Client, application: Application
) -> None:
    endpoint = factories.make_endpoint(application, events=["*"])

    for page in (url("webhook", endpoint), reverse("webhooks", args=[application.pk])):
        assert "Everything" in dashboard.get(page).text
    events = dashboard.get(reverse("events", args=[application.pk])).text
    assert "<ins>*</ins>" in events


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("url", "ftp://hooks.example/", "Address must begin with https://"),
        ("url", "https://me:pw@hooks.example/", "no user name"),
        ("events", [], "This field is required"),
        ("events", ["nothing"], "nothing"),
    ],
)
def test_what_is_wrong_with_it_is_told(
    dashboard: Client, application: Application, field: str, value: object, words: str
) -> None:
    address = reverse("webhook-new", args=[application.pk])
    form = {**NEW, "id": dashboard.get(address).context["form"]["id"].value(), field: value}

    response = dashboard.post(address, form)

    assert words in response.text
    assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_is_changed(dashboard: Client, endpoint: WebhookEndpoint) -> None:
    dashboard.post(url("webhook-edit", endpoint), NEW)

    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.description) == (NEW["url"], "Web shop")


def test_a_secret_is_shown_once_asked_for_and_never_before(
    dashboard: Client, endpoint: WebhookEndpoint
) -> None:
    secret = endpoint.secrets.get().reveal()

    assert secret not in dashboard.get(url("webhook", endpoint)).text
    response = dashboard.post(url("webhook-reveal", endpoint))

    assert secret in response.text
    assert "no-store" in response["Cache-Control"]
    assert Event.objects.filter(action="webhook_endpoint.secret_revealed").count() == 1


@pytest.mark.parametrize("name", ["webhook-reveal", "webhook-rotate", "webhook-edit"])
def test_who_signed_in_long_ago_is_asked_again(
    developer: User, endpoint: WebhookEndpoint, name: str
) -> None:
    client = Client()
    client.force_login(developer)

    response = client.post(url(name, endpoint), NEW)

    assert response["Location"].startswith(reverse("account_reauthenticate"))


def test_a_secret_is_rotated_once_however_often_the_button_is_pressed(
    dashboard: Client, endpoint: WebhookEndpoint
) -> None:
    seen = endpoint.secrets.get().pk

    for _ in range(2):
        dashboard.post(url("webhook-rotate", endpoint), {"overlap_hours": 24, "replaces": seen})

    assert endpoint.secrets.count() == 2


def test_pause_enable_test_and_delete(dashboard: Client, endpoint: WebhookEndpoint) -> None:
    assert "Events wait" in dashboard.post(url("webhook-pause", endpoint), follow=True).text
    assert "Paused" in dashboard.get(url("webhook", endpoint)).text
    assert "is enabled" in dashboard.post(url("webhook-enable", endpoint), follow=True).text
    assert "on its way" in dashboard.post(url("webhook-test", endpoint), follow=True).text
    assert "are deleted" in dashboard.get(url("webhook-delete", endpoint)).text
    assert "is deleted" in dashboard.post(url("webhook-delete", endpoint), follow=True).text
    assert not WebhookEndpoint.objects.exists()


def test_a_range_is_sent_again(dashboard: Client, endpoint: WebhookEndpoint) -> None:
    now = timezone.now()
    form = {
        "since": f"{now - dt.timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "until": f"{now + dt.timedelta(hours=1):%Y-%m-%dT%H:%M}",
    }

    response = dashboard.post(url("webhook-replay", endpoint), form, follow=True)

    assert "Events that are sent once more: " in response.text


def test_every_attempt_is_shown_and_a_hostile_answer_stays_text(
    dashboard: Client, endpoint: WebhookEndpoint
) -> None:
    delivery = endpoint.deliveries.first()
    assert delivery is not None
    for status, body in ((500, "<script>alert(1)</script>"), (200, "[" * 60_000)):
        WebhookAttempt.objects.create(
            application_id=endpoint.application_id,
            delivery=delivery,
            attempted_at=timezone.now(),
            request_headers={"webhook-id": str(delivery.event_id)},
            request_body='{"type":"x"}',
            status=status,
            response_headers={"x-trace": "7"},
            response_body=body,
            milliseconds=12,
        )

    page = dashboard.get(url("webhook-delivery", endpoint, delivery.pk)).text

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "It took 12 ms." in page
    assert "x-trace: 7" in page


def test_one_is_sent_again(dashboard: Client, endpoint: WebhookEndpoint) -> None:
    delivery = endpoint.deliveries.first()
    assert delivery is not None
    WebhookDelivery.objects.update(status="delivered", next_attempt_at=None)

    response = dashboard.post(url("webhook-delivery-replay", endpoint, delivery.pk), follow=True)

    assert "sent once more" in response.text
    delivery.refresh_from_db()
    assert delivery.status == "pending"


def test_the_list_does_not_ask_more_the_longer_it_is(
    dashboard: Client,
    endpoint: WebhookEndpoint,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(12):
        webhooks.send_test(endpoint=endpoint, actor=SYSTEM, now=timezone.now())
        factories.make_endpoint(endpoint.application, description=str(number))
    webhook_delivery.deliver_due(endpoint.pk)

    for address in (url("webhook", endpoint), reverse("webhooks", args=[endpoint.application_id])):
        with django_assert_max_num_queries(14):
            dashboard.get(address)


def test_a_delivery_of_another_endpoint_is_not_found(
    dashboard: Client, endpoint: WebhookEndpoint
) -> None:
    other = factories.make_endpoint(endpoint.application)
    delivery = other.deliveries.first()
    assert delivery is not None

    assert dashboard.get(url("webhook-delivery", endpoint, delivery.pk)).status_code == 404
