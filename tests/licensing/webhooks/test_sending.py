"""Every event of an application reaches its endpoints, at least once and with the same id."""

import datetime as dt
import json
import re

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook

from accounts.models import Team
from licensing import events, licenses, webhook_delivery, webhooks
from licensing.events import SYSTEM
from licensing.models import (
    Application,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests import factories
from tests.jobs import run_due_jobs
from tests.licensing.webhooks.conftest import Receiver, commit, deliver, delivery_of, happen

pytestmark = pytest.mark.django_db


def test_an_event_is_sent_by_the_job_that_its_commit_brings(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    event = happen(application)
    commit()

    assert run_due_jobs() == 1

    [request] = receiver.requests
    assert request.headers["webhook-id"] == str(event.pk)
    assert request.headers["Content-Type"] == "application/json"
    assert request.json == json.loads(json.dumps(webhook_delivery.payload_of(event)))
    assert request.json["data"]["after"] == {"name": "Renamed"}
    assert delivery_of(event).status == "delivered"


def test_the_standards_own_library_accepts_every_signature(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    before = endpoint.secrets.get().reveal()
    webhooks.rotate_secret(endpoint=endpoint, actor=SYSTEM, now=timezone.now())
    after = endpoint.secrets.current().get().reveal()
    for number in range(10):
        happen(application, f"Name {number} ☃ äö")

    deliver(endpoint)

    assert len(receiver.requests) == 11
    for request in receiver.requests:
        for secret in (before, after):
            assert Webhook(secret).verify(request.get_data(), dict(request.headers)) == request.json
        assert len(re.findall("v1,", request.headers["webhook-signature"])) == 2
        assert len(re.findall("v1a,", request.headers["webhook-signature"])) == 2


def test_a_replaced_secret_signs_no_longer_once_its_time_is_over(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    now = timezone.now()
    webhooks.rotate_secret(endpoint=endpoint, actor=SYSTEM, now=now, overlap=dt.timedelta(hours=1))
    happen(application)

    with time_machine.travel(now + dt.timedelta(hours=2), tick=False):
        deliver(endpoint)

    assert receiver.requests[0].headers["webhook-signature"].count("v1,") == 1


def test_what_programs_do_is_sent_too(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    license = factories.make_license(application)
    factories.open_session(license)

    deliver(endpoint)

    assert receiver.types == ["licenses.issued", "device.bound"]
    assert receiver.requests[1].json["data"]["license"] == str(license.pk)


def test_an_act_that_is_taken_back_is_never_told(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    with transaction.atomic():
        happen(application)
        transaction.set_rollback(True)

    assert deliver(endpoint) == 0


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        (["*"], ["application.renamed", "licenses.issued", "license.suspended"]),
        (["license.*"], ["license.suspended"]),
        (["license.suspended", "application.*"], ["application.renamed", "license.suspended"]),
        (["device.bound"], []),
    ],
)
def test_a_filter_lets_through_what_it_names(
    application: Application, receiver: Receiver, wanted: list[str], types: list[str]
) -> None:
    endpoint = factories.make_endpoint(application, receiver.url, events=wanted)
    WebhookDelivery.objects.all().delete()
    happen(application)
    licenses.suspend_license(license=factories.make_license(application), actor=SYSTEM)

    deliver(endpoint)

    assert receiver.types == types


def test_no_other_applications_events_come(
    endpoint: WebhookEndpoint, team: Team, receiver: Receiver
) -> None:
    happen(factories.make_application(team))
    happen(factories.make_application())

    assert deliver(endpoint) == 0


def test_what_tells_of_a_person_is_gone_everywhere_once_it_is_erased(
    endpoint: WebhookEndpoint, application: Application, receiver: Receiver
) -> None:
    receiver.body = ""  # It repeats what it is sent.
    license = factories.make_license(application, email="ada@example.com")
    licenses.change_license(
        license=license,
        policy=license.policy,
        terms=licenses.LicenseTerms(username="Ada Lovelace"),
        actor=SYSTEM,
    )
    deliver(endpoint)
    assert b"ada@example.com" in receiver.requests[1].get_data()

    events.forget_customer(license=license, actor=SYSTEM)
    receiver.body = "thanks"
    webhooks.replay_range(
        endpoint=endpoint,
        since=timezone.now() - dt.timedelta(hours=1),
        until=timezone.now() + dt.timedelta(hours=1),
        actor=SYSTEM,
        now=timezone.now(),
    )
    receiver.requests.clear()
    deliver(endpoint)

    sent = b"".join(request.get_data() for request in receiver.requests)
    assert receiver.types.count("license.changed") == 1
    assert b"ada@" not in sent
    assert b"Lovelace" not in sent
    kept = [f"{each.request_body} {each.response_body}" for each in WebhookAttempt.objects.all()]
    assert not any("ada@" in text or "Lovelace" in text for text in kept)
