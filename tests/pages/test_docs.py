"""The handbook in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import PHONE, assert_good_page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "path", ["", "api/", "quickstart/", "errors/hwid_mismatch/", "how-to/self-hosting/"]
)
def test_a_page_of_the_handbook_is_for_everybody(page: Page, path: str) -> None:
    page.goto(f"/docs/{path}")

    assert_good_page(page)


def test_the_language_chosen_once_is_shown_on_every_page(page: Page) -> None:
    page.goto("/docs/api/")
    page.get_by_role("tab", name="C++").first.click()

    page.goto("/docs/quickstart/")

    expect(page.get_by_role("tab", name="C++")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("#include <curl/curl.h>")).to_be_visible()


def test_a_sample_is_copied_whole(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/docs/api/")

    page.get_by_role("button", name="Copy Python").first.click()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# pip install requests\nimport requests\n")
    assert copied.endswith('answer["message"])')


def test_on_a_phone_the_pages_are_in_a_menu(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto("/docs/api/")

    page.get_by_text("All pages").click()
    page.get_by_role("link", name="Concepts").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Concepts")
