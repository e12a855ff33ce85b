"""Suspend, restore, revoke and extend: each asks first, does its work once, and tells what was done."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from licensing.models import Event, License, Session
from tests import factories
from tests.licensing.views.conftest import messages_after, text_of
from tests.threads import while_it_is_deleted

ACTS = ("suspend", "restore", "revoke")


def act_on(client: Client, license: License, act: str, **form: str) -> str:
    return messages_after(client, client.post(f"{license.get_absolute_url()}{act}/", form))


def test_a_suspended_license_is_restored(dashboard: Client, license: License) -> None:
    assert "is suspended" in act_on(dashboard, license, "suspend")
    license.refresh_from_db()
    assert license.status == "suspended"

    assert "is active" in act_on(dashboard, license, "restore")
    license.refresh_from_db()
    assert license.status == "active"


def test_a_revoked_license_loses_its_sessions(dashboard: Client, license: License) -> None:
    factories.open_session(license)

    assert "is revoked" in act_on(dashboard, license, "revoke")

    assert not Session.objects.open(timezone.now()).exists()


@pytest.mark.parametrize("act", ACTS)
def test_an_act_asks_first_and_says_what_it_will_do(
    dashboard: Client, license: License, act: str
) -> None:
    page = dashboard.get(f"{license.get_absolute_url()}{act}/")

    assert f"…{license.key_last5}" in text_of(page)
    assert page.context["question"].cancel_url == license.get_absolute_url()
    license.refresh_from_db()
    assert license.status == "active"


@pytest.mark.parametrize("act", ACTS)
def test_a_second_press_says_the_same_and_leaves_one_event(
    dashboard: Client, license: License, act: str
) -> None:
    if act == "restore":
        act_on(dashboard, license, "suspend")
    before = Event.objects.count()

    first, second = (act_on(dashboard, license, act) for _ in range(2))

    message = re.compile(r"(?<=<span>)License …\w{5} is [^<]+(?=</span>)")
    assert message.findall(first) == message.findall(second) != []
    assert Event.objects.count() == before + 1


@pytest.mark.parametrize("act", ["suspend", "restore"])
def test_a_revoked_license_stays_revoked(dashboard: Client, license: License, act: str) -> None:
    act_on(dashboard, license, "revoke")

    page = act_on(dashboard, license, act)

    assert "A revoked license stays revoked" in page
    license.refresh_from_db()
    assert license.status == "revoked"


def offered_ends(client: Client, license: License) -> dict[str, str]:
    page = client.get(f"{license.get_absolute_url()}extend/")
    choices = page.context["form"].fields["end"].widget.choices
    return {label: value for value, label in choices}


def test_an_offered_end_counts_from_the_end_of_today(dashboard: Client, license: License) -> None:
    License.objects.update(expires_at=dt.datetime(2050, 1, 1, 12, tzinfo=dt.UTC))
    license.refresh_from_db()

    act_on(
        dashboard,
        license,
        "extend",
        end=offered_ends(dashboard, license)["30 days later, on 31 January 2050"],
    )

    license.refresh_from_db()
    assert license.expires_at == dt.datetime(2050, 1, 31, 12, tzinfo=dt.UTC)


def test_a_form_sent_twice_extends_once(dashboard: Client, license: License) -> None:
    [end, *_] = offered_ends(dashboard, license).values()

    for _ in range(2):
        act_on(dashboard, license, "extend", end=end)

    license.refresh_from_db()
    assert license.expires_at == dt.datetime.fromisoformat(end)
    assert Event.objects.filter(action="license.extended").count() == 1


def test_a_license_ends_on_a_day_or_never(dashboard: Client, license: License) -> None:
    act_on(dashboard, license, "extend", end="day", day="2060-02-29")
    license.refresh_from_db()
    assert license.expires_at == dt.datetime(2060, 2, 29, 23, 59, 59, tzinfo=dt.UTC)

    act_on(dashboard, license, "extend", end="never")
    license.refresh_from_db()
    assert license.expires_at is None


def test_a_license_may_last_to_the_end_of_the_calendar(dashboard: Client, license: License) -> None:
    act_on(dashboard, license, "extend", end="day", day="9999-12-31")

    assert len(offered_ends(dashboard, license)) == 2


@pytest.mark.parametrize(
    "form",
    [
        {"end": "whenever"},
        {"end": "day"},
        {"end": "day", "day": "31.31.2031"},
        {"end": "day", "day": "2001-01-01"},
        {"end": "2001-01-01T00:00:00+00:00"},
        {"end": "0001-01-01T00:00:00+23:59"},
        {"end": "9999-12-31T23:59:59-23:59"},
        {"end": "nul\0"},
        {"day": "2060-01-01"},
    ],
)
def test_an_end_that_makes_no_sense_is_refused(
    dashboard: Client, license: License, form: dict[str, str]
) -> None:
    response = dashboard.post(f"{license.get_absolute_url()}extend/", form)

    assert response.status_code == 200
    assert response.context["form"].errors
    license.refresh_from_db()
    assert license.expires_at is None


def test_a_revoked_license_is_not_extended(dashboard: Client, license: License) -> None:
    act_on(dashboard, license, "revoke")

    response = dashboard.post(f"{license.get_absolute_url()}extend/", {"end": "never"})

    assert "A revoked license cannot be extended." in text_of(response)


def test_a_revocation_tells_its_reason_and_is_undone(dashboard: Client, license: License) -> None:
    dashboard.post(f"{license.get_absolute_url()}revoke/", {"reason": "Charged back"})
    assert "Charged back" in dashboard.get(license.get_absolute_url()).content.decode()

    page = act_on(dashboard, license, "reinstate")

    assert "is active again" in page
    assert "Charged back" not in page.split('id="events"')[0]


def test_a_button_pressed_twice_renews_once(dashboard: Client, license: License) -> None:
    policy = factories.make_policy(license.application, duration_seconds=86_400)
    monthly = factories.make_license(license.application, policy=policy)
    url = f"{monthly.get_absolute_url()}renew/"
    form = dashboard.get(url).context["form"]
    sent = {"seen_end": form["seen_end"].value()}

    dashboard.post(url, sent)
    dashboard.post(url, sent)

    end = monthly.expires_at
    monthly.refresh_from_db()
    assert end is not None
    assert monthly.expires_at == end + dt.timedelta(days=1)


def test_a_trial_is_converted_to_a_policy_that_is_none(dashboard: Client, license: License) -> None:
    trial_policy = factories.make_policy(license.application, is_trial=True)
    trial = factories.make_license(license.application, policy=trial_policy)
    url = f"{trial.get_absolute_url()}convert/"
    offered = dashboard.get(url).context["form"].fields["policy"].queryset
    assert trial_policy not in offered

    dashboard.post(url, {"policy": str(license.policy_id)})

    trial.refresh_from_db()
    assert trial.policy_id == license.policy_id


def test_a_license_is_transferred_and_says_so(dashboard: Client, license: License) -> None:
    factories.open_session(license)
    url = f"{license.get_absolute_url()}transfer/"
    assert "Whoever knows the key can still use it" in text_of(dashboard.get(url))

    page = act_on(dashboard, license, "transfer", username="Grace", email="grace@example.com")

    assert "is the new customer" in page
    assert "Grace" in page
    assert not Session.objects.open(timezone.now()).exists()
    nobody = dashboard.post(url, {"username": "", "email": ""})
    assert "Username or email must say who gets the license." in text_of(nobody)


def test_a_trials_page_forgets_the_devices_that_had_it(dashboard: Client, license: License) -> None:
    policy = factories.make_policy(license.application, is_trial=True)
    trial = factories.make_license(license.application, policy=policy)
    factories.open_session(trial)
    assert "reset-trial/" in text_of(dashboard.get(trial.get_absolute_url()))

    assert "may try once more" in act_on(dashboard, trial, "reset-trial")

    assert Event.objects.filter(action="license.trial_reset").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("act", "form"), [("suspend", {}), ("extend", {"end": "never"})])
def test_what_is_deleted_between_the_page_and_its_act_is_not_found(
    dashboard: Client, license: License, act: str, form: dict[str, str]
) -> None:
    address = f"{license.get_absolute_url()}{act}/"

    answer = while_it_is_deleted(license, lambda: dashboard.post(address, form))

    assert answer.status_code == 404
