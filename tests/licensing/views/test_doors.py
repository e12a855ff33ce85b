"""Who may open which page of the dashboard: every address is tried by everybody."""

import uuid
from collections.abc import Iterable

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from accounts.models import User
from licensing import licenses
from licensing.events import SYSTEM, history_of
from licensing.models import Application, License
from licensing.urls import urlpatterns
from tests import factories
from tests.licensing.views.conftest import SignIn

# What each page asks for: "view" is for every member, "act" for support and above, "own" for admins and owners. The method is
# the one that the page cannot do without.
PAGES = {
    "application": "GET view",
    "application-connection": "GET view",
    "first-license": "POST act",
    "application-settings": "GET own",
    "application-enable": "POST own",
    "application-disable": "GET own",
    "api-key-rotate": "GET own",
    "api-key-retire": "GET own",
    "signing-key-promote": "GET own",
    "signing-key-replace": "GET own",
    "signing-key-retire": "GET own",
    "words": "GET own",
    "tokens": "GET own",
    "token-new": "GET own",
    "token-revoke": "GET own",
    "webhooks": "GET own",
    "webhook-new": "GET own",
    "webhook": "GET own",
    "webhook-edit": "GET own",
    "webhook-reveal": "POST own",
    "webhook-rotate": "GET own",
    "webhook-test": "POST own",
    "webhook-pause": "POST own",
    "webhook-enable": "POST own",
    "webhook-replay": "GET own",
    "webhook-delivery": "GET own",
    "webhook-delivery-replay": "POST own",
    "webhook-delete": "GET own",
    "licenses": "GET view",
    "licenses-export": "GET view",
    "licenses-new": "GET act",
    "license": "GET view",
    "license-edit": "GET act",
    "license-reveal": "POST act",
    "license-extend": "GET act",
    "license-suspend": "GET act",
    "license-restore": "GET act",
    "license-revoke": "GET act",
    "license-reinstate": "GET act",
    "license-renew": "GET act",
    "license-convert": "GET act",
    "license-transfer": "GET act",
    "license-reset-trial": "GET act",
    "license-delete": "GET act",
    "license-entitlement": "GET act",
    "license-entitlement-remove": "GET act",
    "license-usage": "GET act",
    "license-forget": "GET own",
    "batch": "GET act",
    "batch-download": "GET act",
    "bulk-jobs": "GET view",
    "bulk-issue": "GET act",
    "bulk-act": "GET act",
    "bulk-file": "GET act",
    "bulk-job": "GET view",
    "bulk-perform": "GET act",
    "bulk-cancel": "GET act",
    "bulk-failures": "POST view",
    "bulk-results": "POST view",
    "policies": "GET view",
    "policy": "GET view",
    "policy-new": "GET own",
    "policy-edit": "GET own",
    "policy-make-default": "GET own",
    "policy-delete": "GET own",
    "policy-entitlement": "GET own",
    "policy-entitlement-remove": "GET own",
    "entitlements": "GET view",
    "entitlement-new": "GET own",
    "entitlement": "GET own",
    "entitlement-delete": "GET own",
    "variables": "GET view",
    "variable-new": "GET own",
    "variable": "GET own",
    "variable-reveal": "POST own",
    "variable-delete": "GET own",
    "named-users": "GET view",
    "named-user-remove": "GET act",
    "access-rules": "GET view",
    "access-rule-new": "GET act",
    "access-rule-delete": "GET act",
    "license-access-rule-new": "GET act",
    "device-block": "GET act",
    "devices": "GET view",
    "device-release": "GET act",
    "sessions": "GET view",
    "session-end": "GET act",
    "events": "GET view",
}
OPEN = "open"


def _parameters(patterns: Iterable[URLPattern | URLResolver]) -> dict[str, set[str]]:
    """What the address of each page is made of, by the page's name."""
    found: dict[str, set[str]] = {}
    for pattern in patterns:
        own = set(pattern.pattern.converters)
        if isinstance(pattern, URLPattern):
            found[pattern.name or ""] = own
        else:
            inner = _parameters(pattern.url_patterns)
            found |= {name: own | parameters for name, parameters in inner.items()}
    return found


PARAMETERS = _parameters(urlpatterns)
OF_A_ROW = [name for name in PAGES if PARAMETERS.get(name, set()) - {"application_id"}]


