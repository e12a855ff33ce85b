"""Pages in a real browser: Debian's chromium, which must find nothing to complain about."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests import people

CHROMIUM = Path("/usr/bin/chromium")
PHONE = {"width": 360, "height": 800}
DESKTOP = {"width": 1280, "height": 800}

# Playwright's synchronous calls run an event loop in this thread, where Django would refuse every query.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    # Chromium's own sandbox refuses to run as root, and in most containers.
    return {"executable_path": str(CHROMIUM), "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def browser_context_args(live_server: LiveServer) -> dict[str, Any]:
    return {
        "base_url": live_server.url,
        "viewport": DESKTOP,
        "locale": "en-GB",
        "timezone_id": "UTC",
        # Without transitions a colour is at once what it is going to be, for axe as for the eye.
        "reduced_motion": "reduce",
    }


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A browser tab on the live server; the test fails if the page complains, a blocked style or script included."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # That the page itself was answered with 404, say, is what a test of error pages wants.
        is_status = message.text.startswith("Failed to load resource")
        if is_status and message.location["url"] == page.url:
            return
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    page.set_default_timeout(10_000)
    yield page
    assert complaints == []


@pytest.fixture
def sign_in(page: Page, client: Client, live_server: LiveServer) -> Callable[[User], None]:
    """Makes the browser somebody's, without a walk through the log-in form."""

    def sign_in(user: User) -> None:
        people.sign_in(client, user)
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies(
            [{"name": session.key, "value": session.value, "url": live_server.url}]
        )

    return sign_in


def assert_good_page(page: Page) -> None:
    """Assert that the page shown is usable by everybody, in light and dark, and fits a phone."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (PHONE, DESKTOP):
            page.set_viewport_size(size)
            assert _overflow(page) <= 0, f"{page.url} scrolls sideways at {size['width']} px"
            assert _violations(page) == [], f"{page.url} in {scheme} at {size['width']} px"
    page.emulate_media(color_scheme=None)


def _overflow(page: Page) -> int:
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


def _violations(page: Page) -> list[str]:
    # Handing axe over takes ten times as long as running it, so a page gets it once.
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    # Without preload: axe would add style sheets of its own to the page, which the page's policy forbids.
    options = "{resultTypes: ['violations'], preload: false}"
    found = page.evaluate(f"axe.run({options}).then(run => run.violations)")
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]
