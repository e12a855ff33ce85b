"""Acts on licenses, by their verbs."""

import datetime as dt
import tracemalloc
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.events import user_actor
from accounts.models import Event, User
from licensing import errors, keys, licenses, reports
from licensing.events import SYSTEM
from licensing.licenses import LicenseTerms
from licensing.models import Application, License, LicenseBatch, Session
from tests import factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application, username="Ada")


def issue(application: Application, **facts: Any) -> LicenseBatch:
    asked = {"policy": application.default_policy(), "count": 1, "actor": SYSTEM, "now": NOW}
    return licenses.issue_licenses(**(asked | facts))


# Issue


def test_a_batch_holds_as_many_licenses_as_were_asked_for(application: Application) -> None:
    terms = LicenseTerms(
        username="Ada", email="ada@example.com", note="n", metadata={"a": 1}, devices_max=3
    )

    batch = issue(application, count=5, terms=terms)

    issued = batch.licenses.all()
    assert {(one.username, one.email, one.note) for one in issued} == {
        ("Ada", "ada@example.com", "n")
    }
    assert all((one.metadata, one.devices_max) == ({"a": 1}, 3) for one in issued)
    assert all(one.status == "active" and one.devices_used == 0 for one in issued)
    assert batch.licenses_count == len({one.reveal() for one in issued}) == 5


def test_many_licenses_take_no_more_memory_than_few(application: Application) -> None:
    few, many = memory_to_issue(application, 100), memory_to_issue(application, 1_000)

    assert many < few + 100_000


def memory_to_issue(application: Application, count: int) -> int:
    """How many bytes were in use at once."""
    tracemalloc.start()
    try:
        issue(application, count=count)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_key_shows_again_but_never_lies_in_clear(application: Application) -> None:
    row = License.objects.values().get(batch=issue(application))
    key = License.objects.get().reveal()

    assert keys.is_well_formed_license_key(key)
    assert row["key_last5"] == key[-5:]
    assert key not in str(row)
    assert key.replace("-", "") not in str(row)


def test_a_key_in_another_row_does_not_open(application: Application) -> None:
    one, other = factories.make_licenses(application, 2)
    License.objects.filter(pk=one.pk).update(key_ciphertext=other.key_ciphertext)

    with pytest.raises(licenses.ciphers.UndecipherableError):
        License.objects.get(pk=one.pk).reveal()


@pytest.mark.parametrize(
    ("rules", "expires_at"),
    [
        ({}, None),
        ({"duration_seconds": 86_400}, NOW + A_DAY),
        ({"duration_seconds": 86_400, "clock_start": "first_use"}, None),
    ],
)
def test_the_policy_says_when_a_license_ends(
    application: Application, rules: dict[str, Any], expires_at: dt.datetime | None
) -> None:
    issue(application, policy=factories.make_policy(application, **rules))

    assert License.objects.get().expires_at == expires_at


def test_a_fixed_end_counts_more_than_the_policy(application: Application) -> None:
    policy = factories.make_policy(application, duration_seconds=60)

    issue(application, policy=policy, expires_at=NOW + A_DAY)

    assert License.objects.get().expires_at == NOW + A_DAY


@pytest.mark.parametrize("count", [-1, 0, 10_001])
def test_a_batch_has_its_bounds(application: Application, count: int) -> None:
    with pytest.raises(errors.InvalidRequestError, match="count must be between 1 and 10000"):
        issue(application, count=count)
    assert not LicenseBatch.objects.exists()


@pytest.mark.parametrize("expires_at", [NOW, NOW - A_DAY])
def test_nothing_is_issued_that_has_ended_already(
    application: Application, expires_at: dt.datetime
) -> None:
    with pytest.raises(errors.InvalidRequestError, match="expires_at must be in the future"):
        issue(application, expires_at=expires_at)


def test_asking_twice_with_one_batch_id_issues_once(application: Application) -> None:
    batch_id = uuid.uuid4()

    first = issue(application, count=3, batch_id=batch_id)
    second = issue(application, count=3, batch_id=batch_id)

    assert first == second
    assert License.objects.count() == 3
    assert actions(application).count("licenses.issued") == 1


