"""The handbook's example of each webhook is what was really delivered: everything is done once, and compared with the page.

`LOCKENCE_WRITE_EXAMPLES=1 ./dev test tests/licensing/webhooks/test_examples.py` writes what was delivered into the page.
"""

import datetime as dt
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import Team, User
from licensing import (
    access_rules,
    applications,
    bulk,
    devices,
    entitlements,
    events,
    licenses,
    management_tokens,
    named_users,
    own_words,
    policies,
    renewals,
    sessions,
    signing_keys,
    transfers,
    trials,
    variables,
    webhook_delivery,
    webhook_events,
    webhooks,
)
from licensing.events import Actor, user_actor
from licensing.models import Application, Event, Policy, WebhookEndpoint
from licensing.scopes import Scope
from tests import factories
from tests.jobs import run_due_jobs

PAGE = Path(settings.BASE_DIR) / "docs" / "webhook-events.md"
EXAMPLE = re.compile(r"^## (\S+)\n(.*?```json\n)(.*?)(```)", re.DOTALL | re.MULTILINE)
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def developer(db: None) -> User:
    return factories.make_user("ada@example.com")


def test_every_example_is_what_was_delivered(
    team: Team, developer: User, httpserver: HTTPServer
) -> None:
    arrived: dict[str, Any] = {}

    def hear(request: Request) -> Response:
        payload = json.loads(request.get_data())
        arrived.setdefault(payload["type"], payload)
        return Response()

    httpserver.expect_request("/in").respond_with_handler(hear)
    httpserver.expect_request("/gone").respond_with_data(status=410)
    actor = user_actor(developer)
    application = applications.create_application(team=team, name="Game", actor=actor)
    endpoint = make_endpoint(application, httpserver.url_for("/in"), actor)
    do_everything(application, endpoint, httpserver.url_for("/gone"), actor)
    while webhook_delivery.deliver_due(endpoint.pk):
        pass
    # Nobody hears of it: an endpoint is made later.
    created = Event.objects.get(action="application.created", application_id=application.pk)
    arrived["application.created"] = webhook_delivery.payload_of(created)

    assert sorted(arrived) == sorted(webhook_events.ACTIONS)
    delivered = {name: made_plain(arrived[name]) for name in sorted(arrived)}
    if os.environ.get("LOCKENCE_WRITE_EXAMPLES"):
        write(delivered)

    shown = {name: json.loads(text) for name, _, text, _ in EXAMPLE.findall(PAGE.read_text())}
    assert shown == delivered


def do_everything(
    application: Application, endpoint: WebhookEndpoint, gone_url: str, actor: Actor
) -> None:
    """Every act that the audit log of an application knows, by the verbs that pages and scripts call."""
    about_the_application(application, actor)
    policy = about_policies_and_entitlements(application, actor)
    about_licenses(application, policy, actor)
    about_programs(application, actor)
    about_many_licenses(application, actor)
    about_webhooks(application, endpoint, gone_url, actor)


def about_the_application(application: Application, actor: Actor) -> None:
    now = timezone.now()
    applications.rename_application(application=application, name="Game 2", actor=actor)
    applications.disable_application(application=application, actor=actor)
    applications.enable_application(application=application, actor=actor)
    old = application.api_keys.get()
    overlap = dt.timedelta(days=30)
    applications.rotate_api_key(application=application, overlap=overlap, actor=actor, now=now)
    old.refresh_from_db()
    applications.retire_api_key(api_key=old, actor=actor, now=now)
    own_words.choose_words(
        application=application,
        code="license_expired",
        language="de",
        text="Ihr Abo ist abgelaufen.",
        actor=actor,
        now=now,
    )
    following = application.signing_keys.get(state="next")
    signing_keys.replace_signing_key(signing_key=following, actor=actor)
    following = application.signing_keys.get(state="next")
    signing_keys.promote_signing_key(signing_key=following, actor=actor)
    previous = application.signing_keys.get(state="previous")
    signing_keys.retire_signing_key(signing_key=previous, actor=actor)
    token = management_tokens.create_token(
        team=application.team,
        application=application,
        name="Web shop",
        scopes=[Scope.LICENSES_WRITE],
        actor=actor,
        now=now,
    ).token
    management_tokens.revoke_token(token=token, actor=actor, now=now)
    variable = variables.create_variable(
        application=application, name="SERVER", value="eu-1", actor=actor, now=now
    )
    variables.change_variable(
        variable=variable, value="eu-2", entitlement=None, actor=actor, now=now
    )
    variables.reveal_variable(variable=variable, actor=actor)
    variables.delete_variable(variable=variable, actor=actor)


