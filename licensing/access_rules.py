"""Acts on access rules: block in an application, allow on a license, and take either back.

Programs meet them in `session_statements.py`: with every call, from the next one on.
"""

import contextlib
import dataclasses
import ipaddress
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.ids import uuid7
from licensing import errors, hardware_ids, tokens
from licensing.countries import COUNTRIES
from licensing.events import Actor, record
from licensing.models import AccessRule, Application, Device, License
from licensing.models.access_rule import NOTE_MAX

_Kind = AccessRule.Kind
# Each call of a program of the application looks at all of them.
BLOCKS_MAX = 1_000
ALLOWANCES_MAX = 100
USER_MAX = 150
_FINGERPRINT = 8


@dataclasses.dataclass(frozen=True, slots=True)
class _Facts:
    """What a rule is about, as it is kept."""

    value: str
    digests: list[str] = dataclasses.field(default_factory=list)
    hwid_key_id: str = ""


def create_rule(
    *,
    application: Application,
    kind: str,
    value: str | Mapping[str, Any],
    license: License | None = None,
    note: str = "",
    actor: Actor,
    id: uuid.UUID | None = None,
) -> AccessRule:
    """Block in the application, or, on a license, let nobody else of this kind in. It counts from the next call on.

    `value` is a hardware id (or its parts), an address or network, a country's code of ISO 3166-1, or a user name. `id` is
    chosen by the asker: asking twice with the same one writes once. Raises InvalidRequestError when the value is none of its
    kind or on that list already, a user name has no license, or the list is full.
    """
    if license is not None and license.application_id != application.pk:
        raise errors.InvalidRequestError("license is another application's")
    return _write(application, license, kind, _facts(application.pk, kind, value), note, actor, id)


def block_device(*, device: Device, note: str = "", actor: Actor) -> AccessRule:
    """Block a device by what is kept of it, in its whole application; a rule that does so already is returned as it is."""
    digests = [f":{bytes(device.hwid_digest).hex()}", *device.components]
    facts = _Facts(device.fingerprint, digests, device.hwid_key_id)
    blocks = AccessRule.objects.filter(application=device.application_id, license=None)
    known = blocks.filter(kind=_Kind.HWID, digests__contains=digests[:1]).first()
    if known is not None:
        return known
    return _write(device.application, None, _Kind.HWID, facts, note, actor, None)


@transaction.atomic
def delete_rule(*, rule: AccessRule, actor: Actor) -> bool:
    """Take a rule back; return False when that was done already."""
    application = Application.objects.select_for_update(no_key=True).get(pk=rule.application_id)
    if not AccessRule.objects.filter(pk=rule.pk).delete()[0]:
        return False
    _tell_calls(application, has_rules=application.access_rules.exists())
    record(
        "access_rule.deleted",
        target=rule,
        actor=actor,
        application=application,
        license=rule.license,
        before=_told(rule),
    )
    return True


def _write(
    application: Application,
    license: License | None,
    kind: str,
    facts: _Facts,
    note: str,
    actor: Actor,
    id: uuid.UUID | None,
) -> AccessRule:
    if len(note) > NOTE_MAX:
        raise errors.InvalidRequestError(f"note must be {NOTE_MAX} characters at most")
    with _taken_or_gone_refused(), transaction.atomic():
        # The application's row is the lock: two at once neither pass the limit together nor say the same twice.
        held = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        rule, is_new = AccessRule.objects.get_or_create(
            id=id or uuid7(),
            defaults={
                "application": held,
                "license": license,
                "kind": kind,
                "note": note,
                **dataclasses.asdict(facts),
            },
        )
        if rule.application_id != application.pk:
            raise errors.InvalidRequestError("id is taken")
        if not is_new:
            return rule
        _refuse_too_many_and_twice(rule)
        _tell_calls(held, has_rules=True)
        record(
            "access_rule.created",
            target=rule,
            actor=actor,
            application=held,
            license=license,
            after=_told(rule),
        )
    return rule