def test_another_applications_batch_is_taken(application: Application) -> None:
    batch = issue(factories.make_application())

    with pytest.raises(errors.InvalidRequestError, match="batch_id is taken"):
        issue(application, batch_id=batch.pk)


def test_nothing_is_issued_under_a_policy_that_is_gone(application: Application) -> None:
    policy = factories.make_policy(application)
    type(policy).objects.filter(pk=policy.pk).delete()

    with pytest.raises(errors.InvalidRequestError, match="policy was deleted"):
        issue(application, policy=policy)
    assert not LicenseBatch.objects.exists()


def test_a_thousand_licenses_cost_few_statements(
    application: Application, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12):
        issue(application, count=1_001)

    assert License.objects.count() == 1_001


def test_issuing_is_told_once_with_its_facts(application: Application, developer: User) -> None:
    batch = issue(application, count=2, actor=user_actor(developer, "192.0.2.7"))

    event = Event.objects.get(action="licenses.issued")
    assert (event.target_id, event.actor) == (batch.pk, developer)
    assert event.after == {"count": 2, "policy": "Standard", "expires_at": None}
    assert batch.created_by == developer


# Change


def test_a_change_writes_and_tells_only_what_differs(license: License) -> None:
    changed = licenses.change_license(
        license=license,
        policy=license.policy,
        terms=LicenseTerms(username="Ada", devices_max=5),
        actor=SYSTEM,
    )

    event = Event.objects.get(action="license.changed")
    assert changed.devices_max == License.objects.get().devices_max == 5
    assert (event.before, event.after) == ({"devices_max": None}, {"devices_max": 5})


def test_a_change_to_the_same_is_none(license: License) -> None:
    terms = LicenseTerms(username="Ada")

    licenses.change_license(license=license, policy=license.policy, terms=terms, actor=SYSTEM)

    assert "license.changed" not in actions(license.application)


def test_a_change_of_policy_keeps_the_end(license: License) -> None:
    License.objects.update(expires_at=NOW + A_DAY)
    policy = factories.make_policy(license.application, duration_seconds=60)

    licenses.change_license(license=license, policy=policy, terms=LicenseTerms(), actor=SYSTEM)

    license.refresh_from_db()
    assert (license.policy, license.expires_at) == (policy, NOW + A_DAY)


def test_another_applications_policy_is_refused(license: License) -> None:
    foreign = factories.make_policy(factories.make_application())

    with pytest.raises(errors.InvalidRequestError, match="another application's"):
        licenses.change_license(license=license, policy=foreign, terms=LicenseTerms(), actor=SYSTEM)
    assert License.objects.get().policy != foreign


def test_a_change_does_not_undo_what_happened_meanwhile(license: License) -> None:
    """The page that was open for an hour knows nothing of the suspension and of the devices since."""
    License.objects.update(status="suspended", devices_used=3)

    licenses.change_license(
        license=license, policy=license.policy, terms=LicenseTerms(note="x"), actor=SYSTEM
    )

    assert License.objects.filter(status="suspended", devices_used=3, note="x").exists()


# Extend


@pytest.mark.parametrize("before", [None, NOW - A_DAY, NOW + A_DAY])
@pytest.mark.parametrize("after", [None, NOW + 2 * A_DAY])
def test_the_end_moves_to_another_moment(
    license: License, before: dt.datetime | None, after: dt.datetime | None
) -> None:
    License.objects.update(expires_at=before)

    extended = licenses.extend_license(license=license, expires_at=after, actor=SYSTEM, now=NOW)

    assert extended.expires_at == License.objects.get().expires_at == after
    assert actions(license.application).count("license.extended") == (before != after)


def test_extending_tells_the_end_before_and_after(license: License) -> None:
    licenses.extend_license(license=license, expires_at=NOW + A_DAY, actor=SYSTEM, now=NOW)

    event = Event.objects.get(action="license.extended")
    assert event.before == {"expires_at": None}
    assert event.after == {"expires_at": "2026-03-02T12:00:00+00:00"}


