"""The staff pages in a real browser: under the same strict policy as every other page, and in the house's colours."""

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Team
from licensing.models import License
from tests import factories
from tests.pages.conftest import assert_good_page
from tests.staff import make_superuser, signed_in

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def license(team: Team) -> License:
    license = factories.make_license(factories.make_application(team, "Game"), username="Ada")
    factories.open_session(license, device_name="Ada's PC")
    return license


@pytest.fixture
def staff_page(page: Page, live_server, license: License) -> Page:
    client: Client = signed_in(make_superuser())
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return page


def url(model: type[models.Model], name: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def test_no_page_asks_for_what_the_policy_forbids(staff_page: Page) -> None:
    """The fixture fails on every complaint of the browser, a blocked style or script included."""
    staff_page.goto("/admin/")
    for model in MODELS:
        row = model._default_manager.first()
        staff_page.goto(url(model, "changelist"))
        if row is not None:
            staff_page.goto(url(model, "history", row.pk))
            staff_page.goto(url(model, "change", row.pk))
            expect(staff_page.locator("#content h1").first).to_be_visible()
    for name in ("accounts_user_add", "auth_group_add"):
        staff_page.goto(reverse(f"admin:{name}"))


def test_the_first_page_a_list_and_a_row_are_good_pages(staff_page: Page, license: License) -> None:
    for path in ("/admin/", url(License, "changelist"), url(License, "change", license.pk)):
        staff_page.goto(path)
        assert_good_page(staff_page)


def test_a_license_is_searched_for_and_suspended(staff_page: Page, license: License) -> None:
    staff_page.goto(url(License, "changelist"))
    staff_page.locator("#searchbar").fill(license.reveal())
    staff_page.get_by_role("button", name="Search").click()
    staff_page.locator("#result_list tbody").get_by_role("link", name="…").first.click()
    staff_page.get_by_role("button", name="Suspend").click()
    expect(staff_page.get_by_role("heading", name="Suspend?")).to_be_visible()
    assert_good_page(staff_page)

    staff_page.get_by_role("button", name="Suspend").click()

    expect(staff_page.get_by_text("Suspend: done for 1 of 1.")).to_be_visible()
    license.refresh_from_db()
    assert license.status == License.Status.SUSPENDED


def test_a_group_is_given_permissions_with_the_two_lists(staff_page: Page) -> None:
    staff_page.goto(reverse("admin:auth_group_add"))
    staff_page.get_by_label("Name").fill("Support")
    staff_page.locator("#id_permissions_from option").first.dblclick()
    staff_page.get_by_role("button", name="Save", exact=True).click()

    expect(staff_page.get_by_text("was added successfully")).to_be_visible()
