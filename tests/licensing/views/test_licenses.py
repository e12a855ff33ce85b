"""The list of licenses, and the page of one."""

import csv
import datetime as dt
import io
import uuid

import pytest
from django.http.response import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from accounts import ciphers
from accounts.models import User
from licensing.models import Application, Event, License, Policy
from tests import factories
from tests.licensing.views.conftest import (
    SignIn,
    messages_after,
    statements,
    text_of,
    url_of,
)


@pytest.fixture
def customers(application: Application) -> dict[str, License]:
    """Four licenses in the four states, by the name of their customer."""
    ann, anton, bob, carol = (
        factories.make_license(application, username=name, email=f"{name.lower()}@example.com")
        for name in ("Ann", "Anton", "Bob", "Carol_x")
    )
    License.objects.filter(pk=anton.pk).update(expires_at=timezone.now())
    License.objects.filter(pk=bob.pk).update(status="suspended")
    License.objects.filter(pk=carol.pk).update(status="revoked")
    return {license.username: license for license in (ann, anton, bob, carol)}


def found(client: Client, application: Application, query: str) -> list[str]:
    page = client.get(url_of(application, f"licenses/?{query}"))
    text_of(page)
    return [license.username for license in page.context["page"].rows]


def test_the_list_shows_licenses_and_no_keys(
    dashboard: Client, application: Application, license: License
) -> None:
    page = text_of(dashboard.get(url_of(application, "licenses/")))

    assert "Ada" in page
    assert f"…{license.key_last5}" in page
    assert license.reveal() not in page


def test_the_page_shows_each_rule_of_the_licenses_own_beside_its_policys(
    dashboard: Client, application: Application
) -> None:
    policy = factories.make_policy(application, sessions_max=2, sessions_overdraft=7)
    license = factories.make_license(
        application,
        policy=policy,
        releases_max=5,
        expiry_strategy="fall_back",
        sessions_overdraft=0,
    )

    page = " ".join(text_of(dashboard.get(license.get_absolute_url())).split())

    own = '<dd>{} <span class="quiet">(instead of the policy’s {})</span></dd>'
    for rule, policys in (
        ("5", "3"),
        ("Keep it working without entitlements", "refuse the license"),
        ("None", "7"),
    ):
        assert own.format(rule, policys) in page


def test_an_empty_list_says_what_to_do(dashboard: Client, application: Application) -> None:
    assert "No licenses yet" in text_of(dashboard.get(url_of(application, "licenses/")))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=an", ["Anton", "Ann"]),
        ("q=ANN", ["Ann"]),
        ("q=bob@ex", ["Bob"]),
        ("q=Carol_", ["Carol_x"]),
        ("q=%25", []),
        ("q=_ob", []),
        ("q=nn", []),
        ("status=active", ["Ann"]),
        ("status=expired", ["Anton"]),
        ("status=suspended", ["Bob"]),
        ("status=revoked", ["Carol_x"]),
        ("status=expired&q=an", ["Anton"]),
    ],
)
def test_search_finds_the_beginning_of_names_and_states(
    dashboard: Client,
    application: Application,
    customers: dict[str, License],
    query: str,
    names: list[str],
) -> None:
    assert found(dashboard, application, query) == names


def test_search_finds_a_key_by_its_end_and_whole(
    dashboard: Client, application: Application, customers: dict[str, License]
) -> None:
    license = customers["Bob"]
    key = license.reveal()

    for typed in (key, key.lower(), key.replace("-", " "), license.key_last5.lower()):
        assert found(dashboard, application, f"q={typed}") == ["Bob"]


def test_search_finds_nothing_of_another_application(
    dashboard: Client, application: Application
) -> None:
    foreign = factories.make_license(username="Foreign")

    assert found(dashboard, application, f"q={foreign.reveal()}") == []
    assert found(dashboard, application, "q=Foreign") == []


@pytest.mark.parametrize(
    "query",
    [
        "after=garbage",
        "before=%00",
        f"after={uuid.UUID(int=0)}",
        f"before={uuid.UUID(int=2**128 - 1)}",
        f"after={uuid.UUID(int=0)}&before=x",
        "status=nonsense",
        "status=%00",
        "q=%00",
        f"q={'x' * 5000}",
        "q=%ff%fe",
        "q=%F0%9F%92%A9",
        "q=\\",
        "q=%25%25%25&status=active&after=&before=",
        "license=7",
    ],
)
def test_a_query_that_makes_no_sense_is_no_error(
    dashboard: Client, application: Application, license: License, query: str
) -> None:
    for path in ("licenses/", "devices/", "sessions/", "events/", "policies/", "licenses/export/"):
        assert dashboard.get(url_of(application, f"{path}?{query}")).status_code == 200


