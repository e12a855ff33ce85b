"""What people do with endpoints: set them up, pause them, change their secrets, send once more."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from licensing import webhooks
from licensing.errors import InvalidRequestError
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
from tests.jobs import run_due_jobs
from tests.licensing.webhooks.conftest import Receiver, commit, deliver, delivery_of, happen

pytestmark = pytest.mark.django_db


def test_pausing_holds_back_and_enabling_sends_what_waited(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    assert webhooks.pause_endpoint(endpoint=endpoint, actor=SYSTEM)
    assert not webhooks.pause_endpoint(endpoint=endpoint, actor=SYSTEM)
    happen(application)
    assert deliver(endpoint) == 0

    assert webhooks.enable_endpoint(endpoint=endpoint, actor=SYSTEM)
    assert not webhooks.enable_endpoint(endpoint=endpoint, actor=SYSTEM)
    deliver(endpoint)

    assert receiver.types == [
        "webhook_endpoint.paused",
        "application.renamed",
        "webhook_endpoint.enabled",
    ]


def test_a_delivery_is_sent_once_more_with_the_same_id(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    event = happen(application)
    deliver(endpoint)

    assert webhooks.replay(delivery=delivery_of(event), actor=SYSTEM, now=timezone.now())
    assert not webhooks.replay(delivery=delivery_of(event), actor=SYSTEM, now=timezone.now())
    deliver(endpoint)

    assert receiver.ids.count(str(event.pk)) == 2
    assert delivery_of(event).attempts.count() == 2


def test_a_test_event_comes_whatever_the_filter_lets_through(
    application: Application, receiver: Receiver
) -> None:
    endpoint = factories.make_endpoint(application, receiver.url, events=["device.bound"])

    webhooks.send_test(endpoint=endpoint, actor=SYSTEM, now=timezone.now())
    commit()
    run_due_jobs()

    assert receiver.types == ["webhook_endpoint.tested"]


def test_a_range_without_an_end_or_too_long_is_refused(
    endpoint: WebhookEndpoint, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()

    def replay(since: dt.datetime, until: dt.datetime) -> int:
        return webhooks.replay_range(
            endpoint=endpoint, since=since, until=until, actor=SYSTEM, now=now
        )

    with pytest.raises(InvalidRequestError, match="since must be before until"):
        replay(now, now)
    monkeypatch.setattr(webhooks, "REPLAYED_MAX", 1)
    with pytest.raises(InvalidRequestError, match="More than 1 events"):
        replay(now - dt.timedelta(days=1), now + dt.timedelta(days=1))
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("events", [[], ["nothing"], ["license"], ["license.*", "x.*"], ["%"]])
def test_a_filter_that_names_what_there_is_not_is_refused(
    application: Application, events: list[str]
) -> None:
    with pytest.raises(InvalidRequestError, match="events"):
        factories.make_endpoint(application, events=events)


@pytest.mark.parametrize("url", ["", "ftp://x.example/", "https://u:p@x.example/", "x"])
def test_an_address_that_nothing_is_sent_to_is_refused(application: Application, url: str) -> None:
    with pytest.raises(InvalidRequestError, match="url"):
        factories.make_endpoint(application, url)


def test_there_is_a_limit_of_endpoints(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "ENDPOINTS_MAX", 2)
    factories.make_endpoint(application)
    factories.make_endpoint(application)

    with pytest.raises(InvalidRequestError, match="may have 2 endpoints"):
        factories.make_endpoint(application)


def test_making_one_twice_makes_one(application: Application) -> None:
    first = factories.make_endpoint(application)
    again = factories.make_endpoint(application, id=first.pk)

    assert first == again
    assert WebhookSecret.objects.count() == 1
    with pytest.raises(InvalidRequestError, match="id is taken"):
        factories.make_endpoint(factories.make_application(), id=first.pk)


def test_a_change_tells_the_host_and_not_the_path(
    endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    def change(url: str) -> bool:
        return webhooks.change_endpoint(
            endpoint=endpoint, url=url, events=["*"], description="", actor=SYSTEM
        )

    assert change("https://hooks.example/services/S3CR3T")
    assert not change("https://hooks.example/services/S3CR3T")

    event = Event.objects.get(action="webhook_endpoint.changed")
    assert event.after == {"url": "hooks.example"}
    assert event.before == {"url": "localhost"}
    assert "S3CR3T" not in event.target_label


def test_rotating_twice_from_one_page_makes_one_new_secret(endpoint: WebhookEndpoint) -> None:
    seen = endpoint.secrets.get().pk

    for _ in range(2):
        webhooks.rotate_secret(endpoint=endpoint, actor=SYSTEM, now=timezone.now(), replaces=seen)

    assert endpoint.secrets.count() == 2
    for overlap in (dt.timedelta(-1), dt.timedelta(31)):
        with pytest.raises(InvalidRequestError, match="overlap"):
            webhooks.rotate_secret(
                endpoint=endpoint, actor=SYSTEM, now=timezone.now(), overlap=overlap
            )


def test_three_secrets_never_sign_at_once(endpoint: WebhookEndpoint) -> None:
    for _ in range(3):
        webhooks.rotate_secret(endpoint=endpoint, actor=SYSTEM, now=timezone.now())

    assert endpoint.secrets.count() == 2


def test_who_saw_a_secret_is_written_down(endpoint: WebhookEndpoint) -> None:
    secret = webhooks.reveal_secret(endpoint=endpoint, actor=SYSTEM)

    assert secret.startswith("whsec_")
    event = Event.objects.get(action="webhook_endpoint.secret_revealed")
    assert secret not in json.dumps([event.before, event.after])


def test_a_deleted_endpoint_leaves_nothing_but_its_events(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    happen(application)
    deliver(endpoint)

    assert webhooks.delete_endpoint(endpoint=endpoint, actor=SYSTEM)
    assert not webhooks.delete_endpoint(endpoint=endpoint, actor=SYSTEM)

    for table in (WebhookEndpoint, WebhookSecret, WebhookDelivery, WebhookAttempt):
        assert not table.objects.exists()
    assert Event.objects.get(action="webhook_endpoint.deleted").target_id == endpoint.pk
    assert deliver(endpoint) == 0