@pytest.fixture
def addresses(application: Application, license: License) -> dict[str, str]:
    """The address of every page, for rows that are there."""
    endpoint = factories.make_endpoint(application)
    session = factories.make_session(license)
    licenses.suspend_license(license=license, actor=SYSTEM)
    licenses.restore_license(license=license, actor=SYSTEM)
    ids = {
        "application_id": application.pk,
        "license_id": license.pk,
        "batch_id": license.batch_id,
        "job_id": factories.make_finished_dry_run(license).pk,
        "policy_id": factories.make_policy(application).pk,
        "device_id": session.device_id,
        "session_id": session.pk,
        "api_key_id": application.api_keys.get().pk,
        "signing_key_id": application.signing_keys.get(state="next").pk,
        "endpoint_id": endpoint.pk,
        "delivery_id": endpoint.deliveries.latest("pk").pk,
        "entitlement_id": factories.make_entitlement(application, "pages", "metered").pk,
        "user_id": factories.make_named_user(application).pk,
        "rule_id": factories.make_access_rule(application).pk,
        "variable_id": factories.make_variable(application).pk,
        "token_id": factories.make_token(application).token.pk,
        "file_format": "csv",
    }
    return {name: _address(name, ids) for name in PAGES}


def test_every_page_of_an_application_is_tried_here() -> None:
    assert {name for name in PARAMETERS if "application_id" in PARAMETERS[name]} == PAGES.keys()


def test_a_page_opens_for_its_developer(dashboard: Client, addresses: dict[str, str]) -> None:
    assert {_ask(dashboard, page, address) for page, address in addresses.items()} == {OPEN}


def test_a_teammate_who_may_only_look_can_do_no_more(
    teammate: User, sign_in: SignIn, addresses: dict[str, str]
) -> None:
    answers = {page: _ask(sign_in(teammate), page, addresses[page]) for page in PAGES}

    assert answers == {page: OPEN if door.endswith("view") else 403 for page, door in PAGES.items()}


def test_support_acts_on_licenses_and_on_nothing_else(
    supporter: User, sign_in: SignIn, addresses: dict[str, str]
) -> None:
    answers = {page: _ask(sign_in(supporter), page, addresses[page]) for page in PAGES}

    assert answers == {page: 403 if door.endswith("own") else OPEN for page, door in PAGES.items()}


def test_an_act_without_the_right_changes_nothing(
    teammate: User, sign_in: SignIn, application: Application, addresses: dict[str, str]
) -> None:
    events = history_of(application).count()
    acts = [page for page, door in PAGES.items() if not door.endswith("view")]

    answers = {sign_in(teammate).post(addresses[page]).status_code for page in acts}

    # What can only be read does not know the method; everything else asks for the right.
    assert answers == {403, 405}
    assert history_of(application).count() == events


def test_a_stranger_finds_nothing(
    stranger: User, sign_in: SignIn, addresses: dict[str, str]
) -> None:
    answers = {page: _ask(sign_in(stranger), page, addresses[page]) for page in PAGES}
    posted = {sign_in(stranger).post(address).status_code for address in addresses.values()}

    assert answers == dict.fromkeys(PAGES, 404)
    assert posted == {404, 405}


def test_who_is_not_signed_in_is_asked_to(client: Client, addresses: dict[str, str]) -> None:
    for address in addresses.values():
        assert client.get(address)["Location"] == f"/accounts/login/?next={address}"


def test_a_row_that_is_not_there_is_not_found(dashboard: Client, application: Application) -> None:
    answers = {}
    for page in PAGES:
        ids = dict.fromkeys(PARAMETERS[page], uuid.uuid4()) | {"file_format": "csv"}
        if page in OF_A_ROW:
            ids["application_id"] = application.pk
        answers[page] = _ask(dashboard, page, _address(page, ids))

    assert answers == dict.fromkeys(PAGES, 404)


def test_a_row_of_another_application_is_not_found(
    dashboard: Client, application: Application, addresses: dict[str, str]
) -> None:
    other = str(factories.make_application(application.team, "Other").pk)
    elsewhere = {page: addresses[page].replace(str(application.pk), other) for page in OF_A_ROW}

    answers = {page: _ask(dashboard, page, address) for page, address in elsewhere.items()}

    assert answers == dict.fromkeys(OF_A_ROW, 404)


def test_a_method_that_a_page_does_not_know_is_refused(
    dashboard: Client, addresses: dict[str, str]
) -> None:
    for page, address in addresses.items():
        unknown = {"PUT", "DELETE", "PATCH"}
        if PAGES[page].startswith("POST"):
            unknown.add("GET")
        assert {dashboard.generic(each, address).status_code for each in unknown} == {405}, page


def _ask(client: Client, page: str, address: str) -> int | str:
    status = client.generic(PAGES[page].split()[0], address).status_code
    return OPEN if status in (200, 302) else status


def _address(page: str, ids: dict[str, object]) -> str:
    return reverse(page, kwargs={key: ids[key] for key in PARAMETERS[page]})
