"""Variables in a real browser: written, changed and shown."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from tests import factories
from tests.pages.conftest import assert_good_page

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_developer_writes_a_variable_and_looks_at_it(
    page: Page, sign_in: Callable[[User], None], developer: User, team: Team
) -> None:
    application = factories.make_application(team, "Game")
    factories.make_entitlement(application, "export")
    sign_in(developer)
    page.goto(application.get_absolute_url())

    page.get_by_role("link", name="Variables").click()
    page.get_by_role("link", name="New variable").click()
    page.get_by_label("Name").fill("MODEL_URL")
    page.get_by_label("Value", exact=True).fill("https://models.example.com/" + "x" * 120)
    page.get_by_label("Only with").select_option("export")
    assert_good_page(page)
    page.get_by_role("button", name="Create variable").click()
    expect(page.get_by_text("“MODEL_URL” is written")).to_be_visible()
    assert_good_page(page)

    page.get_by_role("link", name="Edit MODEL_URL").click()
    page.get_by_role("button", name="Show value").click()
    expect(page.get_by_text("https://models.example.com/")).to_be_visible()
    assert_good_page(page)
