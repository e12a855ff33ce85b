"""docs/how-to/offline.md, read out loud: a license file answers in our place until it ends, and nothing calls it back."""

import base64
import datetime as dt
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone
from lockence_client import CouldNotAsk, YesOffline
from lockence_client.license_file import NotALicenseFile, verified_claims

from licensing import licenses, signing_keys
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import License, Session
from licensing.sessions import end_session
from tests import factories
from tests.api.runtime.conftest import Program
from tests.clients.test_python_client import client_of
from tests.models_of_licensing.conftest import Vendor

AN_HOUR = 3_600
A_DAY = 24 * AN_HOUR
NOWHERE = "http://127.0.0.1:9"
PAGE = (settings.BASE_DIR / "docs/how-to/offline.md").read_text()


@pytest.fixture
def license(db: None) -> License:
    return factories.make_license()


def machine(license: License, hwid: str = "desktop") -> Program:
    program = Program(Client(), license, hwid)
    program.answer = program.init().json()
    return program


def pins_of(license: License) -> list[str]:
    """What a version of the program that is built now has in it."""
    keys = license.application.signing_keys.filter(state__in=["current", "next"])
    return [key.public_key for key in keys]


def runs_offline(
    program: Program, after: float = 0, *, hwid: str = "", pins: list[str] | None = None
) -> bool:
    """Whether the program runs without asking, so many seconds from now, with the file that `init` brought."""
    license = program.license
    try:
        verified_claims(
            program.answer["license_file"],
            public_keys=pins_of(license) if pins is None else pins,
            application_id=str(license.application_id),
            hwid=hwid or program.hwid,
            now=time.time() + after,
        )
    except NotALicenseFile:
        return False
    return True


# How long


def test_it_is_three_days_at_first(license: License) -> None:
    program = machine(license)

    assert runs_offline(program, after=3 * A_DAY - 60)
    assert not runs_offline(program, after=3 * A_DAY)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (AN_HOUR - 1, 400),
        (AN_HOUR, 201),
        (90 * A_DAY, 201),
        (90 * A_DAY + 1, 400),
        (0, 400),
        (None, 201),
    ],
)
def test_the_policy_says_from_one_hour_to_ninety_days_or_none(
    vendor: Vendor, seconds: int | None, status: int
) -> None:
    answer = vendor.call("post", "policies", {"name": "Own", "license_file_seconds": seconds})

    assert answer.status_code == status, answer.content


def suspend(license: License) -> None:
    licenses.suspend_license(license=license, actor=SYSTEM)


def revoke(license: License) -> None:
    licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())


def release(license: License) -> None:
    release_device(device=license.devices.get(), actor=SYSTEM, now=timezone.now())


def end(license: License) -> None:
    end_session(session=license.sessions.get(), actor=SYSTEM, now=timezone.now())


@pytest.mark.parametrize("act", [suspend, revoke, release, end])
def test_what_the_developer_decides_takes_effect_offline_when_the_file_ends(
    license: License, act: Callable[[License], None]
) -> None:
    program = machine(license)

    act(license)

    assert program.heartbeat().json()["success"] is False
    assert runs_offline(program, after=3 * A_DAY - 60)
    assert not runs_offline(program, after=3 * A_DAY)


def test_a_copy_runs_on_after_its_seat_was_given_to_another(license: License) -> None:
    license.policy = factories.make_policy(license.application, devices_max=None, sessions_max=1)
    license.save()
    first = machine(license, "first")
    end(license)

    second = machine(license, "second")

    assert second.answer["code"] == "ok"
    assert Session.objects.filter(ended_at=None).count() == 1
    assert runs_offline(first)
    assert runs_offline(second)


# What is in a file


def parts_of(program: Program) -> list[dict[str, Any]]:
    parts = program.answer["license_file"].split(".")[:2]
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts]


def test_the_page_names_every_claim_and_no_other(license: License) -> None:
    header, claims = parts_of(machine(license))

    block = re.search(r"```json Header\n(.+)\n", PAGE)
    assert block
    assert list(json.loads(block[1])) == list(header)
    table = PAGE.split("| Claim |")[1].split("\n\n")[0]
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert sorted(sum(named, [])) == sorted(claims)


def test_a_hwid_in_parts_is_known_by_its_json_text(license: License) -> None:
    program = machine(license, {"mac": "3c:52", "board": "PF2"})  # type: ignore[arg-type]

    assert runs_offline(program, hwid='{"board": "PF2", "mac": "3c:52"}')
    assert not runs_offline(program, hwid='{"board": "PF2", "mac": "3c:53"}')


# During an outage


def test_who_puts_back_file_and_clock_runs_on_this_one_device(
    license: License, tmp_path: Path
) -> None:
    kept, copy = tmp_path / "license.json", tmp_path / "copy.json"
    client = client_of(license, NOWHERE, offline_path=kept)
    key, started = license.reveal(), timezone.now()
    client.take_license_file(machine(license).answer["license_file"], "desktop")
    shutil.copy(kept, copy)
    revoke(license)

    with time_machine.travel(started + dt.timedelta(hours=71)):
        assert isinstance(client.init(key, "desktop"), YesOffline)
    with time_machine.travel(started + dt.timedelta(days=7)):
        assert isinstance(client.init(key, "desktop"), CouldNotAsk)

    # The clock alone is noticed; with the copy of the file it is not, but on another machine even that is worth nothing.
    assert isinstance(client.init(key, "desktop"), CouldNotAsk)
    shutil.copy(copy, kept)
    assert isinstance(client.init(key, "desktop"), YesOffline)
    assert isinstance(client.init(key, "laptop"), CouldNotAsk)


# When you change signing keys


def test_a_promotion_is_nothing_to_programs_that_pin_both_keys(license: License) -> None:
    shipped = pins_of(license)
    before = machine(license)

    factories.promote_next_signing_key(license.application)

    after = machine(license)
    assert runs_offline(before, pins=shipped)
    assert runs_offline(after, pins=shipped)
    assert parts_of(before)[0]["kid"] != parts_of(after)[0]["kid"]


def test_a_previous_key_stays_pinned_for_as_long_as_the_longest_file_lasts(
    license: License,
) -> None:
    before = machine(license)
    previous = license.application.signing_keys.get(state="current")
    factories.promote_next_signing_key(license.application)

    # Retiring is about what is published: a file is good to whoever still pins its key.
    previous.refresh_from_db()
    assert signing_keys.retire_signing_key(signing_key=previous, actor=SYSTEM)

    assert runs_offline(before, pins=[*pins_of(license), previous.public_key])
    assert not runs_offline(before, pins=pins_of(license))
