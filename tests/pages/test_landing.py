"""The first page that anybody sees, and the samples on it."""

from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.pages.conftest import assert_good_page


def test_the_landing_page_leads_to_the_sign_up(page: Page) -> None:
    page.goto("/")
    assert_good_page(page)

    page.get_by_role("main").get_by_role("link", name="Sign up").click()

    expect(page.get_by_role("heading", name="Create your account")).to_be_visible()


def test_one_screen_of_a_laptop_holds_all_promises(page: Page) -> None:
    page.goto("/")

    for name in ("Limits that hold", "Answers nobody forges", "Useless to steal", "Yours to host"):
        expect(page.get_by_role("heading", name=name)).to_be_in_viewport(ratio=1)


def test_who_is_signed_in_goes_to_the_dashboard(client: Client, developer: User) -> None:
    client.force_login(developer)

    text = client.get("/").content.decode()

    assert "Go to dashboard" in text
    assert "Sign up" not in text


def test_the_language_chosen_is_remembered(page: Page) -> None:
    page.goto("/")
    page.get_by_role("tab", name="Python").press("ArrowRight")
    expect(page.get_by_role("tab", name="C#")).to_be_focused()

    page.reload()

    expect(page.get_by_role("tab", name="C#", selected=True)).to_be_visible()
    expect(page.get_by_role("tabpanel", name="C#")).to_be_visible()
    expect(page.get_by_role("tabpanel")).to_have_count(1)
    assert_good_page(page)


def test_a_sample_is_copied_and_said_to_be(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/")

    page.get_by_role("tabpanel", name="Python").get_by_role("button", name="Copy").click()

    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# pip install requests\nimport requests\n")


def test_a_sample_is_copied_where_the_browser_has_no_clipboard(page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto("/")

    page.get_by_role("tabpanel", name="Python").get_by_role("button", name="Copy").click()

    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_attached()


def test_without_javascript_all_samples_show(browser: Browser, live_server: LiveServer) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")

    for label in ("Python", "C#", "C++", "JavaScript", "curl"):
        expect(page.locator("figure").filter(has_text=label).locator("pre").first).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    context.close()
