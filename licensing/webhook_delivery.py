"""Delivering webhooks: what is queued for an endpoint is sent, one after the other, until it is taken or given up.

A queue is looked after by whoever holds its lock, which ends with the transaction and so with a worker that is killed: what was sent
and not put down yet is sent once more, with the same id. Each endpoint has one such at a time, so a slow one holds up only itself.
"""

import dataclasses
import datetime as dt
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django import app

from accounts import jobs, mails
from accounts.access import Role
from licensing import outgoing, webhook_signatures
from licensing.events import SYSTEM, record
from licensing.models import (
    Event,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)

logger = logging.getLogger(__name__)

# How long after each failure the next attempt is made (Standard Webhooks asks for such a schedule): a bit more than three days in all.
RETRIES = (
    dt.timedelta(seconds=5),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=2),
    dt.timedelta(hours=5),
    dt.timedelta(hours=10),
    dt.timedelta(hours=14),
    dt.timedelta(hours=20),
    dt.timedelta(hours=24),
)
# An endpoint that took nothing for so long is disabled.
FAILING_MAX = dt.timedelta(days=7)
# Longer is not waited, whatever an endpoint asks for.
REST_MAX = dt.timedelta(hours=24)
# Deliveries that ended are kept for a while, to be looked at and sent again.
KEPT = dt.timedelta(days=30)
# Fast endpoints share the cost of a commit between several deliveries; a slow one is put down after each.
_BATCH_MAX = 50
_BATCH_SECONDS = 0.5
# Then the others have their turn.
_RUN_SECONDS = 20.0
# A worker that found an endpoint taken looks again; and whoever leaves one does, for what was committed just then.
_LOOK_AGAIN = dt.timedelta(seconds=2)
# Any number that nothing else locks with.
_LOCK_SPACE = 7_306_511
_HEADERS_KEPT = 50
_GONE = 410

Clock = Callable[[], dt.datetime]


@app.task(name="deliver_webhooks")
def deliver_webhooks(endpoint_id: str) -> None:
    deliver_due(uuid.UUID(endpoint_id))


def deliver_due(endpoint_id: uuid.UUID, *, clock: Clock = timezone.now) -> int:
    """Send what is due at an endpoint, for a while; return how many attempts were made. Whatever is left is seen to by a job."""
    until, sent = time.monotonic() + _RUN_SECONDS, 0
    while made := _deliver_some(endpoint_id, clock):
        sent += made
        if time.monotonic() > until:
            wake(endpoint_id)
            return sent
    if made is None or sent:
        wake(endpoint_id, at=timezone.now() + _LOOK_AGAIN)
    return sent


def wake(endpoint_id: uuid.UUID, at: dt.datetime | None = None) -> None:
    """Have a worker look after an endpoint's queue, now or at a time; of those for the same five seconds one is enough."""
    slot = f" {int(at.timestamp()) // 5}" if at else ""
    jobs.defer(
        deliver_webhooks,
        at=at,
        queueing_lock=f"webhooks {endpoint_id}{slot}",
        endpoint_id=str(endpoint_id),
    )


def wake_all_due(*, now: dt.datetime) -> int:
    """Wake every endpoint that something is due at: what makes up for any job that was lost."""
    due = WebhookDelivery.objects.filter(
        status=WebhookDelivery.Status.PENDING,
        next_attempt_at__lte=now,
        endpoint__state=WebhookEndpoint.State.ENABLED,
    )
    endpoints = due.order_by().values_list("endpoint_id", flat=True).distinct()
    for endpoint_id in endpoints:
        wake(endpoint_id)
    return len(endpoints)


def delete_old(*, now: dt.datetime) -> int:
    """Delete deliveries that ended a month ago, with their attempts; return how many that were."""
    old = WebhookDelivery.objects.filter(created_at__lt=now - KEPT).exclude(
        status=WebhookDelivery.Status.PENDING
    )
    _, deleted = old.delete()
    return deleted.get("licensing.WebhookDelivery", 0)


