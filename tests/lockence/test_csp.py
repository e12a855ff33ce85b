"""The Content-Security-Policy header."""

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client, RequestFactory
from pytest_django import Settings

from lockence.csp import ContentSecurityPolicyMiddleware


def answer(view_body: str, status: int = 200, **headers: str) -> HttpResponse:
    """What a page with this template answers behind the middleware."""

    def view(request: HttpRequest) -> HttpResponse:
        template = engines["django"].from_string(view_body)
        return HttpResponse(template.render({}, request), status=status, headers=headers)

    return ContentSecurityPolicyMiddleware(view)(RequestFactory().get("/"))


def test_pages_may_load_from_this_site_only(client: Client) -> None:
    policy = client.get("/accounts/login/")["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_script_with_the_nonce_is_allowed() -> None:
    response = answer('<script nonce="{{ csp_nonce }}">')

    nonce = response.text.split('"')[1]
    assert len(nonce) >= 16
    assert f"script-src 'self' 'nonce-{nonce}';" in response["Content-Security-Policy"]


def test_each_answer_has_a_nonce_of_its_own() -> None:
    assert answer("{{ csp_nonce }}").text != answer("{{ csp_nonce }}").text


def test_a_page_that_asks_for_no_nonce_gets_none_into_its_policy() -> None:
    assert "script-src 'self';" in answer("plain")["Content-Security-Policy"]


def test_a_view_may_set_a_policy_of_its_own() -> None:
    headers = {"Content-Security-Policy": "default-src 'none'"}

    assert answer("plain", **headers)["Content-Security-Policy"] == "default-src 'none'"


def test_the_debug_page_of_an_error_keeps_its_styles(settings: Settings) -> None:
    assert "Content-Security-Policy" in answer("Oh", status=500)

    settings.DEBUG = True

    assert "Content-Security-Policy" not in answer("Oh", status=500)
