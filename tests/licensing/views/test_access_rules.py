"""The pages about who is kept out: a list to add to and take from, on the application and on each license."""

import contextlib

import pytest
from django.test import Client

from licensing import errors, hardware_ids, sessions, tokens
from licensing.models import AccessRule, Application, Device, License
from licensing.session_facts import Program
from tests import factories
from tests.licensing.views.conftest import hidden, messages_after, statements, text_of, url_of


def test_a_network_is_blocked_and_let_in_again(dashboard: Client, application: Application) -> None:
    new = url_of(application, "access/new/")
    page = dashboard.get(new)
    assert "user name" not in text_of(page).lower()
    form = {
        "kind": "network",
        "value": "203.0.113.7",
        "note": "Key seller",
        "id": hidden(page, "id"),
    }

    listed = [messages_after(dashboard, dashboard.post(new, form)) for _ in range(2)][-1]

    assert "203.0.113.7" in listed
    assert "Key seller" in listed
    rule = AccessRule.objects.get()
    delete = url_of(application, f"access/{rule.pk}/delete/")
    assert "may come in again" in text_of(dashboard.get(delete))
    assert "is deleted" in messages_after(dashboard, dashboard.post(delete))
    assert dashboard.post(delete).status_code == 302
    assert not AccessRule.objects.exists()


def test_a_license_is_made_good_for_one_device_alone(dashboard: Client, license: License) -> None:
    new = f"{license.get_absolute_url()}access/new/"
    page = dashboard.get(new)
    assert "User name" in text_of(page)
    assert page.context["section"] == "licenses"
    assert "such as DE; a user name." in text_of(page)
    parts = '{"board": "board-z", "disk": "d-1"}'
    form = {"kind": "hwid", "value": parts, "note": "", "id": hidden(page, "id")}

    page_after = messages_after(dashboard, dashboard.post(new, form))

    assert "(board, disk)" in page_after
    assert "board-z" not in page_after
    listed = dashboard.get(url_of(license.application, f"access/?license={license.pk}"))
    assert "(board, disk)" in text_of(listed)
    assert "Nobody is kept out" in text_of(dashboard.get(url_of(license.application, "access/")))


def test_what_is_no_value_is_told_beside_the_form(
    dashboard: Client, application: Application
) -> None:
    new = url_of(application, "access/new/")
    page = dashboard.get(new)

    form = {"kind": "network", "value": "203.0.113.7/24", "id": hidden(page, "id")}

    assert "203.0.113.0/24 is the network" in text_of(dashboard.post(new, form))
    assert "Select a valid choice" in text_of(
        dashboard.post(new, form | {"kind": "user", "value": "ann"})
    )


@pytest.mark.parametrize(
    "typed",
    ['{"board": "B-1"', "{board: B-1}", '{"board": "B-1"} ,', '{"disk": "D-1", "disk": "D-2"}'],
)
def test_parts_with_a_typing_mistake_are_no_hardware_id(
    dashboard: Client, application: Application, typed: str
) -> None:
    new = url_of(application, "access/new/")
    form = {"kind": "hwid", "value": typed, "id": hidden(dashboard.get(new), "id")}

    page = text_of(dashboard.post(new, form))

    assert "value looks like parts, such as {&quot;board&quot;: &quot;B-1&quot;}" in page
    assert "and is not valid JSON" in page
    assert not AccessRule.objects.exists()


def test_an_id_in_braces_is_a_hardware_id(dashboard: Client, application: Application) -> None:
    new = url_of(application, "access/new/")
    hwid = "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"

    dashboard.post(new, {"kind": "hwid", "value": hwid, "id": hidden(dashboard.get(new), "id")})

    digest = tokens.hwid_digest(application.pk, hwid).hex()
    assert AccessRule.objects.get().digests == [f":{digest}"]


def test_a_device_is_blocked_where_it_is_listed(dashboard: Client, license: License) -> None:
    factories.open_session(license, "device-1")
    device = Device.objects.get()
    url = url_of(license.application, f"devices/{device.pk}/block/")
    assert url in text_of(dashboard.get(url_of(license.application, "devices/")))
    assert "until you delete the rule" in text_of(dashboard.get(url))

    for _ in range(2):
        assert "is blocked" in messages_after(dashboard, dashboard.post(url))

    assert AccessRule.objects.get().value == device.fingerprint


@pytest.mark.parametrize("page", ["devices/", "licenses/{}/"])
def test_a_blocked_device_shows_as_blocked_until_it_is_unblocked(
    dashboard: Client, license: License, page: str
) -> None:
    factories.open_session(license)
    where = url_of(license.application, page.format(license.pk))
    assert "Bound" in text_of(dashboard.get(where))
    rule = factories.make_access_rule(license.application, "hwid", "device-1")

    blocked = text_of(dashboard.get(where))

    assert "Blocked" in blocked
    assert "Bound</span>" not in blocked
    assert "/block/" not in blocked
    unblock = url_of(license.application, f"access/{rule.pk}/delete/")
    assert f'href="{unblock}">Unblock' in blocked
    dashboard.post(unblock)
    assert "Bound</span>" in text_of(dashboard.get(where))


@pytest.mark.parametrize(
    ("matching", "is_blocked"), [("any", True), ("two", False), ("most", False), ("all", False)]
)
def test_a_device_shows_as_blocked_where_its_calls_are_refused(
    dashboard: Client, license: License, matching: str, is_blocked: bool
) -> None:
    License.objects.update(hwid_matching=matching)
    rule = {"board": "B-1", "disk": "another", "mac": "another"}
    parts = {"board": "B-1", "disk": "D-1", "mac": "M-1"}
    program = Program(hwid=hardware_ids.whole(parts), components=parts)
    token = sessions.open_session(
        api_key=factories.api_key_of(license.application),
        license_key=license.reveal(),
        program=program,
    ).token
    factories.make_access_rule(license.application, "hwid", rule)

    page = text_of(dashboard.get(url_of(license.application, "devices/")))

    assert ("Blocked" in page) == is_blocked
    with pytest.raises(errors.AccessDeniedError) if is_blocked else contextlib.nullcontext():
        sessions.validate_session(
            api_key=factories.api_key_of(license.application), session_token=token
        )


def test_a_long_list_takes_no_more_statements(dashboard: Client, application: Application) -> None:
    factories.make_access_rule(application)
    url = url_of(application, "access/")
    few = statements(dashboard, url)

    for number in range(10):
        factories.make_access_rule(application, "hwid", f"device-{number}")

    assert statements(dashboard, url) == few