def test_pages_lead_through_the_list_and_back(dashboard: Client, application: Application) -> None:
    licenses = factories.make_licenses(application, 60)
    newest_first = [license.pk for license in reversed(licenses)]
    start = url_of(application, "licenses/")

    forth, url = [], "?q="
    while url:
        page = dashboard.get(f"{start}{url}").context["page"]
        forth += [license.pk for license in page.rows]
        last, url = page, page.next_url
    assert forth == newest_first

    back = [license.pk for license in last.rows]
    while last.previous_url:
        last = dashboard.get(f"{start}{last.previous_url}").context["page"]
        back = [license.pk for license in last.rows] + back
    assert back == newest_first


def test_the_way_back_leads_to_a_whole_first_page(
    dashboard: Client, application: Application
) -> None:
    licenses = factories.make_licenses(application, 40)

    url = url_of(application, f"licenses/?before={licenses[30].pk}")
    page = dashboard.get(url).context["page"]

    assert len(page.rows) == 25
    assert page.is_first


def test_pages_keep_the_search(dashboard: Client, application: Application) -> None:
    factories.make_licenses(application, 30, username="Ann")

    page = dashboard.get(url_of(application, "licenses/?q=ann")).context["page"]

    assert "q=ann" in page.next_url


def test_past_the_end_there_is_a_way_back(dashboard: Client, application: Application) -> None:
    factories.make_license(application)

    page = text_of(dashboard.get(url_of(application, f"licenses/?after={uuid.UUID(int=0)}")))

    assert "Back to the first page" in page


def test_a_longer_list_takes_no_more_statements(
    dashboard: Client, application: Application
) -> None:
    factories.make_licenses(application, 5)
    few = statements(dashboard, url_of(application, "licenses/"))
    factories.make_licenses(application, 60)

    assert statements(dashboard, url_of(application, "licenses/")) == few
    assert statements(dashboard, url_of(application, "licenses/?q=a&status=active")) == few


def test_a_license_page_shows_devices_sessions_and_events(
    dashboard: Client, license: License
) -> None:
    factories.open_session(license, device_name="Ada's PC", app_version="1.2.3")

    page = text_of(dashboard.get(license.get_absolute_url()))

    assert page.count("Ada&#x27;s PC") >= 2
    assert "Version 1.2.3" in page
    assert "Device bound" in page
    assert license.reveal() not in page


def test_a_license_page_takes_as_many_statements_for_many_rows(
    dashboard: Client, license: License
) -> None:
    License.objects.update(devices_max=50)
    factories.open_session(license)
    few = statements(dashboard, license.get_absolute_url())

    for number in range(20):
        factories.open_session(license, f"device-{number}")

    assert statements(dashboard, license.get_absolute_url()) == few
    assert "All devices" in text_of(dashboard.get(license.get_absolute_url()))


def test_revealing_a_key_shows_it_and_is_remembered(
    dashboard: Client, developer: User, license: License
) -> None:
    response = dashboard.post(f"{license.get_absolute_url()}reveal/")

    assert license.reveal() in text_of(response)
    event = Event.objects.get(action="license.key_revealed")
    assert (event.actor, event.license_id, event.ip_address) == (
        developer,
        license.pk,
        "127.0.0.1",
    )


def terms(license: License, **changed: str) -> dict[str, str]:
    return {"policy": str(license.policy_id), "username": "Ada"} | changed


def test_a_license_is_edited(dashboard: Client, application: Application, license: License) -> None:
    policy = factories.make_policy(application)
    form = terms(
        license,
        policy=str(policy.pk),
        username="Ada Lovelace",
        email="ada@example.org",
        note="Paid",
        metadata='{"plan": "pro"}',
        devices_max="3",
    )

    response = dashboard.post(f"{license.get_absolute_url()}edit/", form)

    assert response["Location"] == license.get_absolute_url()
    license.refresh_from_db()
    assert (license.policy, license.username) == (policy, "Ada Lovelace")
    assert (license.email, license.note) == ("ada@example.org", "Paid")
    assert (license.metadata, license.devices_max) == ({"plan": "pro"}, 3)


def test_the_edit_form_starts_with_what_is_there(dashboard: Client, license: License) -> None:
    License.objects.update(metadata={"plan": "pro"}, devices_max=7)

    page = text_of(dashboard.get(f"{license.get_absolute_url()}edit/"))

    assert 'value="Ada"' in page
    assert "&quot;plan&quot;: &quot;pro&quot;" in page
    assert 'value="7"' in page


