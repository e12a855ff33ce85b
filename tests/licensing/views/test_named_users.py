"""Who has a license among those that it is limited to: shown on its page, and removed from there."""

from django.test import Client

from licensing.models import License, NamedUser
from tests import factories
from tests.licensing.views.conftest import messages_after, statements, text_of, url_of


def test_the_page_of_a_license_shows_them_and_one_is_removed(
    dashboard: Client, license: License
) -> None:
    assert "Named users" not in text_of(dashboard.get(license.get_absolute_url()))
    License.objects.update(users_max=3)
    factories.open_session(license, user_name="zelda")
    page = text_of(dashboard.get(license.get_absolute_url()))
    assert "1 of 3" in page
    assert "zelda" in page
    url = url_of(license.application, f"users/{NamedUser.objects.get().pk}/remove/")
    assert url in page
    assert "“zelda” gives up the place" in text_of(dashboard.get(url))

    assert "the place is free" in messages_after(dashboard, dashboard.post(url))

    assert not NamedUser.objects.exists()
    assert dashboard.post(url).status_code == 302


def test_a_long_list_takes_no_more_statements(dashboard: Client, license: License) -> None:
    License.objects.update(users_max=50)
    factories.open_session(license, user_name="ann")
    url = url_of(license.application, f"users/?license={license.pk}")
    assert "ann" in text_of(dashboard.get(url))
    few = statements(dashboard, url)

    for number in range(10):
        factories.open_session(license, user_name=f"person-{number}")

    assert statements(dashboard, url) == few