def _refuse_too_many_and_twice(rule: AccessRule) -> None:
    listed = AccessRule.objects.filter(application=rule.application_id, license=rule.license_id)
    if rule.kind == _Kind.HWID:
        whole = [each for each in rule.digests if each.startswith(":")]
        if listed.exclude(pk=rule.pk).filter(digests__overlap=whole).exists():
            raise errors.InvalidRequestError("value is on this list already")
    count_max = BLOCKS_MAX if rule.license_id is None else ALLOWANCES_MAX
    if listed.count() > count_max:
        raise errors.InvalidRequestError(f"a list has at most {count_max:,} access rules")


def _tell_calls(application: Application, *, has_rules: bool) -> None:
    if application.has_access_rules != has_rules:
        Application.objects.filter(pk=application.pk).update(has_access_rules=has_rules)


def _told(rule: AccessRule) -> dict[str, Any]:
    return {"effect": rule.effect, "kind": rule.kind, "value": rule.shown, "note": rule.note}


@contextlib.contextmanager
def _taken_or_gone_refused() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "access_rule_stands_once" in str(error):
            raise errors.InvalidRequestError("value is on this list already") from error
        if "access_rule_about_users" in str(error):
            raise errors.InvalidRequestError(
                "kind user is for a license: name the license that only they may use"
            ) from error
        if "access_rule_kind_is_known" in str(error):
            raise errors.InvalidRequestError(
                "kind must be hwid, network, country or user"
            ) from error
        raise errors.NotFoundError("This license was deleted") from error


def _facts(application_id: uuid.UUID, kind: str, value: str | Mapping[str, Any]) -> _Facts:
    if kind == _Kind.HWID:
        return _device(application_id, value)
    if not isinstance(value, str):
        raise errors.InvalidRequestError(
            "value must be a text, unless it is a hardware id in parts"
        )
    if kind == _Kind.NETWORK:
        return _Facts(_network(value.strip()))
    if kind == _Kind.COUNTRY:
        return _Facts(_country(value.strip().upper()))
    if not 1 <= len(value) <= USER_MAX or "\0" in value:
        raise errors.InvalidRequestError(f"value must be 1 to {USER_MAX} characters long")
    return _Facts(value)


def _device(application_id: uuid.UUID, value: str | Mapping[str, Any]) -> _Facts:
    parts = {} if isinstance(value, str) else hardware_ids.checked_parts(value, "value")
    hwid = value if isinstance(value, str) else hardware_ids.whole(parts)
    # Parts in one text may be longer than any text.
    if not hwid or (not parts and len(hwid) > hardware_ids.TEXT_MAX):
        raise errors.InvalidRequestError(
            f"value must be a hardware id of 1 to {hardware_ids.TEXT_MAX} characters, or its parts"
        )
    current, other = tokens.device_digests(application_id, hwid, parts)
    digests = list(dict.fromkeys([*current, *other]))
    return _Facts(current[0][1 : 1 + _FINGERPRINT], digests, tokens.hwid_key_id())


def _network(text: str) -> str:
    try:
        # The name of a network card (RFC 4007, section 11) is part of no address that others see.
        network = ipaddress.ip_network(text.replace("%", "/"), strict=False)
    except ValueError as error:
        raise errors.InvalidRequestError(
            "value must be an address or a network, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
        ) from error
    if network.prefixlen == 0:
        raise errors.InvalidRequestError("value is every address: disable the application instead")
    address = text.partition("/")[0]
    if ipaddress.ip_address(address) != network.network_address:
        raise errors.InvalidRequestError(
            f"value has bits behind its length: {network} is the network, {address} the address"
        )
    if network.network_address.version == 6 and network.network_address.ipv4_mapped is not None:
        raise errors.InvalidRequestError("value is an IPv4 network: write it as one")
    return str(network)


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise errors.InvalidRequestError(
            "value must be the code of a country, ISO 3166-1 alpha-2, such as DE"
        )
    return code
