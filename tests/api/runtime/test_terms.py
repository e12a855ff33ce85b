"""How long a license is good, and for which versions, as programs learn it: exact, by the database's clock."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from licensing import policies
from licensing.events import SYSTEM
from licensing.models import License, Policy, Session
from licensing.term_statements import LICENSE_END, LICENSE_IS_EXPIRED
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

A_DAY, A_WEEK = 86_400, 7 * 86_400


def rules(program: Program, **changes: Any) -> None:
    policies.change_some_rules(policy=program.license.policy, changes=changes, actor=SYSTEM)


def ends(program: Program, seconds_from_now: float) -> None:
    """Move the end of the license, and of its sessions as far as they would outlive it."""
    end = Now() + dt.timedelta(seconds=seconds_from_now)
    License.objects.update(expires_at=end)


def test_in_its_grace_a_license_works_and_warns(program: Program) -> None:
    rules(program, grace_seconds=A_WEEK)
    ends(program, -1)

    answers = [call().json() for call in (program.init, program.validate, program.heartbeat)]

    assert [answer["warnings"] for answer in answers] == [["license_in_grace"]] * 3
    expires_at = License.objects.get().expires_at
    grace_until = f"{expires_at + dt.timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    assert [answer["license"]["grace_until"] for answer in answers[:2]] == [grace_until] * 2


def test_before_its_end_a_license_tells_its_grace_and_warns_of_nothing(program: Program) -> None:
    rules(program, grace_seconds=A_WEEK)
    ends(program, 60)

    answer = program.init().json()

    assert answer["warnings"] == []
    assert answer["license"]["grace_until"] > answer["license"]["expires_at"]


def test_a_license_for_ever_has_no_grace_to_tell(program: Program) -> None:
    rules(program, grace_seconds=A_WEEK, expiry_strategy="fall_back")

    answer = program.init().json()

    assert (answer["license"]["grace_until"], answer["warnings"]) == (None, [])


def test_after_its_grace_a_license_is_refused(program: Program) -> None:
    rules(program, grace_seconds=A_DAY)
    program.init()
    ends(program, -A_DAY)

    for call in (program.init, program.validate, program.heartbeat):
        assert_refused(call(), 403, "license_expired", "License expired")


def test_a_session_ends_with_the_grace_and_not_before(program: Program) -> None:
    rules(program, grace_seconds=3_600)
    ends(program, -1_800)

    program.init()

    session = Session.objects.get()
    assert session.expires_at == License.objects.get().expires_at + dt.timedelta(hours=1)


@pytest.mark.parametrize("grace_seconds", [0, 1])
@pytest.mark.parametrize(("microseconds", "is_expired"), [(0, True), (1, False)])
def test_the_end_is_exact_to_the_microsecond(
    program: Program, grace_seconds: int, microseconds: int, is_expired: bool
) -> None:
    License.objects.update(grace_seconds=grace_seconds)

    # Written and judged in one statement, so that both have the same timestamp.
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {LICENSE_IS_EXPIRED}, {LICENSE_END}
            FROM (
                SELECT expiry_strategy, grace_seconds,
                    statement_timestamp() - make_interval(secs => grace_seconds)
                        + make_interval(secs => %s / 1e6) AS expires_at
                FROM licensing_license
            ) license, licensing_policy policy
            """,  # noqa: S608
            [microseconds],
        )
        expired, good_until = cursor.fetchone()

    assert expired is is_expired
    license = License(expires_at=good_until, grace_seconds=0, policy=program.license.policy)
    assert license.is_expired(good_until)
    assert not license.is_expired(good_until - dt.timedelta(microseconds=1))


@pytest.mark.parametrize("grace_seconds", [None, 0])
def test_the_licenses_own_grace_counts_instead(program: Program, grace_seconds: int | None) -> None:
    rules(program, grace_seconds=A_WEEK)
    License.objects.update(grace_seconds=grace_seconds)
    ends(program, -1)

    assert program.init().json()["success"] is (grace_seconds is None)


@pytest.mark.parametrize("own", ["", "refuse", "fall_back"])
def test_the_licenses_own_rule_for_the_end_counts_instead(program: Program, own: str) -> None:
    rules(program, expiry_strategy="fall_back")
    License.objects.update(expiry_strategy=own)
    ends(program, -A_WEEK)

    assert program.init().json()["success"] is (own != "refuse")


