"""How the dashboard writes states, limits, durations and events."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any, Protocol

from django import template
from django.template.defaultfilters import pluralize
from django.utils import timezone

from accounts.models import Event, Membership
from licensing.fields import number_and_unit
from licensing.models import (
    License,
    LicenseEntitlement,
    ManagementToken,
    Policy,
    PolicyEntitlement,
)
from licensing.revealing import revealed

register = template.Library()


class HasState(Protocol):
    def state(self, at: dt.datetime) -> str: ...


@register.filter
def state_at(row: HasState, moment: dt.datetime) -> str:
    """The state of a license or session at a moment."""
    return row.state(moment)


@register.filter
def places_held_at(license: License, moment: dt.datetime) -> int:
    """How many places of a license are kept for released devices whose license files have not ended."""
    return len(license.held_places(moment))


@register.simple_tag
def tokens_left_by(member: Membership, moment: dt.datetime) -> list[ManagementToken]:
    """The management tokens that a member made and that are good at a moment: they go on working when their maker leaves."""
    return list(
        ManagementToken.objects.made_by(member).usable(moment).select_related("application")
    )


@register.filter
def limit(count: int | None, none: str = "no limit") -> str:
    """A limit in figures, or the words for none."""
    return none if count is None else f"{count:,}"


@register.filter
def duration(seconds: int | None, none: str = "for ever") -> str:
    """A time in seconds as people say it: "30 days"."""
    if not seconds:
        return none
    number, unit = number_and_unit(seconds)
    return f"{number:,} {unit if number > 1 else unit[:-1]}"


@register.filter
def versions(row: Policy | License) -> str:
    """For which versions of the program a policy, or a license under its own, is good."""
    policy = row.policy if isinstance(row, License) else row
    lowest = row.app_version_min or policy.app_version_min
    highest = row.app_version_max or policy.app_version_max
    if lowest and highest:
        return f"{lowest} to {highest}"
    return f"From {lowest}" if lowest else f"Up to {highest}" if highest else "Any"


@register.filter
def warning_at(license: License, moment: dt.datetime) -> str:
    """What programs are warned of at a moment, in words."""
    return _WARNINGS.get(license.warning(moment), "")


@register.filter
def concealed(last5: str) -> str:
    """A license key of which only the end is known."""
    return f"•••••-•••••-•••••-{last5}"


register.filter("revealed", revealed)


@register.filter
def granted(word: PolicyEntitlement | LicenseEntitlement) -> str:
    """How much of an entitlement a policy or license says there is: "Yes", "12", "100 a month", "no limit"."""
    entitlement, value = word.entitlement, word.value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    amount = f"{value:,}" if isinstance(value, int) else "no limit" if value is None else str(value)
    return f"{amount}{_PER[entitlement.period]}" if entitlement.is_metered else amount


@register.filter
def pretty_json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


@register.filter
def event_words(event: Event) -> str:
    """What happened, in words; an action that has none yet is shown as it is written."""
    words = _WORDS.get(event.action, event.action.replace("_", " ").replace(".", " ").capitalize())
    if event.action == "licenses.issued":
        count = int(event.after.get("count", 0))
        return f"{count:,} license{pluralize(count)} generated"
    return words


@register.filter
def to_come(moment: dt.datetime | None) -> dt.datetime | None:
    """Return a moment that lies ahead, and nothing for one that has passed."""
    return moment if moment and moment > timezone.now() else None


@register.filter
def event_tone(event: Event) -> str:
    return _TONES.get(event.action, "")


@register.filter
def event_changes(event: Event) -> Iterator[tuple[str, str, str]]:
    """What changed: name, before (none for what is new), after (none for what is gone)."""
    changes = event.full_before, event.full_after
    for name in {**changes[0], **changes[1]}:
        before, after = (_written(name, facts[name]) if name in facts else "" for facts in changes)
        if name in _FIELDS and (before or after):
            yield _FIELDS[name], before, after


@register.filter
def event_actor(event: Event) -> str:
    if event.actor_kind == Event.ActorKind.USER:
        return event.actor_email or (event.actor.email if event.actor else "A former member")
    if event.actor_kind == Event.ActorKind.TOKEN:
        return f"Token “{event.actor_token_name}”"
    return {"program": "A program"}.get(event.actor_kind, "Lockence")


def _written(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, "", 0, {}):
        return _EMPTY.get(name, "")
    if name.endswith("_seconds"):
        return duration(value)
    if name.endswith(("_at", "_until")):
        return f"{dt.datetime.fromisoformat(value):%-d %b %Y, %H:%M} UTC"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


_WARNINGS = {
    "license_in_grace": "It works on grace",
    "license_fallen_back": "It works without entitlements",
}
_PER = {"never": "", "day": " a day", "week": " a week", "month": " a month", "year": " a year"}
_WORDS = {
    "application.created": "Application created",
    "application.renamed": "Application renamed",
    "application.enabled": "Application enabled",
    "application.words_chosen": "Own words for a refusal chosen",
    "application.disabled": "Application disabled",
    "api_key.rotated": "API key rotated",
    "api_key.retired": "Old API key retired",
    "signing_key.promoted": "Next signing key put to use",
    "signing_key.replaced": "Signing key replaced",
    "signing_key.retired": "Old signing key retired",
    "token.created": "Management token created",
    "token.revoked": "Management token revoked",
    "policy.created": "Policy created",
    "policy.changed": "Policy changed",
    "policy.made_default": "Default policy chosen",
    "policy.deleted": "Policy deleted",
    "policy.entitlement_set": "Entitlement of policy set",
    "policy.entitlement_removed": "Entitlement of policy removed",
    "access_rule.created": "Access rule added",
    "access_rule.deleted": "Access rule deleted",
    "variable.created": "Variable created",
    "variable.changed": "Variable changed",
    "variable.deleted": "Variable deleted",
    "variable.revealed": "Value of variable shown",
    "entitlement.created": "Entitlement created",
    "entitlement.described": "Entitlement described",
    "entitlement.deleted": "Entitlement deleted",
    "licenses.exported": "Whole license keys exported",
    "license.changed": "License changed",
    "license.extended": "End of license changed",
    "license.suspended": "License suspended",
    "license.restored": "License restored",
    "license.revoked": "License revoked",
    "license.reinstated": "License reinstated",
    "license.renewed": "License renewed",
    "license.converted": "Trial converted",
    "license.transferred": "License transferred",
    "license.trial_reset": "Trials forgotten",
    "license.user_named": "User named",
    "license.user_removed": "Named user removed",
    "license.key_revealed": "License key revealed",
    "license.entitlement_set": "Entitlement of license set",
    "license.entitlement_removed": "Own entitlement of license removed",
    "usage.set": "Count of use set",
    "team.created": "Team created",
    "team.renamed": "Team renamed",
    "member.invited": "Somebody invited",
    "member.joined": "Somebody joined",
    "member.role_changed": "Role changed",
    "member.removed": "Member removed",
    "member.left": "Member left",
    "invitation.declined": "Invitation declined",
    "invitation.withdrawn": "Invitation withdrawn",
    "license.history_erased": "Customer erased from the history",
    "events.exported": "Events exported",
    "device.bound": "Device bound",
    "device.drifted": "Device known again with other parts",
    "device.released": "Device released",
    "device.place_freed": "Place of a released device freed",
    "session.ended": "Session ended",
    "session.overdrawn": "Session opened on overdraft",
    "session.borrowed": "Seat borrowed",
    "webhook_endpoint.created": "Webhook endpoint created",
    "webhook_endpoint.changed": "Webhook endpoint changed",
    "webhook_endpoint.paused": "Webhook endpoint paused",
    "webhook_endpoint.enabled": "Webhook endpoint enabled",
    "webhook_endpoint.disabled": "Webhook endpoint disabled",
    "webhook_endpoint.deleted": "Webhook endpoint deleted",
    "webhook_endpoint.secret_rotated": "Webhook secret rotated",
    "webhook_endpoint.secret_revealed": "Webhook secret shown",
    "webhook_endpoint.tested": "Webhook endpoint tested",
    "webhook_endpoint.replayed": "Events sent once more",
}
_TONES = {
    "application.disabled": "bad",
    "access_rule.created": "warn",
    "token.created": "warn",
    "license.revoked": "bad",
    "license.suspended": "warn",
    "licenses.exported": "warn",
    "license.history_erased": "warn",
    "events.exported": "warn",
    "webhook_endpoint.disabled": "warn",
    "license.restored": "good",
    "license.reinstated": "good",
    "license.converted": "good",
    "application.enabled": "good",
    "device.bound": "good",
    "session.overdrawn": "warn",
}
_FIELDS = {
    "name": "name",
    "overlap_seconds": "the key before works for",
    "duration_seconds": "valid for",
    "clock_start": "time starts at",
    "devices_max": "limit of devices",
    "devices_released": "devices released",
    "sessions_max": "limit of sessions",
    "users_max": "limit of named users",
    "sessions_overflow": "one too many",
    "sessions_per": "sessions counted for",
    "hwid_matching": "parts that make a device",
    "parts": "parts that changed",
    "releases_max": "releases by programs",
    "releases_period_seconds": "counted in",
    "releases_pause_seconds": "time between releases",
    "sessions_overdraft": "overdraft",
    "borrow_max_seconds": "seats borrowed for",
    "borrowed_until": "borrowed until",
    "session_lifetime_seconds": "session lifetime",
    "heartbeat_interval_seconds": "heartbeat",
    "ends_at": "ends at",
    "renewal": "a renewal counts",
    "is_trial": "trial",
    "suspension_freezes_time": "a suspension freezes time",
    "reason": "reason",
    "code": "code",
    "language": "language",
    "text": "text",
    "grace_seconds": "grace period",
    "expiry_strategy": "after its end",
    "app_version_min": "from version",
    "app_version_max": "up to version",
    "download_url": "download link",
    "license_file_seconds": "license files",
    "policy": "policy",
    "username": "username",
    "email": "email",
    "role": "role",
    "note": "note",
    "metadata": "metadata",
    "expires_at": "ends",
    "effect": "list",
    "entitlement": "entitlement",
    "kind": "kind",
    "period": "starts anew",
    "value": "value",
    "used": "used",
    "description": "description",
    "url": "address",
    "events": "events",
    "since": "from",
    "until": "until",
}
_EMPTY = {
    "expires_at": "never",
    "duration_seconds": "for ever",
    "ends_at": "none",
    "grace_seconds": "none",
    "app_version_min": "any",
    "app_version_max": "any",
    "license_file_seconds": "none",
    "devices_max": "none",
    "devices_released": "0",
    "sessions_max": "none",
    "users_max": "none",
    "sessions_overdraft": "none",
    "releases_max": "none",
    "releases_pause_seconds": "none",
    "borrow_max_seconds": "not at all",
    "overlap_seconds": "no time",
    "username": "none",
    "email": "none",
    "note": "none",
    "metadata": "none",
    "value": "0",
    "used": "0",
}
