"""The pages about a license's time, and about one's own words, as people see them."""

from collections.abc import Callable

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import Team, User
from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, License
from licensing.own_words import choose_words
from tests import factories
from tests.pages.conftest import assert_good_page


@pytest.fixture
def application(team: Team) -> Application:
    application = factories.make_application(team, "Photo Studio")
    choose_words(
        application=application,
        code="license_expired",
        language="de",
        text="Ihr Abo ist abgelaufen. Verlängern: example.com/renew.",
        actor=SYSTEM,
        now=timezone.now(),
    )
    return application


@pytest.fixture
def subscription(application: Application) -> License:
    policy = factories.make_policy(
        application,
        name="Monthly",
        duration_seconds=30 * 86_400,
        grace_seconds=7 * 86_400,
        suspension_freezes_time=True,
        app_version_min="1.2",
        app_version_max="2",
        download_url="https://example.com/a/rather/long/address/of/a/download/page-for-customers",
    )
    return factories.make_license(application, policy=policy, username="Ada", app_version_max="3")


def test_every_page_of_a_licenses_time_is_good(
    page: Page,
    sign_in: Callable[[User], None],
    developer: User,
    application: Application,
    subscription: License,
) -> None:
    sign_in(developer)
    trial = factories.make_license(
        application, policy=factories.make_policy(application, is_trial=True)
    )
    url, policy_url = subscription.get_absolute_url(), subscription.policy.get_absolute_url()
    shown = [
        policy_url,
        f"{policy_url}edit/",
        f"{url}edit/",
        f"{url}renew/",
        f"{url}revoke/",
        f"{trial.get_absolute_url()}convert/",
        f"{application.get_absolute_url()}settings/words/?code=license_expired&language=de",
    ]
    for address in shown:
        page.goto(address)
        assert_good_page(page)

    License.objects.filter(pk=subscription.pk).update(expires_at=Now())
    page.goto(url)
    assert_good_page(page)
    assert "It works on grace" in page.content()

    licenses.suspend_license(license=subscription, actor=SYSTEM)
    page.goto(url)
    assert "Time frozen since" in page.content()
    licenses.revoke_license(
        license=subscription, actor=SYSTEM, now=timezone.now(), reason="Charged back"
    )
    page.goto(url)
    assert_good_page(page)
    assert "Charged back" in page.content()
    page.goto(f"{url}reinstate/")
    assert_good_page(page)
