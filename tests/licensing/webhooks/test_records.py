"""What is kept of what was sent, and for how long."""

import datetime as dt
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing import webhook_delivery
from licensing.models import (
    Application,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.jobs import run_due_jobs
from tests.licensing.webhooks.conftest import Receiver, deliver, delivery_of, happen

pytestmark = pytest.mark.django_db


def test_each_attempt_is_kept_and_the_answer_cut_off_at_64_kilobytes(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    receiver.status, receiver.body = 500, "\0ö" * 100_000
    receiver.headers = {"X-Trace": "7"}
    event = happen(application)

    deliver(endpoint)

    attempt = delivery_of(event).attempts.get()
    assert attempt.status == 500
    assert json.loads(attempt.request_body)["type"] == "application.renamed"
    assert attempt.request_headers["webhook-id"] == str(event.pk)
    assert attempt.response_headers["x-trace"] == "7"
    assert len(attempt.response_body.encode(errors="replace")) <= 3 * 65_536
    assert attempt.milliseconds >= 0


def test_what_ended_is_deleted_after_a_month(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    happen(application)
    deliver(endpoint)
    happen(application, "Other")
    WebhookEndpoint.objects.update(state="paused")

    in_a_month = timezone.now() + dt.timedelta(days=31)

    assert webhook_delivery.delete_old(now=in_a_month) == 1
    assert WebhookDelivery.objects.get().status == "pending"


def test_a_lost_job_is_made_up_for(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    happen(application)

    assert webhook_delivery.wake_all_due(now=timezone.now()) == 1
    run_due_jobs()

    assert receiver.types == ["application.renamed"]


def test_statements_do_not_grow_with_what_is_sent(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    def statements(count: int) -> int:
        for number in range(count):
            happen(application, f"{count} {number}")
        with CaptureQueriesContext(connection) as captured:
            assert deliver(endpoint) == count
        return len(captured)

    assert statements(20) == statements(2)
