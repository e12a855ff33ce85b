"""Licenses are issued in batches: their keys, their ends, and what is refused."""

import datetime as dt
import tracemalloc
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.events import user_actor
from accounts.models import Event, User
from licensing import errors, keys, licenses
from licensing.licenses import LicenseTerms
from licensing.models import Application, License, LicenseBatch
from tests import factories
from tests.licensing.licenses.conftest import A_DAY, NOW, actions, issue


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


def test_no_license_is_issued_under_a_policy_that_is_over(application: Application) -> None:
    policy = factories.make_policy(application, ends_at=timezone.now() - dt.timedelta(seconds=1))

    with pytest.raises(errors.InvalidRequestError, match="in the past"):
        factories.make_license(application, policy=policy)
    assert not LicenseBatch.objects.exists()
