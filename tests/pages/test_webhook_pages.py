"""The pages about webhooks, as people see them."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import Team, User
from licensing import webhook_delivery, webhooks
from licensing.events import SYSTEM
from licensing.models import WebhookEndpoint
from tests import factories
from tests.pages.conftest import assert_good_page


@pytest.fixture
def endpoint(team: Team) -> WebhookEndpoint:
    """An endpoint that nobody answers at, with two secrets and some attempts."""
    endpoint = factories.make_endpoint(
        factories.make_application(team, "Photo Studio"), description="Web shop"
    )
    webhooks.rotate_secret(endpoint=endpoint, actor=SYSTEM, now=timezone.now())
    webhook_delivery.deliver_due(endpoint.pk)
    return endpoint


@pytest.mark.parametrize(
    "path", ["", "new/", "{e}/", "{e}/edit/", "{e}/replay/", "{e}/deliveries/{d}/"]
)
def test_every_page_about_webhooks_is_a_good_page(
    path: str,
    page: Page,
    sign_in: Callable[[User], None],
    developer: User,
    endpoint: WebhookEndpoint,
) -> None:
    sign_in(developer)
    delivery = endpoint.deliveries.latest("id")
    page.goto(
        f"{endpoint.application.get_absolute_url()}settings/webhooks/"
        + path.format(e=endpoint.pk, d=delivery.pk)
    )

    assert_good_page(page)
