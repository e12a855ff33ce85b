"""Entitlements in a real browser: named, said in a policy and on a license, and a count that is set right."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from licensing.models import License
from tests import factories
from tests.pages.conftest import assert_good_page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def license(team: Team) -> License:
    return factories.make_license(factories.make_application(team, "Game"), username="Ada")


def test_a_developer_sells_by_use(
    page: Page, sign_in: Callable[[User], None], developer: User, license: License
) -> None:
    factories.make_entitlement(license.application, "export", description="To PDF and SVG")
    sign_in(developer)
    page.goto(license.application.get_absolute_url())

    page.get_by_role("link", name="Entitlements").click()
    page.get_by_role("link", name="New entitlement").click()
    page.get_by_label("Name", exact=True).fill("pages")
    page.get_by_label("Metered: used up").check()
    page.get_by_label("A metered one starts anew").select_option("month")
    assert_good_page(page)
    page.get_by_role("button", name="Create entitlement").click()
    expect(page.get_by_text("“pages” is named")).to_be_visible()
    assert_good_page(page)

    page.goto(license.policy.get_absolute_url())
    page.get_by_role("link", name="Set pages").click()
    page.get_by_label("Limit").fill("100")
    assert_good_page(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="100 a month")).to_be_visible()
    assert_good_page(page)

    page.goto(license.get_absolute_url())
    page.get_by_role("link", name="Set count of pages").click()
    page.get_by_label("Used in this period").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="30", exact=True)).to_be_visible()
    page.get_by_role("link", name="Set export").click()
    page.get_by_label("Yes").check()
    page.get_by_label("Until").fill("2999-12-31")
    assert_good_page(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="Yes until")).to_be_visible()
    assert_good_page(page)