def test_the_clock_that_first_use_starts_has_its_grace_too(program: Program) -> None:
    rules(program, duration_seconds=A_DAY, clock_start="first_use", grace_seconds=A_DAY)

    told = program.init().json()["license"]

    end = dt.datetime.fromisoformat(told["expires_at"])
    assert dt.datetime.fromisoformat(told["grace_until"]) == end + dt.timedelta(days=1)


def test_the_last_moment_of_all_overflows_nothing(program: Program) -> None:
    rules(program, grace_seconds=366 * A_DAY)
    License.objects.update(expires_at=dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))

    told = program.init().json()["license"]

    assert told["grace_until"] == "9999-12-31T23:59:59Z"
    assert License.objects.get().grace_until().year == 9999


VERSIONS = [
    ({"app_version_min": "2"}, "2.0.0", True),
    ({"app_version_min": "2"}, "1.99", False),
    ({"app_version_min": "2"}, "2.0-beta", False),
    ({"app_version_min": "1.9"}, "1.10", True),
    ({"app_version_max": "2"}, "2.9.9", True),
    ({"app_version_max": "2"}, "3", False),
    ({"app_version_max": "2"}, None, False),
    ({"app_version_max": "2"}, "latest", False),
    ({"app_version_min": "2"}, "latest", False),
    ({"app_version_min": "1", "app_version_max": "2"}, "v1.5", True),
    ({}, None, True),
    ({}, "latest", True),
]


@pytest.mark.parametrize(("bounds", "version", "is_allowed"), VERSIONS)
def test_a_version_passes_the_gate_or_does_not(
    program: Program, bounds: dict[str, str], version: str | None, is_allowed: bool
) -> None:
    rules(program, **bounds)

    answer = program.init(app_version=version)

    assert answer.json()["code"] == ("ok" if is_allowed else "version_not_allowed")


def test_a_refused_version_is_told_what_is_allowed_and_where(program: Program) -> None:
    rules(program, app_version_min="2.1", download_url="https://example.com/get")

    answer = program.init(app_version="2.0")

    assert_refused(answer, 403, "version_not_allowed", "This version is not allowed")
    told = {
        name: answer.json()[name] for name in ("app_version_min", "app_version_max", "download_url")
    }
    assert told == {
        "app_version_min": "2.1",
        "app_version_max": None,
        "download_url": "https://example.com/get",
    }
    assert not Session.objects.exists()
    assert License.objects.get().devices_used == 0


def test_a_gate_that_closes_reaches_running_programs_and_extends_nothing(program: Program) -> None:
    program.init(app_version="1.0")
    before = Session.objects.values("expires_at", "last_seen_at").get()
    rules(program, app_version_min="1.1")

    for call in (program.validate, program.heartbeat):
        assert call().json()["code"] == "version_not_allowed"
    assert Session.objects.values("expires_at", "last_seen_at").get() == before
    assert program.logout().json()["code"] == "ok"


def test_a_session_from_before_versions_were_compared_goes_on(program: Program) -> None:
    program.init(app_version="1.0")
    Session.objects.update(app_version_key=None)
    rules(program, app_version_min="1.1")

    assert program.heartbeat().json()["code"] == "ok"


def test_the_licenses_own_bound_counts_instead(program: Program) -> None:
    rules(program, app_version_max="2")
    policy = program.license.policy
    license = factories.make_license(
        program.license.application, policy=policy, app_version_max="3"
    )

    assert Program(program.client, license).init(app_version="3.1").json()["code"] == "ok"
    assert program.init(app_version="3.1").json()["code"] == "version_not_allowed"


def test_an_expired_license_says_so_before_it_says_anything_of_the_version(
    program: Program,
) -> None:
    rules(program, app_version_min="2")
    program.init(app_version="2")
    Session.objects.update(app_version_key="", ended_at=Now(), ended_reason="logout")

    assert program.validate().json()["code"] == "version_not_allowed"
    ends(program, -1)
    assert program.validate().json()["code"] == "license_expired"
    assert program.init(app_version="1", hwid="another").json()["code"] == "license_expired"


def test_all_licenses_of_a_policy_may_end_at_one_moment(program: Program) -> None:
    end = dt.datetime(2099, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    policy = factories.make_policy(program.license.application, ends_at=end)

    license = factories.make_license(program.license.application, policy=policy)

    assert license.expires_at == end
    assert Policy.objects.get(pk=policy.pk).duration_seconds is None
