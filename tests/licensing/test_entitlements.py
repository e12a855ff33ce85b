"""Entitlements: named, described, deleted, and said in policies and on licenses."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from licensing import entitlements, errors, policies
from licensing.events import SYSTEM, history_of
from licensing.models import Application, Entitlement, License, LicenseEntitlement
from tests import factories


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application)


def test_an_entitlement_is_named_once(application: Application) -> None:
    first = factories.make_entitlement(application, "export")
    again = factories.make_entitlement(application, "export", id=first.pk)

    assert first == again
    with pytest.raises(errors.InvalidRequestError, match="name is taken"):
        factories.make_entitlement(application, "export")
    assert Entitlement.objects.count() == 1


def test_another_applications_id_is_taken(application: Application) -> None:
    foreign = factories.make_entitlement(factories.make_application())

    with pytest.raises(errors.InvalidRequestError, match="id is taken"):
        factories.make_entitlement(application, id=foreign.pk)


@pytest.mark.parametrize(
    "facts",
    [
        {"name": ""},
        {"name": "Export"},
        {"name": "ex port"},
        {"name": "export\n"},
        {"name": "9lives"},
        {"name": "x" * 65},
        {"kind": "float"},
        {"kind": "metered", "period": "fortnight"},
        {"kind": "boolean", "period": "month"},
    ],
)
def test_what_makes_no_sense_is_refused(application: Application, facts: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidRequestError):
        factories.make_entitlement(application, **facts)

    assert not Entitlement.objects.exists()


def test_an_application_has_so_many_entitlements_and_no_more(application: Application) -> None:
    for number in range(entitlements.ENTITLEMENTS_MAX):
        factories.make_entitlement(application, f"feature-{number}")

    with pytest.raises(errors.InvalidRequestError, match="at most 50"):
        factories.make_entitlement(application, "one-more")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", 1),
        ("boolean", None),
        ("boolean", "true"),
        ("integer", True),
        ("integer", 1.5),
        ("integer", 2**53),
        ("integer", None),
        ("text", ""),
        ("text", "x" * 501),
        ("text", "nul\0"),
        ("text", 5),
        ("metered", -1),
        ("metered", True),
        ("metered", "10"),
        ("metered", 2**53),
    ],
)
def test_a_value_of_another_kind_is_refused(license: License, kind: str, value: Any) -> None:
    entitlement = factories.make_entitlement(license.application, kind=kind)

    for to in (license, license.policy):
        with pytest.raises(errors.InvalidRequestError, match="value of export must be"):
            factories.grant(to, entitlement, value)


def test_an_entitlement_of_another_application_is_refused(license: License) -> None:
    foreign = factories.make_entitlement(factories.make_application())

    for to in (license, license.policy):
        with pytest.raises(errors.InvalidRequestError, match="another application's"):
            factories.grant(to, foreign)


def test_every_act_is_told_once(license: License) -> None:
    entitlement = factories.make_entitlement(license.application, "tier", "text")
    end = timezone.now() + dt.timedelta(days=1)
    word = {"entitlement": entitlement, "actor": SYSTEM}
    for _ in range(2):
        entitlements.describe_entitlement(**word, description="Which edition")
        entitlements.grant_to_policy(policy=license.policy, value="basic", **word)
        entitlements.grant_to_license(license=license, value="pro", expires_at=end, **word)
        assert LicenseEntitlement.objects.get().value == "pro"
    for _ in range(2):
        entitlements.take_from_license(license=license, **word)
        entitlements.take_from_policy(policy=license.policy, **word)
    for _ in range(2):
        entitlements.delete_entitlement(**word)

    told = list(history_of(license.application).values_list("action", "after"))[::-1]
    assert told[-7:] == [
        ("entitlement.created", told[-7][1]),
        ("entitlement.described", {"description": "Which edition"}),
        ("policy.entitlement_set", {"entitlement": "tier", "value": "basic"}),
        (
            "license.entitlement_set",
            {"entitlement": "tier", "value": "pro", "expires_at": end.isoformat()},
        ),
        ("license.entitlement_removed", {}),
        ("policy.entitlement_removed", {}),
        ("entitlement.deleted", {}),
    ]


def test_what_was_deleted_meanwhile_is_not_found(license: License) -> None:
    entitlement = factories.make_entitlement(license.application)
    policy = factories.make_policy(license.application)
    policies.delete_policy(policy=policy, actor=SYSTEM)

    for act in (
        lambda: factories.grant(policy, entitlement),
        lambda: entitlements.take_from_policy(policy=policy, entitlement=entitlement, actor=SYSTEM),
    ):
        with pytest.raises(errors.NotFoundError):
            act()
