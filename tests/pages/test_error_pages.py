"""What a person sees when something is refused, gone or broken."""

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views import defaults
from playwright.sync_api import Page, expect

from tests.pages.conftest import assert_good_page


def test_a_wrong_address_leads_back_to_the_start(page: Page) -> None:
    page.goto("/nowhere/")

    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert_good_page(page)
    page.get_by_role("link", name="To the start page").click()
    expect(page).to_have_url("/")


def test_a_form_without_its_token_is_refused_in_words() -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"))

    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_too_many_tries_are_refused_in_words(client: Client, db: None) -> None:
    for _ in range(21):
        response = client.post(reverse("account_reset_password"), {"email": "nobody@example.com"})

    assert response.status_code == 429
    assert "Too many tries" in response.content.decode()


def test_a_senseless_request_is_answered_without_looking_at_it() -> None:
    response = defaults.bad_request(RequestFactory().get("/"), ValueError())

    assert response.status_code == 400
    assert "That request made no sense to us" in response.content.decode()


def test_a_broken_site_still_shows_its_error_page() -> None:
    response = defaults.server_error(RequestFactory().get("/"))

    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()


@pytest.mark.parametrize("name", ["400.html", "500.html", "503.html"])
def test_the_barest_error_pages_need_nothing_that_may_be_broken(name: str) -> None:
    text = render_to_string(name)

    assert '<a class="brand" href="/">' in text
    assert "csrfmiddlewaretoken" not in text
