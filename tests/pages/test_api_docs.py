"""The API reference in a browser: under the strict policy, from this machine alone."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.pages.conftest import PHONE


@pytest.mark.parametrize("on_a_phone", [False, True])
def test_every_call_can_be_looked_up_and_nothing_is_fetched_from_elsewhere(
    page: Page, live_server: LiveServer, on_a_phone: bool
) -> None:
    if on_a_phone:
        page.set_viewport_size(PHONE)
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((live_server.url, "data:", "blob:"))
            else elsewhere.append(request.url)
        ),
    )

    page.goto("/api/docs/")

    # The `page` fixture fails on whatever the browser complains about, the policy's refusals included.
    expect(page.locator(".opblock-summary").first).to_be_visible()
    page.locator("#operations-licenses-applications_licenses_create .opblock-summary").click()
    expect(page.get_by_text("Idempotency-Key")).to_be_visible()
    assert elsewhere == []
