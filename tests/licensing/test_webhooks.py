"""Webhooks: every event of an application reaches its endpoints, at least once and with the same id."""

import contextlib
import datetime as dt
import json
import re
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path

import psycopg
import pytest
import time_machine
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from accounts.access import Role
from accounts.models import Team, User
from licensing import applications, events, licenses, webhook_delivery, webhook_events, webhooks
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
from licensing.templatetags import dashboard
from tests import factories
from tests.jobs import run_due_jobs
from tests.servers import database_url

pytestmark = pytest.mark.django_db
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


# What arrives


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


# What fails


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


@pytest.mark.parametrize("wanted", ["soon", "-5", "", "Mon, 99 Foo 2030", "999999999", "1e9", "٣"])
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


# What people do


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


# What is kept


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


# The list of events


def test_the_list_has_every_event_that_the_audit_log_has_words_for() -> None:
    of_teams = ("team.", "member.", "invitation.", "events.")

    known = {action for action in dashboard._WORDS if not action.startswith(of_teams)}

    assert known <= set(webhook_events.ACTIONS)
    assert sorted(webhook_events.ACTIONS) == list(webhook_events.ACTIONS)


def test_every_action_in_the_code_is_in_the_list() -> None:
    written = set()
    for file in (Path(settings.BASE_DIR) / "licensing").rglob("*.py"):
        if "migrations" not in file.parts and file.name != "event_log.py":
            written |= set(re.findall(r"""["']([a-z_]+\.[a-z_]+ed)["']""", file.read_text()))

    of_teams = ("team.", "member.", "invitation.", "events.")
    assert {each for each in written if not each.startswith(of_teams)} <= {*webhook_events.ACTIONS}


def test_the_handbook_shows_one_of_each(
    endpoint: WebhookEndpoint, application: Application
) -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "webhook-events.md").read_text()
    shown = dict(re.findall(r"^## (\S+)\n.*?```json\n(.*?)```", text, re.DOTALL | re.MULTILINE))
    real = webhook_delivery.payload_of(happen(application))

    assert tuple(shown) == webhook_events.ACTIONS
    for action, example in shown.items():
        payload = json.loads(example)
        assert payload["type"] == action
        assert shape_of(payload) == shape_of(real), action


def shape_of(payload: dict[str, object]) -> dict[str, object]:
    """The names of members, down to where each event has its own."""
    own = ("before", "after")
    return {
        name: shape_of(value) if isinstance(value, dict) and name not in own else None
        for name, value in payload.items()
    }
