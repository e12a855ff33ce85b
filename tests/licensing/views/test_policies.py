"""Policies: listed, made, changed, made default and deleted."""

import pytest
from django.test import Client

from licensing.models import Application, License, Policy
from tests import factories
from tests.licensing.views.conftest import (
    hidden,
    messages_after,
    statements,
    text_of,
    url_of,
)

FORM = {
    "name": "Pro",
    "duration_seconds_0": "1",
    "duration_seconds_1": "years",
    "clock_start": "first_use",
    "grace_seconds_0": "2",
    "grace_seconds_1": "days",
    "renewal": "from_now",
    "is_trial": "on",
    "suspension_freezes_time": "on",
    "expiry_strategy": "fall_back",
    "app_version_min": "1.2",
    "app_version_max": "2",
    "download_url": "https://example.com/get",
    "devices_max": "3",
    "sessions_max": "2",
    "sessions_overflow": "end_oldest",
    "sessions_per": "license",
    "hwid_matching": "most",
    "releases_max": "3",
    "releases_period_seconds_0": "30",
    "releases_period_seconds_1": "days",
    "releases_pause_seconds_0": "",
    "releases_pause_seconds_1": "forever",
    "sessions_overdraft": "0",
    "borrow_max_seconds_0": "",
    "borrow_max_seconds_1": "forever",
    "session_lifetime_seconds_0": "2",
    "session_lifetime_seconds_1": "hours",
    "heartbeat_interval_seconds_0": "10",
    "heartbeat_interval_seconds_1": "minutes",
    "license_file_seconds_0": "7",
    "license_file_seconds_1": "days",
}


def test_the_list_shows_the_rules(dashboard: Client, application: Application) -> None:
    factories.make_policy(application, name="Trial", duration_seconds=14 * 86_400)

    page = text_of(dashboard.get(url_of(application, "policies/")))

    assert "Standard" in page
    assert "for ever" in page
    assert "14 days" in page


def test_a_policy_is_made(dashboard: Client, application: Application) -> None:
    response = dashboard.post(url_of(application, "policies/new/"), FORM)

    assert "“Pro” is ready" in messages_after(dashboard, response)
    policy = Policy.objects.get(name="Pro")
    assert (policy.duration_seconds, policy.clock_start) == (365 * 86_400, "first_use")
    assert (policy.devices_max, policy.sessions_max) == (3, 2)
    assert policy.sessions_overflow == "end_oldest"
    assert (policy.renewal, policy.is_trial, policy.suspension_freezes_time) == (
        "from_now",
        True,
        True,
    )
    assert (policy.grace_seconds, policy.expiry_strategy) == (2 * 86_400, "fall_back")
    assert (policy.app_version_min, policy.app_version_max) == ("1.2", "2")
    assert policy.download_url == "https://example.com/get"
    assert (policy.session_lifetime_seconds, policy.heartbeat_interval_seconds) == (7200, 600)
    assert policy.license_file_seconds == 7 * 86_400


def test_license_files_can_be_ruled_out(dashboard: Client, application: Application) -> None:
    dashboard.post(
        url_of(application, "policies/new/"), FORM | {"license_file_seconds_1": "forever"}
    )

    policy = Policy.objects.get(name="Pro")
    assert policy.license_file_seconds is None
    page = text_of(dashboard.get(policy.get_absolute_url()))
    assert "No license files" in page


def test_the_setting_says_when_a_revocation_takes_effect_offline(
    dashboard: Client, application: Application
) -> None:
    policy = application.default_policy()

    for address in (policy.get_absolute_url(), f"{policy.get_absolute_url()}edit/"):
        assert "takes effect offline when the file ends" in text_of(dashboard.get(address))


def test_all_may_end_on_one_day_and_a_scripts_hour_is_kept(
    dashboard: Client, application: Application
) -> None:
    once = {"duration_seconds_0": "", "duration_seconds_1": "forever", "ends_on": "2099-12-31"}
    dashboard.post(url_of(application, "policies/new/"), FORM | once)
    policy = Policy.objects.get(name="Pro")
    assert f"{policy.ends_at:%Y-%m-%d %H:%M:%S}" == "2099-12-31 23:59:59"

    Policy.objects.filter(pk=policy.pk).update(ends_at=policy.ends_at.replace(hour=12))
    dashboard.post(
        url_of(application, f"policies/{policy.pk}/edit/"), FORM | once | {"name": "New"}
    )

    policy.refresh_from_db()
    assert (policy.name, policy.ends_at.hour) == ("New", 12)


def test_for_ever_and_no_limit_can_be_said(dashboard: Client, application: Application) -> None:
    unlimited = {"duration_seconds_1": "forever", "devices_max": "", "sessions_max": ""}

    dashboard.post(url_of(application, "policies/new/"), FORM | unlimited)

    policy = Policy.objects.get(name="Pro")
    assert policy.duration_seconds is policy.devices_max is policy.sessions_max is None


