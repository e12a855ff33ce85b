"""What endpoints do that do not take an event: it is tried again, and they are disabled in the end."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from email.utils import format_datetime

import psycopg
import pytest
import time_machine
from django.core.mail import EmailMessage
from django.utils import timezone

from accounts.access import Role
from accounts.models import User
from licensing import webhook_delivery, webhooks
from licensing.events import SYSTEM
from licensing.models import (
    Application,
    Event,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests import factories
from tests.licensing.webhooks.conftest import START, Receiver, deliver, delivery_of, happen
from tests.servers import database_url

pytestmark = pytest.mark.django_db


def test_every_failure_is_tried_again_until_the_tenth(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    receiver.status = 500
    event = happen(application)
    delivery = delivery_of(event)
    waited = []

    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(20):
            deliver(endpoint)
            delivery.refresh_from_db()
            if delivery.next_attempt_at is None:
                break
            waited.append(delivery.next_attempt_at - timezone.now())
            clock.move_to(delivery.next_attempt_at - dt.timedelta(seconds=1))
            assert deliver(endpoint) == 0
            clock.move_to(delivery.next_attempt_at)

    assert waited == list(webhook_delivery.RETRIES)
    assert delivery.status == "failed"
    assert set(receiver.ids) == {str(event.pk)}
    assert delivery.attempts.count() == 10


@pytest.mark.parametrize("status", [300, 301, 302, 400, 401, 404, 429, 500, 503])
def test_whatever_is_not_a_yes_is_a_failure(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver, status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    event = happen(application)

    deliver(endpoint)

    assert delivery_of(event).status == "pending"
    assert delivery_of(event).failures == 1
    assert len(receiver.requests) == 1


def test_nobody_there_is_a_failure_and_told_in_words(application: Application) -> None:
    endpoint = factories.make_endpoint(application, "http://127.0.0.1:9/hooks")

    deliver(endpoint)

    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.error) == (None, "The connection was refused")


def test_a_receiver_that_was_down_for_an_hour_gets_it_all(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    receiver.status = 503
    with time_machine.travel(timezone.now(), tick=False) as clock:
        ids = {str(happen(application, f"Name {number}").pk) for number in range(100)}
        for _ in range(60):
            deliver(endpoint)
            clock.shift(60)
        receiver.status, tried = 200, set(receiver.ids)
        receiver.requests.clear()
        for _ in range(36):
            deliver(endpoint)
            clock.shift(3_600)

    assert tried == ids
    assert sorted(receiver.ids) == sorted(ids)
    assert not WebhookDelivery.objects.exclude(status="delivered").exists()


@pytest.mark.parametrize("wanted", ["7200", "date"])
def test_an_endpoint_that_asks_for_a_rest_gets_it(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver, wanted: str
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        in_two_hours = format_datetime(START + dt.timedelta(hours=2), usegmt=True)
        receiver.status = 429
        receiver.headers = {"Retry-After": in_two_hours if wanted == "date" else wanted}
        event = happen(application)
        WebhookDelivery.objects.update(next_attempt_at=START)
        assert deliver(endpoint) == 1
        other = happen(application, "Other")
        WebhookDelivery.objects.filter(event_id=other.pk).update(next_attempt_at=START)

        clock.shift(7_199)
        assert deliver(endpoint) == 0
        clock.shift(1)
        receiver.status, receiver.headers = 200, {}
        assert deliver(endpoint) == 2

    assert sorted(receiver.ids) == sorted([str(event.pk), str(event.pk), str(other.pk)])


@pytest.mark.parametrize(
    "wanted",
    [
        *("soon", "-5", "", "Mon, 99 Foo 2030", "999999999", "1e9", "٣"),
        "Mon, 99999999999999 Jan 2030 00:00:00 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
    ],
)
def test_an_odd_retry_after_breaks_nothing(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver, wanted: str
) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": wanted.encode().decode("latin-1")}
    event = happen(application)

    deliver(endpoint)

    at = delivery_of(event).next_attempt_at
    assert at is not None
    assert at <= timezone.now() + dt.timedelta(hours=24)


def test_gone_disables_at_once_and_mails_who_can_do_something_about_it(
    endpoint: WebhookEndpoint,
    application: Application,
    receiver: Receiver,
    developer: User,
    teammate: User,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: object,
) -> None:
    admin = factories.add_member(application.team, Role.ADMIN)
    receiver.status = 410
    happen(application)
    happen(application, "Other")

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        deliver(endpoint)

    endpoint.refresh_from_db()
    assert endpoint.state == "disabled"
    assert len(receiver.requests) == 1
    assert sorted(mail.to[0] for mail in mailoutbox) == sorted([developer.email, admin.email])
    assert mailoutbox[0].subject == "A webhook endpoint of Other was disabled"
    assert "It answered that it is gone (410)" in mailoutbox[0].body
    assert Event.objects.get(action="webhook_endpoint.disabled").target_id == endpoint.pk


def test_a_week_of_failure_disables_and_a_success_in_between_does_not(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for day in range(14):
            receiver.status = 200 if day == 5 else 500
            happen(application, f"Day {day}")
            deliver(endpoint)
            endpoint.refresh_from_db()
            assert endpoint.state == ("disabled" if day >= 13 else "enabled"), day
            clock.shift(86_400)


def test_events_pass_a_disabled_endpoint_by_until_they_are_sent_for(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    WebhookEndpoint.objects.update(state="disabled")
    event = happen(application)
    assert not WebhookDelivery.objects.exists()

    webhooks.enable_endpoint(endpoint=endpoint, actor=SYSTEM)
    count = webhooks.replay_range(
        endpoint=endpoint,
        since=event.created_at,
        until=event.created_at + dt.timedelta(microseconds=1),
        actor=SYSTEM,
        now=timezone.now(),
    )
    deliver(endpoint)

    assert count == 1
    assert str(event.pk) in receiver.ids


def test_an_event_that_was_removed_before_its_turn_holds_up_no_other(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    """As at an endpoint that was paused for longer than the installation keeps events."""
    now = timezone.now()
    removed = endpoint.deliveries.create(
        application=application,
        event_id=uuid.UUID(int=1),
        action="application.renamed",
        next_attempt_at=now,
        created_at=now,
    )
    event = happen(application)

    deliver(endpoint)

    removed.refresh_from_db()
    assert removed.status == "failed"
    assert receiver.ids == [str(event.pk)]


def test_a_slow_endpoint_holds_up_no_other(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    """While somebody else looks after one endpoint, its jobs do not wait for that, and come back later."""
    other = factories.make_endpoint(application, receiver.url)
    happen(application)
    with looked_after_elsewhere(endpoint):
        assert deliver(endpoint) == 0
        assert deliver(other) >= 1


@contextlib.contextmanager
def looked_after_elsewhere(endpoint: WebhookEndpoint) -> Iterator[None]:
    with psycopg.connect(database_url()) as other:
        other.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
            [webhook_delivery._LOCK_SPACE, str(endpoint.pk)],
        )
        yield