def test_extending_twice_to_the_same_end_tells_once(license: License) -> None:
    for _ in range(2):
        licenses.extend_license(license=license, expires_at=NOW + A_DAY, actor=SYSTEM, now=NOW)

    assert actions(license.application).count("license.extended") == 1


def test_nobody_moves_an_end_into_the_past(license: License) -> None:
    with pytest.raises(errors.InvalidRequestError, match="must be in the future"):
        licenses.extend_license(license=license, expires_at=NOW, actor=SYSTEM, now=NOW)


def test_a_revoked_license_cannot_be_extended(license: License) -> None:
    License.objects.update(status="revoked")

    with pytest.raises(errors.LicenseStateError):
        licenses.extend_license(license=license, expires_at=None, actor=SYSTEM, now=NOW)


def test_an_earlier_end_reaches_open_sessions_only(license: License) -> None:
    over, open_session = factories.make_session(license), factories.make_session(license)
    now = timezone.now()
    Session.objects.filter(pk=over.pk).update(ended_at=now, ended_reason="logout")
    end = now + dt.timedelta(hours=1)

    licenses.extend_license(license=license, expires_at=end, actor=SYSTEM, now=now)

    assert Session.objects.get(pk=open_session.pk).expires_at == end
    assert Session.objects.get(pk=over.pk).expires_at == over.expires_at


# Suspend, restore, revoke


def suspend(license: License) -> bool:
    return licenses.suspend_license(license=license, actor=SYSTEM)


def restore(license: License) -> bool:
    return licenses.restore_license(license=license, actor=SYSTEM)


def revoke(license: License) -> bool:
    return licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())


@pytest.mark.parametrize(
    ("before", "act", "after", "action"),
    [
        ("active", suspend, "suspended", "license.suspended"),
        ("suspended", restore, "active", "license.restored"),
        ("active", revoke, "revoked", "license.revoked"),
        ("suspended", revoke, "revoked", "license.revoked"),
    ],
)
def test_the_moves_that_are_allowed(
    license: License, before: str, act: Callable[[License], bool], after: str, action: str
) -> None:
    License.objects.update(status=before)

    assert act(license)

    event = Event.objects.get(action=action)
    assert License.objects.get().status == license.status == after
    assert (event.before, event.after) == ({"status": before}, {"status": after})


@pytest.mark.parametrize(
    ("status", "act"), [("active", restore), ("suspended", suspend), ("revoked", revoke)]
)
def test_what_is_done_already_is_not_done_again(
    license: License, status: str, act: Callable[[License], bool]
) -> None:
    License.objects.update(status=status)
    before = actions(license.application)

    assert not act(license)
    assert actions(license.application) == before


@pytest.mark.parametrize("act", [suspend, restore])
def test_revoked_is_the_end(license: License, act: Callable[[License], bool]) -> None:
    revoke(license)

    with pytest.raises(errors.LicenseStateError):
        act(license)
    assert License.objects.get().status == "revoked"


def test_a_page_that_shows_an_old_state_does_no_harm(license: License) -> None:
    stale = License.objects.get()
    revoke(license)

    with pytest.raises(errors.LicenseStateError):
        suspend(stale)


def test_a_revocation_ends_the_licenses_sessions_and_no_others(
    application: Application, license: License
) -> None:
    session = factories.make_session(license)
    other = factories.make_session(factories.make_license(application))

    revoke(license)

    session.refresh_from_db()
    other.refresh_from_db()
    assert (session.ended_reason, other.ended_reason) == ("revoked", "")


def test_a_suspension_keeps_sessions_and_devices(license: License) -> None:
    session = factories.make_session(license)

    suspend(license)

    session.refresh_from_db()
    assert session.ended_at is None
    assert license.devices.get().is_bound()


def test_revealing_a_key_is_told_without_the_key(license: License, developer: User) -> None:
    key = licenses.reveal_license_key(license=license, actor=user_actor(developer))

    event = Event.objects.get(action="license.key_revealed")
    assert key == license.reveal()
    assert (event.actor, event.before, event.after) == (developer, {}, {})