def payload_of(event: Event) -> dict[str, Any]:
    """Return what is told of an event: as the management API tells it, less what was erased by now and less where it came from."""
    return {
        "type": event.action,
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "id": str(event.pk),
            "application": str(event.application_id),
            "license": str(event.license_id) if event.license_id else None,
            "actor": {
                "kind": event.actor_kind,
                "email": event.actor_email,
                "token": event.actor_token_id,
            },
            "target": {
                "type": event.target_type,
                "id": str(event.target_id),
                "label": event.target_label,
            },
            "before": event.full_before,
            "after": event.full_after,
        },
    }


@dataclasses.dataclass(slots=True)
class _Result:
    """What came of one attempt, and how its delivery goes on."""

    delivery: WebhookDelivery
    attempt: WebhookAttempt
    rest: dt.timedelta | None = None

    @property
    def succeeded(self) -> bool:
        return self.attempt.status is not None and 200 <= self.attempt.status < 300

    @property
    def is_gone(self) -> bool:
        return self.attempt.status == _GONE


def _deliver_some(endpoint_id: uuid.UUID, clock: Clock) -> int | None:
    """Make some attempts and put down what came of them; None while somebody else does so."""
    with transaction.atomic():
        if not _is_ours(endpoint_id):
            return None
        now = clock()
        endpoint = (
            WebhookEndpoint.objects.filter(pk=endpoint_id, state=WebhookEndpoint.State.ENABLED)
            .select_related("application")
            .first()
        )
        if endpoint is None or (endpoint.resting_until and endpoint.resting_until > now):
            return 0
        pending = endpoint.deliveries.filter(
            status=WebhookDelivery.Status.PENDING, next_attempt_at__lte=now
        )
        due = list(pending.order_by("event_id")[:_BATCH_MAX])
        events = Event.objects.with_persons().in_bulk([delivery.event_id for delivery in due])
        removed = [delivery.pk for delivery in due if delivery.event_id not in events]
        if removed:
            _give_up(removed)
        told = [delivery for delivery in due if delivery.event_id in events]
        results = _attempt(endpoint, told, events, clock)
        if results:
            _put_down(endpoint, results, clock())
        return len(results) + len(removed)


def _give_up(ids: list[uuid.UUID]) -> None:
    """What waited at a paused endpoint until its event was removed for its age has nothing to tell any more."""
    WebhookDelivery.objects.filter(pk__in=ids).update(
        status=WebhookDelivery.Status.FAILED, next_attempt_at=None
    )


def _is_ours(endpoint_id: uuid.UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_SPACE, str(endpoint_id)]
        )
        return bool(cursor.fetchone()[0])


def _attempt(
    endpoint: WebhookEndpoint,
    due: list[WebhookDelivery],
    events: Mapping[uuid.UUID, Event],
    clock: Clock,
) -> list[_Result]:
    if not due:
        return []
    secrets = WebhookSecret.objects.filter(endpoint=endpoint).usable(clock())
    keys = [key for secret in secrets for key in secret.signing_keys()]
    started, results = time.monotonic(), list[_Result]()
    for delivery in due:
        results.append(_send(endpoint, delivery, events[delivery.event_id], keys, clock()))
        last = results[-1]
        if last.rest or last.is_gone or time.monotonic() - started > _BATCH_SECONDS:
            break
    return results


