"""Acts on webhook endpoints, their secrets and what was sent to them. What happens by itself is in webhook_delivery.py."""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction

from accounts.ids import uuid7
from licensing import errors, outgoing, webhook_delivery, webhook_events, webhook_signatures
from licensing.events import Actor, record
from licensing.models import Application, Event, WebhookDelivery, WebhookEndpoint, WebhookSecret
from licensing.models.webhook import PRIVATE_KEY, SECRET

# Each takes its share of every act's transaction.
ENDPOINTS_MAX = 20
OVERLAP_MAX = dt.timedelta(days=30)
OVERLAP_DEFAULT = dt.timedelta(days=1)
# What one replay of a range takes up again; the next one goes on from there.
REPLAYED_MAX = 10_000

_State = WebhookEndpoint.State
_Status = WebhookDelivery.Status


@transaction.atomic
def create_endpoint(
    *,
    application: Application,
    url: str,
    events: Collection[str],
    description: str = "",
    actor: Actor,
    id: uuid.UUID | None = None,
) -> WebhookEndpoint:
    """Make an endpoint with its first secret; events are sent to it from now on.

    `id` is chosen by the asker: asking twice with the same one creates once. Raises InvalidRequestError for an address that nothing
    may be sent to, an unknown event, and when the application has ENDPOINTS_MAX already.
    """
    facts = {"url": _checked_url(url), "events": webhook_events.checked(events)}
    Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    endpoint, is_new = WebhookEndpoint.objects.get_or_create(
        id=id or uuid7(),
        defaults={"application": application, "description": description, **facts},
    )
    if endpoint.application_id != application.pk:
        raise errors.InvalidRequestError("id is taken")
    if not is_new:
        return endpoint
    if application.webhook_endpoints.count() > ENDPOINTS_MAX:
        raise errors.InvalidRequestError(f"An application may have {ENDPOINTS_MAX} endpoints")
    _create_secret(endpoint)
    _record("webhook_endpoint.created", endpoint, actor, after=_told(facts))
    return endpoint


@transaction.atomic
def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    url: str,
    events: Collection[str],
    description: str,
    actor: Actor,
) -> bool:
    """Change where and what is sent; return False when nothing of it is new. Raises InvalidRequestError as creating does."""
    wanted = {
        "url": _checked_url(url),
        "events": webhook_events.checked(events),
        "description": description,
    }
    locked = _locked(endpoint)
    changes = {name: value for name, value in wanted.items() if getattr(locked, name) != value}
    before = {name: getattr(locked, name) for name in changes}
    for name, value in changes.items():
        setattr(endpoint, name, value)
    if changes:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes)
        _record(
            "webhook_endpoint.changed",
            endpoint,
            actor,
            before=_told(before),
            after=_told(changes),
        )
    return bool(changes)


def pause_endpoint(*, endpoint: WebhookEndpoint, actor: Actor) -> bool:
    """Send nothing for now; events wait. Returns False when it is paused already, or disabled."""
    return _move(endpoint, [_State.ENABLED], _State.PAUSED, "webhook_endpoint.paused", actor)


def enable_endpoint(*, endpoint: WebhookEndpoint, actor: Actor) -> bool:
    """Send again, what waited first; return False when it is enabled already.

    Events pass a disabled endpoint by: `replay_range` takes them up.
    """
    return _move(
        endpoint,
        [_State.PAUSED, _State.DISABLED],
        _State.ENABLED,
        "webhook_endpoint.enabled",
        actor,
    )


@transaction.atomic
def delete_endpoint(*, endpoint: WebhookEndpoint, actor: Actor) -> bool:
    """Delete an endpoint with its secrets and all that was kept of its deliveries; return False when it is gone already."""
    if not WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk).exists():
        return False
    id = endpoint.pk
    endpoint.delete()
    endpoint.pk = id
    _record("webhook_endpoint.deleted", endpoint, actor)
    return True


@transaction.atomic
def rotate_secret(
    *,
    endpoint: WebhookEndpoint,
    overlap: dt.timedelta = OVERLAP_DEFAULT,
    actor: Actor,
    now: dt.datetime,
    replaces: uuid.UUID | None = None,
) -> WebhookSecret:
    """Make a new secret and key pair; those before sign as well for `overlap` longer (none: not at all).

    `replaces` is the id of the secret that the asker saw: once another has taken its place, that one is returned and nothing
    changes. Raises InvalidRequestError when the overlap is negative or longer than 30 days.
    """
    if not dt.timedelta(0) <= overlap <= OVERLAP_MAX:
        raise errors.InvalidRequestError("overlap must be between 0 and 30 days")
    _locked(endpoint)
    secrets = WebhookSecret.objects.filter(endpoint=endpoint)
    if replaces and not secrets.current().filter(pk=replaces).exists():
        return secrets.current().get()
    # Two sign at a time: one that was replaced before ends now.
    secrets.exclude(expires_at=None).delete()
    secrets.current().update(expires_at=now + overlap)
    secret = _create_secret(endpoint)
    _record(
        "webhook_endpoint.secret_rotated",
        endpoint,
        actor,
        after={"overlap_seconds": int(overlap.total_seconds())},
    )
    return secret


