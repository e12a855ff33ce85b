"""The page that turns a request code into a license file, on the phone that it is made for."""

import re

import pytest
from lockence_client import request_code, request_url
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from licensing.models import License
from tests import factories
from tests.pages.conftest import PHONE, assert_good_page

HWID = "5f" * 32

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def license(transactional_db: None) -> License:
    return factories.make_license(username="Ada", metadata={"tier": "pro"})


def test_a_camera_that_opens_the_address_fills_in_the_code(
    page: Page, license: License, live_server: LiveServer
) -> None:
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url))

    page.goto(request_url(live_server.url, str(license.application_id), HWID))

    code = request_code(str(license.application_id), HWID)
    expect(page.get_by_label("Request code")).to_have_value(code)
    assert not [url for url in told if "REQ1" in url.partition("#")[0]]
    assert_good_page(page)


def test_a_phone_shows_a_picture_that_another_camera_can_read(
    page: Page, license: License, live_server: LiveServer
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(request_url(live_server.url, str(license.application_id), HWID))
    page.get_by_label("License key").fill(license.reveal())
    page.get_by_role("button", name="Get license file").click()

    picture = page.get_by_role("img", name="The license file as a QR code")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box
    assert box["width"] >= 0.85 * PHONE["width"], "no wider than that on so small a screen"
    expect(page.get_by_label("License file")).to_have_value(re.compile(r"^ey.+\..+\..+$"))
    assert_good_page(page)