def _send(
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    event: Event,
    keys: Iterable[str],
    now: dt.datetime,
) -> _Result:
    body = json.dumps(payload_of(event), ensure_ascii=False, separators=(",", ":"))
    timestamp = int(now.timestamp())
    signatures = webhook_signatures.signatures(
        keys, id=str(event.pk), timestamp=timestamp, body=body.encode()
    )
    headers = {
        "content-type": "application/json",
        "user-agent": "Lockence-Webhooks/1",
        "webhook-id": str(event.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures,
    }
    attempt = WebhookAttempt(
        application_id=delivery.application_id,
        delivery=delivery,
        attempted_at=now,
        request_headers=headers,
        request_body=body,
    )
    result, started = _Result(delivery, attempt), time.monotonic()
    try:
        answer = outgoing.post(endpoint.url, body=body.encode(), headers=headers)
    except (outgoing.RefusedAddressError, outgoing.OutgoingError) as error:
        attempt.error = str(error)[:200]
    else:
        attempt.status = answer.status
        attempt.response_headers = _kept(answer)
        attempt.response_body = _readable(answer.body)
        result.rest = _rest_of(answer, now)
    attempt.milliseconds = int((time.monotonic() - started) * 1000)
    return result


def _put_down(endpoint: WebhookEndpoint, results: list[_Result], now: dt.datetime) -> None:
    for result in results:
        _go_on(result, now)
    WebhookAttempt.objects.bulk_create(result.attempt for result in results)
    WebhookDelivery.objects.bulk_update(
        [result.delivery for result in results],
        ["status", "failures", "next_attempt_at", "delivered_at"],
    )
    for at in sorted({at for result in results if (at := result.delivery.next_attempt_at)}):
        wake(endpoint.pk, at)
    _judge(endpoint, results[-1], now)


def _go_on(result: _Result, now: dt.datetime) -> None:
    delivery = result.delivery
    if result.succeeded:
        delivery.status, delivery.delivered_at = WebhookDelivery.Status.DELIVERED, now
        delivery.next_attempt_at = None
    elif delivery.failures < len(RETRIES):
        delivery.next_attempt_at = now + max(
            RETRIES[delivery.failures], result.rest or dt.timedelta()
        )
        delivery.failures += 1
    else:
        delivery.status, delivery.next_attempt_at = WebhookDelivery.Status.FAILED, None
        delivery.failures += 1


def _judge(endpoint: WebhookEndpoint, last: _Result, now: dt.datetime) -> None:
    """Put down how the endpoint itself does, by its last answer."""
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if last.succeeded:
        rows.exclude(failing_since=None, resting_until=None).update(
            failing_since=None, resting_until=None
        )
        return
    resting_until = now + last.rest if last.rest else None
    rows.update(failing_since=Coalesce(F("failing_since"), now), resting_until=resting_until)
    if resting_until:
        wake(endpoint.pk, resting_until)
    if last.is_gone:
        _disable(endpoint, "It answered that it is gone (410)")
    elif endpoint.failing_since and endpoint.failing_since <= now - FAILING_MAX:
        _disable(endpoint, "It took nothing for a week")


def _disable(endpoint: WebhookEndpoint, reason: str) -> None:
    enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, state=WebhookEndpoint.State.ENABLED)
    if not enabled.update(state=WebhookEndpoint.State.DISABLED):
        return
    record(
        "webhook_endpoint.disabled",
        target=endpoint,
        actor=SYSTEM,
        application=endpoint.application,
        after={"reason": reason},
    )
    responsible = endpoint.application.team.memberships.filter(role__in=(Role.OWNER, Role.ADMIN))
    addresses = list(responsible.order_by("id").values_list("user__email", flat=True))
    transaction.on_commit(lambda: _tell(addresses, endpoint, reason))


def _tell(addresses: list[str], endpoint: WebhookEndpoint, reason: str) -> None:
    for address in addresses:
        try:
            mails.send_webhook_disabled(
                address,
                application=endpoint.application.name,
                endpoint=str(endpoint),
                reason=reason,
                url=f"{settings.SITE_URL}{reverse('webhook', args=[endpoint.application_id, endpoint.pk])}",
            )
        except OSError:
            # The endpoint's page says it as well, and deliveries to others must go on.
            logger.exception("A mail about a disabled webhook could not be sent")


def _rest_of(answer: outgoing.Answer, now: dt.datetime) -> dt.timedelta | None:
    """Return how long a refusal asks us to wait (RFC 9110, section 10.2.3), None when it does not."""
    wanted = answer.headers.get("retry-after", "").strip()
    if 200 <= answer.status < 300 or not wanted:
        return None
    if re.fullmatch("[0-9]{1,9}", wanted):
        rest = dt.timedelta(seconds=int(wanted))
    else:
        try:
            at = parsedate_to_datetime(wanted)
        except (ValueError, OverflowError):
            return None
        rest = at - now if at.tzinfo else at.replace(tzinfo=dt.UTC) - now
    return min(rest, REST_MAX) if rest > dt.timedelta() else None


def _kept(answer: outgoing.Answer) -> dict[str, str]:
    headers = list(answer.headers.items())[:_HEADERS_KEPT]
    return {
        _readable(name.encode())[:200]: _readable(value.encode())[:1_000] for name, value in headers
    }


def _readable(octets: bytes) -> str:
    """Return octets as text that PostgreSQL can keep."""
    return octets.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
