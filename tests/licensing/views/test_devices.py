"""The devices of an application, and releasing one."""

from django.test import Client
from django.utils import timezone

from licensing.devices import release_device
from licensing.events import SYSTEM, history_of
from licensing.models import Application, License
from tests import factories
from tests.licensing.views.conftest import messages_after, statements, text_of, url_of


def test_the_list_shows_devices(
    dashboard: Client, application: Application, license: License
) -> None:
    factories.open_session(license, device_name="Ada's PC", platform="linux")

    page = text_of(dashboard.get(url_of(application, "devices/")))

    assert "Ada&#x27;s PC" in page
    assert "linux" in page
    assert "Bound" in page


def test_an_empty_list_says_why(dashboard: Client, application: Application) -> None:
    assert "No devices here" in text_of(dashboard.get(url_of(application, "devices/")))


def test_a_device_is_released_and_its_place_is_free(
    dashboard: Client, application: Application, license: License
) -> None:
    device = factories.make_session(license).device
    release = url_of(application, f"devices/{device.pk}/release/")
    assert "gives up its place" in text_of(dashboard.get(release))

    for _ in range(2):
        page = messages_after(dashboard, dashboard.post(release))
        assert "its place is free" in page

    license.refresh_from_db()
    assert license.devices_used == 0
    assert history_of(application).filter(action="device.released").count() == 1


def test_a_place_kept_for_a_license_file_shows_where_places_are_counted(
    dashboard: Client, license: License
) -> None:
    device = factories.make_held_device(license)
    page, all_licenses = license.get_absolute_url(), url_of(license.application, "licenses/")

    assert "0 of 1 · 1 more kept for license files" in text_of(dashboard.get(page))
    assert '0 of 1 <span class="quiet">and 1 kept</span>' in text_of(dashboard.get(all_licenses))

    release_device(device=device, actor=SYSTEM, now=timezone.now())
    assert "more kept" not in text_of(dashboard.get(page))
    assert "1 kept" not in text_of(dashboard.get(all_licenses))


def test_the_list_is_narrowed_to_bound_devices_and_to_one_license(
    dashboard: Client, application: Application, license: License
) -> None:
    other = factories.make_license(application)
    for each in (license, other):
        factories.open_session(each, device_name=f"PC of {each.key_last5}")
    device = license.devices.get()
    release_device(device=device, actor=SYSTEM, now=timezone.now())

    assert device.name not in text_of(dashboard.get(url_of(application, "devices/?state=bound")))
    narrowed = text_of(dashboard.get(url_of(application, f"devices/?license={license.pk}")))
    assert device.name in narrowed
    assert other.key_last5 not in narrowed


def test_a_license_of_another_application_narrows_nothing(
    dashboard: Client, application: Application, license: License
) -> None:
    factories.open_session(license, device_name="Ada's PC")
    foreign = factories.make_license()

    page = text_of(dashboard.get(url_of(application, f"devices/?license={foreign.pk}")))

    assert "Ada&#x27;s PC" in page
    assert foreign.key_last5 not in page


def test_a_longer_list_takes_no_more_statements(
    dashboard: Client, application: Application
) -> None:
    for license in factories.make_licenses(application, 5):
        factories.open_session(license)
    few = statements(dashboard, url_of(application, "devices/"))

    for license in factories.make_licenses(application, 55):
        factories.open_session(license)

    assert statements(dashboard, url_of(application, "devices/")) == few
