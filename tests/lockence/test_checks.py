"""What `check --deploy` says of an installation."""

from django.core.checks import run_checks
from pytest_django import Settings


def ids() -> set[str]:
    messages = run_checks(include_deployment_checks=True)
    return {str(message.id) for message in messages if str(message.id).startswith("lockence.")}


def test_a_proper_installation_has_no_warnings(settings: Settings) -> None:
    settings.DEVELOPMENT, settings.HTTPS = False, True
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "127.0.0.1", "::1"]

    assert ids() == set()


def test_development_and_plain_http_are_no_production() -> None:
    assert ids() == {"lockence.W001", "lockence.W002"}


def test_a_country_that_nobody_can_tell_is_warned_of(settings: Settings) -> None:
    settings.DEVELOPMENT, settings.HTTPS = False, True
    settings.COUNTRY_HEADER = "HTTP_CF_IPCOUNTRY"

    assert ids() == {"lockence.W003"}


def test_a_proxy_that_is_no_network_is_an_error(settings: Settings) -> None:
    settings.DEVELOPMENT, settings.HTTPS = False, True
    settings.TRUSTED_PROXIES = ["nginx"]

    assert ids() == {"lockence.E001"}
