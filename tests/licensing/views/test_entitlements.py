"""Entitlements: listed, named, described and deleted; said in policies and on licenses; counts seen and set right."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from licensing.events import history_of
from licensing.models import Application, Entitlement, License, LicenseEntitlement, Usage
from tests import factories
from tests.licensing.views.conftest import (
    hidden,
    messages_after,
    statements,
    text_of,
    url_of,
)

FORM = {"name": "pages", "kind": "metered", "period": "month", "description": "Printed"}


@pytest.fixture
def pages(application: Application) -> Entitlement:
    return factories.make_entitlement(application, "pages", "metered", period="month")


def test_an_entitlement_is_named_and_listed(dashboard: Client, application: Application) -> None:
    assert "No entitlements yet" in text_of(dashboard.get(url_of(application, "entitlements/")))
    new = url_of(application, "entitlements/new/")
    form = FORM | {"id": hidden(dashboard.get(new), "id")}

    for _ in range(2):
        page = messages_after(dashboard, dashboard.post(new, form))

    assert "“pages” is named" in page
    assert "Every month, on the first" in page
    assert Entitlement.objects.get().description == "Printed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "Pages"},
        {"kind": "?"},
        {"kind": "text"},
        {"period": ""},
        {"description": "x" * 201},
        {"name": "taken"},
    ],
)
def test_what_makes_no_sense_is_told(
    dashboard: Client, application: Application, wrong: dict[str, str]
) -> None:
    factories.make_entitlement(application, "taken")

    response = dashboard.post(url_of(application, "entitlements/new/"), FORM | wrong)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert Entitlement.objects.count() == 1


def test_the_description_is_changed(dashboard: Client, pages: Entitlement) -> None:
    response = dashboard.post(pages.get_absolute_url(), {"description": "Sheets", "name": "x"})

    assert "Sheets" in messages_after(dashboard, response)
    assert Entitlement.objects.get().name == "pages"


def test_an_entitlement_is_deleted(dashboard: Client, pages: Entitlement) -> None:
    delete = f"{pages.get_absolute_url()}delete/"
    assert "cannot be undone" in text_of(dashboard.get(delete))

    first, second = dashboard.post(delete), dashboard.post(delete)

    assert "is deleted" in messages_after(dashboard, first)
    assert second.status_code == 302
    assert not Entitlement.objects.exists()


@pytest.mark.parametrize(
    ("kind", "sent", "shown"),
    [
        ("boolean", "True", "Yes"),
        ("boolean", "False", "No"),
        ("integer", "1200", "1,200"),
        ("text", "<b>gold</b>", "&lt;b&gt;gold&lt;/b&gt;"),
        ("metered", "100", "100"),
        ("metered", "", "no limit"),
    ],
)
def test_a_policy_says_how_much_and_takes_it_back(
    dashboard: Client, application: Application, kind: str, sent: str, shown: str
) -> None:
    entitlement = factories.make_entitlement(application, "it", kind)
    policy = application.default_policy()
    place = f"{policy.get_absolute_url()}entitlements/{entitlement.pk}/"
    assert "Not said" in text_of(dashboard.get(policy.get_absolute_url()))

    page = messages_after(dashboard, dashboard.post(place, {"value": sent, "expires_on": ""}))

    assert f">{shown}<" in page.replace("> ", ">").replace(" <", "<")
    text_of(dashboard.get(place))
    assert "from the next call" in text_of(dashboard.get(f"{place}remove/"))
    assert "Not said" in messages_after(dashboard, dashboard.post(f"{place}remove/"))


def test_a_licenses_own_word_has_an_end(
    dashboard: Client, license: License, pages: Entitlement
) -> None:
    factories.grant(license.policy, pages, 100)
    place = f"{license.get_absolute_url()}entitlements/{pages.pk}/"
    assert "100 a month" in text_of(dashboard.get(license.get_absolute_url()))

    page = messages_after(
        dashboard, dashboard.post(place, {"value": "500", "expires_on": "2999-12-31"})
    )

    assert "500 a month" in page
    assert LicenseEntitlement.objects.get().expires_at == dt.datetime(
        2999, 12, 31, 23, 59, 59, tzinfo=dt.UTC
    )
    assert 'value="2999-12-31"' in text_of(dashboard.get(place))
    page = messages_after(dashboard, dashboard.post(f"{place}remove/"))
    assert "500 a month" not in page.partition('id="events"')[0]


def test_what_has_expired_no_longer_shows_as_had(
    dashboard: Client, license: License, pages: Entitlement
) -> None:
    factories.grant(license, pages, 500, expires_at=timezone.now())

    assert "Not entitled" in text_of(dashboard.get(license.get_absolute_url()))


@pytest.mark.parametrize("value", ["-1", "1.5", "many", str(2**53), "9" * 5_000])
def test_a_value_that_makes_no_sense_is_told(
    dashboard: Client, license: License, pages: Entitlement, value: str
) -> None:
    for owner in (license, license.policy):
        place = f"{owner.get_absolute_url()}entitlements/{pages.pk}/"

        response = dashboard.post(place, {"value": value})

        assert set(response.context["form"].errors) == {"value"}


def test_a_count_is_seen_and_set_right(
    dashboard: Client, license: License, pages: Entitlement
) -> None:
    place = f"{license.get_absolute_url()}entitlements/{pages.pk}/usage/"
    text_of(dashboard.get(place))

    page = messages_after(dashboard, dashboard.post(place, {"used": "1234"}))

    assert "1,234" in page
    assert Usage.objects.get().used == 1234
    event = history_of(license)[0]
    assert (event.action, event.actor.email) == ("usage.set", "developer@example.com")


def test_what_is_not_metered_has_no_count(
    dashboard: Client, license: License, application: Application
) -> None:
    export = factories.make_entitlement(application, "export")
    place = f"{license.get_absolute_url()}entitlements/{export.pk}/usage/"

    response = dashboard.post(place, {"used": "1"})

    assert "Export is not metered" in text_of(response)


def test_more_entitlements_take_no_more_statements(
    dashboard: Client, license: License, pages: Entitlement
) -> None:
    factories.grant(license, pages, 1)
    factories.grant(license.policy, pages, 1)
    addresses = [
        license.get_absolute_url(),
        license.policy.get_absolute_url(),
        url_of(license.application, "entitlements/"),
    ]
    few = [statements(dashboard, address) for address in addresses]
    for number in range(20):
        entitlement = factories.make_entitlement(license.application, f"feature-{number}")
        factories.grant(license, entitlement)
        factories.grant(license.policy, entitlement)

    assert [statements(dashboard, address) for address in addresses] == few


def test_a_license_that_has_fallen_back_shows_as_having_none(
    dashboard: Client, license: License, pages: Entitlement
) -> None:
    factories.grant(license, pages, 500)
    License.objects.update(expires_at=timezone.now(), expiry_strategy="fall_back")

    assert "Not entitled" in text_of(dashboard.get(license.get_absolute_url()))