@pytest.mark.parametrize(
    "metadata",
    [
        "[]",
        "null",
        "7",
        "{",
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": 1, "a": 2}',
        '{"a": "\\u0000"}',
        '{"a": "\\ud800"}',
        '{"\\ud800": 1}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": ' + "[" * 3000 + "]" * 3000 + "}",
        '{"a": "' + "x" * 9000 + '"}',
        "nul\0",
    ],
)
def test_metadata_that_programs_could_misread_is_refused(
    dashboard: Client, license: License, metadata: str
) -> None:
    response = dashboard.post(
        f"{license.get_absolute_url()}edit/", terms(license, metadata=metadata)
    )

    assert response.status_code == 200
    assert response.context["form"].errors["metadata"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"email": f"{'x' * 300}@example.com"},
        {"username": "x" * 151},
        {"note": "x" * 5001},
        {"devices_max": "0"},
        {"devices_max": "-1"},
        {"devices_max": "9" * 30},
        {"sessions_max": "many"},
        {"policy": "nonsense"},
        {"policy": str(uuid.uuid4())},
        {"username": "nul\0"},
    ],
)
def test_what_a_license_cannot_hold_is_refused(
    dashboard: Client, license: License, wrong: dict[str, str]
) -> None:
    response = dashboard.post(f"{license.get_absolute_url()}edit/", terms(license, **wrong))

    assert response.status_code == 200
    assert response.context["form"].errors.keys() == wrong.keys()


def test_a_policy_of_another_application_cannot_be_chosen(
    dashboard: Client, license: License
) -> None:
    foreign = factories.make_application().default_policy()

    form = terms(license, policy=str(foreign.pk))
    response = dashboard.post(f"{license.get_absolute_url()}edit/", form)

    assert response.context["form"].errors["policy"]


def exported(response: StreamingHttpResponse) -> list[dict[str, str]]:
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_as_csv_holds_no_whole_key(
    dashboard: Client, application: Application, customers: dict[str, License]
) -> None:
    response = dashboard.get(url_of(application, "licenses/export/?status=suspended"))

    [row] = exported(response)
    assert (row["username"], row["status"]) == ("Bob", "suspended")
    assert row["key"] == f"…{customers['Bob'].key_last5}"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="licenses-')


def test_whole_keys_are_exported_by_those_who_may_see_keys(
    dashboard: Client, application: Application, license: License
) -> None:
    response = dashboard.post(url_of(application, "licenses/export/"))

    assert [row["key"] for row in exported(response)] == [license.reveal()]
    assert Event.objects.filter(action="licenses.exported").count() == 1


def test_support_exports_no_whole_keys(
    supporter: User, sign_in: SignIn, application: Application, license: License
) -> None:
    response = sign_in(supporter).post(url_of(application, "licenses/export/"))

    assert response.status_code == 403


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_exported_cell_is_a_formula(
    dashboard: Client, application: Application, start: str
) -> None:
    formula = f"{start}HYPERLINK(1)"
    license = factories.make_license(application, username=formula, note=formula)
    # Ours never begin like this, but keys may come from elsewhere.
    cell = {"table": "licensing_license", "column": "key_ciphertext", "row": license.pk}
    License.objects.update(key_ciphertext=ciphers.encrypt(formula, **cell), email=formula)
    Policy.objects.update(name=formula)

    [row] = exported(dashboard.post(url_of(application, "licenses/export/")))

    guarded = {name for name, text in row.items() if text == f"'{formula}"}
    assert guarded == {"key", "policy", "username", "email", "note"}


def test_a_long_export_comes_whole_and_in_order(
    dashboard: Client, application: Application
) -> None:
    licenses = factories.make_licenses(application, 1_001)

    rows = exported(dashboard.get(url_of(application, "licenses/export/")))

    assert [row["id"] for row in rows] == [str(license.pk) for license in licenses]


def test_the_end_of_a_license_is_told_as_it_is(dashboard: Client, application: Application) -> None:
    waiting = factories.make_policy(application, duration_seconds=86_400, clock_start="first_use")
    factories.make_license(application, policy=waiting)
    factories.make_license(application, expires_at=dt.datetime(2040, 5, 6, tzinfo=dt.UTC))

    page = text_of(dashboard.get(url_of(application, "licenses/")))

    assert "Starts at first use" in page
    assert "6 May 2040, 00:00 UTC" in page


def test_after_saving_one_is_back_at_the_license(dashboard: Client, license: License) -> None:
    response = dashboard.post(f"{license.get_absolute_url()}edit/", terms(license))

    assert "is saved" in messages_after(dashboard, response)


def test_a_license_has_its_own_word_on_devices_and_seats(
    dashboard: Client, license: License
) -> None:
    url = f"{license.get_absolute_url()}edit/"
    form = dashboard.get(url).context["form"]
    sent = {field.html_name: field.value() or "" for field in form}
    sent |= {"policy": str(license.policy_id), "metadata": "", "grace_seconds_1": "forever"}
    sent |= {"hwid_matching": "all", "sessions_per": "user"}
    sent |= {"borrow_max_seconds_0": "7", "borrow_max_seconds_1": "days"}

    page = messages_after(dashboard, dashboard.post(url, sent))

    license.refresh_from_db()
    assert (license.hwid_matching, license.sessions_per) == ("all", "user")
    assert license.borrow_max_seconds == 7 * 86_400
    assert "All of its parts" in page
    assert "7 days" in page