def actions(application: Application) -> list[str]:
    events = Event.objects.filter(application_id=application.pk)
    return list(events.values_list("action", flat=True))


BROKEN = [
    ({"devices_max": 0}, "devices_max must be at least 1"),
    ({"devices_max": -1}, "out of bounds|devices_max must"),
    ({"devices_max": 2**31}, "too large"),
    ({"sessions_max": 0}, "sessions_max must be at least 1"),
    ({"username": "x" * 151}, "too long"),
    ({"username": "nul \0"}, "too long or too large|NUL"),
    ({"metadata": []}, "metadata must be an object"),
    ({"grace_seconds": 366 * 86_400 + 1}, "grace_seconds must be"),
    ({"expiry_strategy": "maybe"}, "expiry_strategy must be"),
    ({"app_version_max": "newest"}, "app_version_max must be a version"),
]


@pytest.mark.parametrize(("terms", "message"), BROKEN)
def test_broken_terms_are_refused(
    application: Application, license: License, terms: dict[str, Any], message: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match=message):
        factories.make_license(application, **terms)
    with pytest.raises(errors.InvalidRequestError, match=message):
        licenses.change_license(
            license=license, policy=license.policy, terms=LicenseTerms(**terms), actor=SYSTEM
        )
    with pytest.raises(errors.InvalidRequestError, match=message):
        licenses.change_some_terms(license=license, changes=terms, actor=SYSTEM)
    assert License.objects.count() == 1


@pytest.mark.parametrize(
    ("expires_in", "policy", "own", "state", "warning"),
    [
        (None, {}, {}, "active", ""),
        (1, {}, {}, "active", ""),
        (-1, {}, {}, "expired", ""),
        (-1, {"grace_seconds": 60}, {}, "active", "license_in_grace"),
        (-1, {"grace_seconds": 60}, {"grace_seconds": 0}, "expired", ""),
        (-61, {"grace_seconds": 60}, {}, "expired", ""),
        (-61, {"expiry_strategy": "fall_back"}, {}, "active", "license_fallen_back"),
        (-61, {"expiry_strategy": "fall_back"}, {"expiry_strategy": "refuse"}, "expired", ""),
        (-61, {}, {"grace_seconds": 62}, "active", "license_in_grace"),
    ],
)
def test_pages_lists_and_counts_agree_on_what_has_expired(
    application: Application,
    expires_in: int | None,
    policy: dict[str, Any],
    own: dict[str, Any],
    state: str,
    warning: str,
) -> None:
    now = timezone.now()
    license = factories.make_license(
        application, policy=factories.make_policy(application, **policy), **own
    )
    if expires_in is not None:
        license.expires_at = now + dt.timedelta(seconds=expires_in)
        license.save(update_fields=["expires_at"])

    licenses_of = License.objects.for_application(application)
    numbers = reports.numbers_of([application], now)[application.pk]

    assert (license.state(now), license.warning(now)) == (state, warning)
    assert list(licenses_of.usable(now)) == ([license] if state == "active" else [])
    assert list(licenses_of.expired(now)) == ([license] if state == "expired" else [])
    assert (numbers.active.value, numbers.expired.value) == (
        (1, 0) if state == "active" else (0, 1)
    )


def test_an_earlier_end_cuts_sessions_where_the_grace_ends(application: Application) -> None:
    policy = factories.make_policy(application, grace_seconds=3_600)
    session = factories.make_session(factories.make_license(application, policy=policy))
    now = timezone.now()

    licenses.extend_license(
        license=session.license, expires_at=now + dt.timedelta(minutes=1), actor=SYSTEM, now=now
    )

    session.refresh_from_db()
    assert session.expires_at == now + dt.timedelta(minutes=61)


def test_no_license_is_issued_under_a_policy_that_is_over(application: Application) -> None:
    policy = factories.make_policy(application, ends_at=timezone.now() - dt.timedelta(seconds=1))

    with pytest.raises(errors.InvalidRequestError, match="in the past"):
        factories.make_license(application, policy=policy)
    assert not LicenseBatch.objects.exists()