@transaction.atomic
def reveal_secret(*, endpoint: WebhookEndpoint, actor: Actor) -> str:
    """Return the current secret in clear, and write down who saw it."""
    secret = WebhookSecret.objects.filter(endpoint=endpoint).current().get().reveal()
    _record("webhook_endpoint.secret_revealed", endpoint, actor)
    return secret


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, actor: Actor, now: dt.datetime) -> WebhookDelivery:
    """Send an event of its own, `webhook_endpoint.tested`, to an endpoint, whatever its filter lets through."""
    event = _record("webhook_endpoint.tested", endpoint, actor)
    delivery, _ = WebhookDelivery.objects.get_or_create(
        endpoint=endpoint,
        event_id=event.pk,
        defaults={
            "application_id": endpoint.application_id,
            "action": event.action,
            "next_attempt_at": now,
            "created_at": now,
        },
    )
    return delivery


@transaction.atomic
def replay(*, delivery: WebhookDelivery, actor: Actor, now: dt.datetime) -> bool:
    """Send one event once more, at once and with the same id; return False when it is about to be sent anyway."""
    queued = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(
        status=_Status.PENDING, next_attempt_at__lte=now
    )
    if not queued.update(
        status=_Status.PENDING, failures=0, next_attempt_at=now, delivered_at=None
    ):
        return False
    _record(
        "webhook_endpoint.replayed",
        delivery.endpoint,
        actor,
        after={"event": str(delivery.event_id)},
    )
    webhook_delivery.wake(delivery.endpoint_id)
    return True


@transaction.atomic
def replay_range(
    *,
    endpoint: WebhookEndpoint,
    since: dt.datetime,
    until: dt.datetime,
    actor: Actor,
    now: dt.datetime,
) -> int:
    """Send everything that happened from `since` until just before `until` once more, oldest first; return how many events.

    What passed the endpoint by is sent as well, by the filter of today. Raises InvalidRequestError when the range is empty, or holds
    more than REPLAYED_MAX events.
    """
    if since >= until:
        raise errors.InvalidRequestError("since must be before until")
    with connection.cursor() as cursor:
        cursor.execute(
            _REPLAY,
            {
                "endpoint_id": endpoint.pk,
                "since": since,
                "until": until,
                "now": now,
                "rows_max": REPLAYED_MAX + 1,
            },
        )
        count = int(cursor.rowcount)
    if count > REPLAYED_MAX:
        raise errors.InvalidRequestError(
            f"More than {REPLAYED_MAX:,} events happened in that time: take a shorter one"
        )
    if count:
        facts = {"since": since, "until": until, "events": count}
        _record("webhook_endpoint.replayed", endpoint, actor, after=facts)
        webhook_delivery.wake(endpoint.pk)
    return count


def _move(
    endpoint: WebhookEndpoint,
    allowed: list[WebhookEndpoint.State],
    state: WebhookEndpoint.State,
    action: str,
    actor: Actor,
) -> bool:
    with transaction.atomic():
        moved = WebhookEndpoint.objects.filter(pk=endpoint.pk, state__in=allowed).update(
            state=state, failing_since=None, resting_until=None
        )
        if moved:
            endpoint.state = state
            _record(action, endpoint, actor)
            webhook_delivery.wake(endpoint.pk)
    return bool(moved)


def _checked_url(url: str) -> str:
    if fault := outgoing.url_fault(url):
        raise errors.InvalidRequestError(f"url {fault}")
    return url


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the log may tell for ever: where an address leads, and not what is hidden in its path."""
    return {
        name: urlsplit(str(value)).hostname if name == "url" else value
        for name, value in facts.items()
        if name != "description"
    }


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def _create_secret(endpoint: WebhookEndpoint) -> WebhookSecret:
    row, private_key = uuid7(), webhook_signatures.new_private_key()
    return WebhookSecret.objects.create(
        id=row,
        application_id=endpoint.application_id,
        endpoint=endpoint,
        secret_ciphertext=SECRET.encrypt(webhook_signatures.new_secret(), row),
        private_ciphertext=PRIVATE_KEY.encrypt(private_key, row),
        public_key=webhook_signatures.public_key_of(private_key),
    )


def _record(
    action: str,
    endpoint: WebhookEndpoint,
    actor: Actor,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Event:
    return record(
        action,
        target=endpoint,
        actor=actor,
        application=endpoint.application,
        before=before,
        after=after,
    )


_REPLAY = """
    INSERT INTO licensing_webhookdelivery AS delivery (
        id, application_id, endpoint_id, event_id, action, status, failures, next_attempt_at, created_at
    )
    SELECT licensing_uuid7(), endpoint.application_id, endpoint.id, event.id, event.action, 'pending', 0,
        %(now)s, %(now)s
    FROM licensing_webhookendpoint endpoint
    JOIN accounts_event event ON event.application_id = endpoint.application_id
    WHERE endpoint.id = %(endpoint_id)s
        AND event.created_at >= %(since)s AND event.created_at < %(until)s
        AND endpoint.events && ARRAY['*', event.action, split_part(event.action, '.', 1) || '.*']::varchar[]
    ORDER BY event.id
    LIMIT %(rows_max)s
    ON CONFLICT (endpoint_id, event_id) DO UPDATE
    SET status = 'pending', failures = 0, next_attempt_at = %(now)s, delivered_at = NULL
"""