def about_policies_and_entitlements(application: Application, actor: Actor) -> Policy:
    policy = policies.create_policy(
        application=application,
        rules=policies.Rules(name="Pro", duration_seconds=31_536_000, devices_max=3),
        actor=actor,
    )
    policies.change_some_rules(policy=policy, changes={"devices_max": 5}, actor=actor)
    policies.make_default_policy(policy=policy, actor=actor)
    unused = policies.create_policy(
        application=application, rules=policies.Rules(name="Beta"), actor=actor
    )
    policies.delete_policy(policy=unused, actor=actor)
    pages = entitlements.create_entitlement(
        application=application, name="pages", kind="metered", period="month", actor=actor
    )
    entitlements.describe_entitlement(entitlement=pages, description="Pages a month", actor=actor)
    entitlements.grant_to_policy(policy=policy, entitlement=pages, value=100, actor=actor)
    license = factories.make_license(application, policy=policy)
    entitlements.grant_to_license(license=license, entitlement=pages, value=500, actor=actor)
    entitlements.set_usage(
        license=license, entitlement=pages, used=5, actor=actor, now=timezone.now()
    )
    entitlements.take_from_license(license=license, entitlement=pages, actor=actor)
    entitlements.take_from_policy(policy=policy, entitlement=pages, actor=actor)
    other = entitlements.create_entitlement(
        application=application, name="export", kind="boolean", actor=actor
    )
    entitlements.delete_entitlement(entitlement=other, actor=actor)
    policy.refresh_from_db()
    return policy


def about_licenses(application: Application, policy: Policy, actor: Actor) -> None:
    now = timezone.now()
    trial = factories.make_policy(application, name="Trial", duration_seconds=86_400, is_trial=True)
    terms = licenses.LicenseTerms(username="Grace", email="grace@example.com")
    license = licenses.issue_licenses(
        policy=trial, count=1, terms=terms, actor=actor, now=now
    ).licenses.get()
    factories.open_session(license)
    trials.reset_trial(license=license, actor=actor)
    renewals.convert_trial(license=license, policy=policy, actor=actor, now=now)
    licenses.change_some_terms(license=license, changes={"devices_max": 2}, actor=actor)
    license.refresh_from_db()
    renewals.renew_license(license=license, actor=actor, now=now)
    licenses.extend_license(license=license, expires_at=now + 30 * A_DAY, actor=actor, now=now)
    licenses.suspend_license(license=license, actor=actor)
    licenses.restore_license(license=license, actor=actor)
    licenses.reveal_license_key(license=license, actor=actor)
    transfers.transfer_license(
        license=license, username="Alan", email="alan@example.com", actor=actor, now=now
    )
    licenses.revoke_license(license=license, actor=actor, now=now, reason="Paid back")
    licenses.reinstate_license(license=license, actor=actor)
    events.forget_customer(license=license, actor=actor)
    licenses.revoke_license(license=license, actor=actor, now=now)
    licenses.delete_license(license=license, actor=actor)
    licenses.record_export(application=application, actor=actor, state="active")


