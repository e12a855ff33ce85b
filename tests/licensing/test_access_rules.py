"""Acts on access rules, by their verbs: what a rule may say, and that it is said once."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from licensing import access_rules, errors
from licensing.events import SYSTEM, history_of
from licensing.models import AccessRule, Application, Device, License
from tests import factories
from tests.threads import at_once


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.mark.parametrize(
    ("kind", "value", "kept", "shown"),
    [
        ("network", "203.0.113.7", "203.0.113.7/32", "203.0.113.7"),
        ("network", " 203.0.113.0/24 ", "203.0.113.0/24", "203.0.113.0/24"),
        ("network", "2001:DB8::/32", "2001:db8::/32", "2001:db8::/32"),
        ("network", "2001:db8::1", "2001:db8::1/128", "2001:db8::1"),
        ("country", "de", "DE", "DE"),
    ],
)
def test_a_value_is_kept_in_one_form(
    application: Application, kind: str, value: str, kept: str, shown: str
) -> None:
    rule = factories.make_access_rule(application, kind, value)

    assert (rule.value, rule.shown, rule.effect) == (kept, shown, "block")
    with pytest.raises(errors.InvalidRequestError, match="on this list already"):
        factories.make_access_rule(application, kind, value)
    license = factories.make_license(application)
    assert factories.make_access_rule(application, kind, value, license=license).effect == "allow"
    with pytest.raises(errors.InvalidRequestError, match="on this list already"):
        factories.make_access_rule(application, kind, value, license=license)


def test_of_a_device_only_digests_are_kept(application: Application) -> None:
    rule = factories.make_access_rule(application, "hwid", {"disk": "secret-disk", "mac": "m-1"})

    kept = f"{AccessRule.objects.filter(pk=rule.pk).values().get()}"
    assert "secret-disk" not in kept
    assert (rule.parts, len(rule.value)) == (["disk", "mac"], 8)
    with pytest.raises(errors.InvalidRequestError, match="on this list already"):
        factories.make_access_rule(application, "hwid", {"mac": "m-1", "disk": "secret-disk"})


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("network", "0.0.0.0/0", "every address"),
        ("network", "::/0", "every address"),
        ("network", "203.0.113.7/24", "bits behind its length: 203.0.113.0/24 is the network"),
        ("network", "203.0.113.0/33", "an address or a network"),
        ("network", "203.0.113", "an address or a network"),
        ("network", "fe80::1%eth0", "an address or a network"),
        ("network", "::ffff:203.0.113.7", "IPv4"),
        ("network", "", "an address or a network"),
        ("network", "nul\0", "an address or a network"),
        ("network", {"a": "b"}, "a text"),
        ("country", "XX", "ISO 3166-1"),
        ("country", "Germany", "ISO 3166-1"),
        ("country", "", "ISO 3166-1"),
        ("user", "ann", "kind user is for a license"),
        ("user", "", "1 to 150"),
        ("user", "x" * 151, "1 to 150"),
        ("hwid", "", "hardware id"),
        ("hwid", "x" * 257, "hardware id"),
        ("hwid", {}, "1 to 8 parts"),
        ("hwid", {"Disk": "x"}, "name its parts"),
        ("hwid", {"disk": ""}, "value.disk"),
        ("hwid", {"disk": 7}, "value.disk"),
        ("hwid", {"disk": "\ud800"}, "value.disk"),
        ("colour", "red", "kind must be"),
    ],
)
def test_what_is_no_value_is_refused(
    application: Application, kind: str, value: Any, message: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match=message):
        factories.make_access_rule(application, kind, value)

    assert not AccessRule.objects.exists()
    application.refresh_from_db()
    assert not application.has_access_rules


def test_a_note_has_an_end_and_a_license_its_application(application: Application) -> None:
    with pytest.raises(errors.InvalidRequestError, match="note"):
        factories.make_access_rule(application, note="x" * 201)
    with pytest.raises(errors.InvalidRequestError, match="another application's"):
        factories.make_access_rule(application, license=factories.make_license())


def test_asked_twice_it_is_written_once(application: Application) -> None:
    first = factories.make_access_rule(application)

    again = factories.make_access_rule(application, id=first.pk)

    assert again == first
    assert history_of(application).filter(action="access_rule.created").count() == 1
    with pytest.raises(errors.InvalidRequestError, match="id is taken"):
        factories.make_access_rule(factories.make_application(), id=first.pk)


def test_a_device_is_blocked_once_and_by_what_is_kept_of_it(application: Application) -> None:
    factories.open_session(factories.make_license(application), "device-1")
    device = Device.objects.get()

    rules = {access_rules.block_device(device=device, actor=SYSTEM) for _ in range(2)}

    [rule] = rules
    assert rule.value == device.fingerprint
    with pytest.raises(errors.InvalidRequestError, match="on this list already"):
        factories.make_access_rule(application, "hwid", "device-1")


def test_a_list_has_an_end(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_rules, "BLOCKS_MAX", 1)
    factories.make_access_rule(application)

    with pytest.raises(errors.InvalidRequestError, match="at most 1 access rules"):
        factories.make_access_rule(application, "country", "DE")


def test_without_rules_no_call_looks_for_any(application: Application) -> None:
    license = factories.make_license(application)
    rules = [
        factories.make_access_rule(application),
        factories.make_access_rule(application, license=license),
    ]

    for left, rule in zip((True, False), rules, strict=True):
        assert access_rules.delete_rule(rule=rule, actor=SYSTEM)
        application.refresh_from_db()
        assert application.has_access_rules is left

    assert not access_rules.delete_rule(rule=rules[0], actor=SYSTEM)
    assert history_of(application).filter(action="access_rule.deleted").count() == 2


def test_an_event_can_lose_what_tells_of_a_person(application: Application) -> None:
    license = factories.make_license(application)
    factories.make_access_rule(application, "user", "ann", license=license, note="Ann's laptop")

    [event] = history_of(license).filter(action="access_rule.created")
    assert event.after == {"effect": "allow", "kind": "user"}
    assert event.full_after["value"] == "ann"
    assert event.target_label == "user name rule"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_rule_is_written_once() -> None:
    application = factories.make_application()

    def write() -> str:
        try:
            factories.make_access_rule(application, "hwid", "device-1")
        except errors.InvalidRequestError:
            return "refused"
        return "written"

    outcomes = at_once([write] * 8)

    assert sorted(outcomes) == ["refused"] * 7 + ["written"]
    assert AccessRule.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("hwid", ["known", "new"])
def test_a_block_that_comes_while_init_is_on_its_way_counts(hwid: str) -> None:
    """The license was found when there was no rule yet; the session is opened behind its lock, and the rule is there."""
    license = factories.make_license(sessions_max=5, devices_max=5)
    factories.open_session(license, "known")
    before = license.sessions.count()
    outcome: list[str] = []

    def init() -> None:
        try:
            factories.open_session(license, hwid)
            outcome.append("opened")
        except errors.RefusalError as refusal:
            outcome.append(refusal.code)
        finally:
            connection.close()

    with transaction.atomic():
        License.objects.select_for_update(no_key=True).get(pk=license.pk)
        program = threading.Thread(target=init)
        program.start()
        _wait_until_somebody_waits()
        _elsewhere(partial(factories.make_access_rule, license.application, "hwid", hwid))
    program.join()

    assert outcome == ["access_denied"]
    assert license.sessions.count() == before


def _wait_until_somebody_waits() -> None:
    with connection.cursor() as cursor:
        for _ in range(1_000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits")


def _elsewhere(act: Any) -> None:
    """Do it on another connection, and have it committed."""
    at_once([act])