def test_a_form_sent_twice_makes_one_policy(dashboard: Client, application: Application) -> None:
    new = url_of(application, "policies/new/")
    form = FORM | {"id": hidden(dashboard.get(new), "id")}

    for _ in range(2):
        assert dashboard.post(new, form).status_code == 302

    assert Policy.objects.filter(name="Pro").count() == 1


def test_a_policy_is_changed(dashboard: Client, application: Application) -> None:
    policy = factories.make_policy(application, name="Trial")

    response = dashboard.post(f"{policy.get_absolute_url()}edit/", FORM)

    assert "“Pro” is saved" in messages_after(dashboard, response)
    assert Policy.objects.get(pk=policy.pk).devices_max == 3


def test_the_edit_form_tells_times_in_their_largest_unit(
    dashboard: Client, application: Application
) -> None:
    policy = factories.make_policy(application, duration_seconds=180 * 86_400)

    page = text_of(dashboard.get(f"{policy.get_absolute_url()}edit/"))

    assert 'name="duration_seconds_0" value="6"' in page
    assert '<option value="months" selected>' in page
    assert 'name="heartbeat_interval_seconds_0" value="5"' in page


def test_a_name_that_is_taken_is_refused_in_words(
    dashboard: Client, application: Application
) -> None:
    response = dashboard.post(url_of(application, "policies/new/"), FORM | {"name": "Standard"})

    assert "Name is taken by another policy" in text_of(response)


def test_a_heartbeat_must_come_before_the_session_ends(
    dashboard: Client, application: Application
) -> None:
    slow = {"heartbeat_interval_seconds_0": "3", "heartbeat_interval_seconds_1": "hours"}

    response = dashboard.post(url_of(application, "policies/new/"), FORM | slow)

    assert "shorter than the session lifetime" in text_of(response)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "nul\0"),
        ("duration_seconds_0", ""),
        ("duration_seconds_0", "0"),
        ("duration_seconds_0", "-1"),
        ("duration_seconds_0", "101"),
        ("duration_seconds_0", "9" * 5000),
        ("duration_seconds_1", "fortnights"),
        ("clock_start", "never"),
        ("devices_max", "0"),
        ("devices_max", str(2**31)),
        ("sessions_max", "1.5"),
        ("sessions_overflow", ""),
        ("grace_seconds_0", "367"),
        ("expiry_strategy", "maybe"),
        ("app_version_min", "newest"),
        ("download_url", "javascript:alert(1)"),
        ("session_lifetime_seconds_0", "99999"),
        ("session_lifetime_seconds_1", "forever"),
        ("heartbeat_interval_seconds_0", ""),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    dashboard: Client, application: Application, field: str, value: str
) -> None:
    response = dashboard.post(url_of(application, "policies/new/"), FORM | {field: value})

    assert response.status_code == 200
    assert set(response.context["form"].errors) == {field.removesuffix("_0").removesuffix("_1")}
    assert not Policy.objects.filter(name="Pro").exists()


def test_another_policy_becomes_the_default(dashboard: Client, application: Application) -> None:
    policy = factories.make_policy(application)
    make_default = f"{policy.get_absolute_url()}make-default/"
    assert "unless you choose another" in text_of(dashboard.get(make_default))

    for _ in range(2):
        messages_after(dashboard, dashboard.post(make_default))

    assert application.default_policy() == policy


def test_a_policy_is_deleted(dashboard: Client, application: Application) -> None:
    policy = factories.make_policy(application)
    delete = f"{policy.get_absolute_url()}delete/"
    assert "can no longer be chosen" in text_of(dashboard.get(delete))

    first, second = dashboard.post(delete), dashboard.post(delete)

    assert "is deleted" in messages_after(dashboard, first)
    assert second.status_code == 302
    assert not Policy.objects.filter(pk=policy.pk).exists()


def test_the_default_policy_and_one_that_licenses_follow_stay(
    dashboard: Client, application: Application, license: License
) -> None:
    followed = factories.make_policy(application)
    factories.make_license(application, policy=followed)

    for policy, reason in (
        (application.default_policy(), "make another one the default first"),
        (followed, "give them another one first"),
    ):
        response = dashboard.post(f"{policy.get_absolute_url()}delete/")
        assert reason in messages_after(dashboard, response)

    assert Policy.objects.count() == 2


def test_more_policies_take_no_more_statements(dashboard: Client, application: Application) -> None:
    few = statements(dashboard, url_of(application, "policies/"))
    for _ in range(30):
        factories.make_policy(application)

    assert statements(dashboard, url_of(application, "policies/")) == few