def about_programs(application: Application, actor: Actor) -> None:
    now = timezone.now()
    floating = factories.make_policy(
        application, name="Floating", sessions_max=1, sessions_overdraft=1, devices_max=5,
        borrow_max_seconds=86_400,
    )  # fmt: skip
    license = factories.make_license(application, policy=floating)
    token = factories.open_session(license, device_name="Desktop")
    factories.open_session(license, "device-2")
    api_key = factories.api_key_of(application)
    sessions.borrow_session(api_key=api_key, session_token=token, until=now + A_DAY / 2)
    session = license.sessions.latest("id")
    sessions.end_session(session=session, actor=actor, now=now)
    devices.release_device(device=session.device, actor=actor, now=now)
    moved = factories.make_license(
        application,
        policy=factories.make_policy(application, name="Offline", license_file_seconds=3_600),
    )
    token = factories.open_session(moved)
    devices.release_own_device(api_key=api_key, session_token=token)
    devices.release_device(device=moved.devices.get(), actor=actor, now=now)
    rule = access_rules.create_rule(
        application=application, kind="country", value="KP", actor=actor
    )
    access_rules.delete_rule(rule=rule, actor=actor)
    named = factories.make_license(
        application, policy=factories.make_policy(application, name="Named", users_max=2)
    )
    factories.open_session(named, user_name="grace")
    named_users.remove_user(user=named.named_users.get(), actor=actor, now=now)
    drifting = factories.make_license(application)
    for disk in ("old", "new"):
        parts = {"board": "1", "mac": "2", "disk": disk}
        factories.open_session(drifting, f"1-2-{disk}", components=parts)


def about_many_licenses(application: Application, actor: Actor) -> None:
    now = timezone.now()
    jobs = [
        bulk.issue_in_bulk(policy=application.default_policy(), count=2, actor=actor, now=now)
        for _ in range(2)
    ]
    bulk.cancel_job(job=jobs[0], actor=actor, now=now)
    run_due_jobs()


def about_webhooks(
    application: Application, endpoint: WebhookEndpoint, gone_url: str, actor: Actor
) -> None:
    now = timezone.now()
    webhooks.change_endpoint(
        endpoint=endpoint,
        url=endpoint.url,
        events=endpoint.events,
        description="Web shop, new",
        actor=actor,
    )
    webhooks.pause_endpoint(endpoint=endpoint, actor=actor)
    webhooks.enable_endpoint(endpoint=endpoint, actor=actor)
    webhooks.rotate_secret(endpoint=endpoint, actor=actor, now=now)
    webhooks.reveal_secret(endpoint=endpoint, actor=actor)
    webhooks.send_test(endpoint=endpoint, actor=actor, now=now)
    webhook_delivery.deliver_due(endpoint.pk)
    webhooks.replay(delivery=endpoint.deliveries.latest("id"), actor=actor, now=timezone.now())
    gone = make_endpoint(application, gone_url, actor)
    webhooks.send_test(endpoint=gone, actor=actor, now=now)
    webhook_delivery.deliver_due(gone.pk)
    webhooks.delete_endpoint(endpoint=gone, actor=actor)


def make_endpoint(application: Application, url: str, actor: Actor) -> WebhookEndpoint:
    return webhooks.create_endpoint(
        application=application, url=url, events=["*"], description="Web shop", actor=actor
    )


# What is made of random keys.
_SAME = {
    "key_last5": "7QX2M",
    "fingerprint": "3f9a1c27",
    "keyid": "Bcabe8x2F4gPZDyI6jvykiRS8wNlKr6fGMHcFpZP6-8",
}


def made_plain(payload: Any) -> Any:
    """Put what differs each time the same for all: ids in their order, moments, ends of keys, ports."""
    ids: dict[str, str] = {}

    def id_of(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], f"018f3c60-aa10-7d20-9a55-{len(ids) + 1:012}")

    def plain(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {name: plain(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [plain(member) for member in value]
        if not isinstance(value, str):
            return value
        if name in _SAME:
            return _SAME[name]
        for pattern, same in (
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id_of),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", "2026-11-25T12:00:00.123456"),
            (r"…\w{5}", "…7QX2M"),
            (r"http://(localhost|127\.0\.0\.1):\d+", "https://hooks.example"),
            (r"^device \w+$", "device 3f9a1c27"),
            (r"(signing key) [\w-]{8}…", r"\1 Bcabe8x2…"),
        ):
            value = re.sub(pattern, same, value)
        return value

    return plain(payload)


def write(delivered: dict[str, Any]) -> None:
    def example(found: re.Match[str]) -> str:
        told = json.dumps(delivered[found[1]], indent=2, ensure_ascii=False)
        return f"## {found[1]}\n{found[2]}{told}\n{found[4]}"

    PAGE.write_text(EXAMPLE.sub(example, PAGE.read_text()))
