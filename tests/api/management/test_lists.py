"""Lists: what is in them, page by page, narrowed, and at a cost that does not grow."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories
from tests.api.management.conftest import Script, path_of

LISTS = ("licenses", "policies", "devices", "sessions", "events", "signing-keys")


def test_a_license_is_told_without_its_key(
    script: Script, application: Application, license: License
) -> None:
    [told] = script.get(path_of(application, "/licenses")).json()["data"]

    assert told["id"] == str(license.pk)
    assert (told["username"], told["email"]) == ("Ada", "ada@example.com")
    assert told["status"] == "active"
    assert license.reveal() not in str(told)
    assert told["key_last5"] == license.key_last5
    assert told == script.get(path_of(application, f"/licenses/{license.pk}")).json()


def test_pages_hold_every_row_once_while_others_arrive(
    script: Script, application: Application
) -> None:
    rows = factories.make_licenses(application, 7)
    address, seen = path_of(application, "/licenses?limit=3"), []
    page = script.get(address).json()
    while page["next_cursor"]:
        seen += page["data"]
        factories.make_license(application)
        page = script.get(f"{address}&cursor={page['next_cursor']}").json()
    seen += page["data"]

    assert [row["id"] for row in seen] == [str(row.pk) for row in reversed(rows)]


def test_a_cursor_that_is_empty_stands_for_the_beginning(
    script: Script, application: Application
) -> None:
    row = factories.make_license(application)

    [first] = script.get(path_of(application, "/licenses?cursor=")).json()["data"]

    assert first["id"] == str(row.pk)


def test_a_full_last_page_has_no_next_one(script: Script, application: Application) -> None:
    factories.make_licenses(application, 3)

    assert script.get(path_of(application, "/licenses?limit=3")).json()["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("username=ad", {"Ada"}),
        ("username=AD", {"Ada"}),
        ("username=da", set()),
        ("username=%25", set()),
        ("email=grace@", {"Grace"}),
        ("username=a&email=grace", set()),
        ("search=ada@", {"Ada"}),
        ("search=gra", {"Grace"}),
        ("search=nobody&status=active", set()),
        ("status=active", {"Ada"}),
        ("status=suspended", {"Grace"}),
        ("status=revoked", set()),
        ("status=expired", set()),
    ],
)
def test_licenses_are_narrowed(
    script: Script, application: Application, license: License, query: str, found: set[str]
) -> None:
    grace = factories.make_license(application, username="Grace", email="grace@example.com")
    licenses.suspend_license(license=grace, actor=SYSTEM)

    rows = script.get(path_of(application, f"/licenses?{query}")).json()["data"]

    assert {row["username"] for row in rows} == found


def test_a_license_is_found_by_its_key_however_that_is_typed(
    script: Script, application: Application, license: License
) -> None:
    factories.make_license(application)
    key = license.reveal()

    for typed in (key, key.lower(), key.replace("-", ""), license.key_last5):
        rows = script.get(path_of(application, f"/licenses?search={typed}")).json()["data"]
        assert [row["id"] for row in rows] == [str(license.pk)]


def test_rows_of_one_license_or_policy_are_asked_for(
    script: Script, application: Application, license: License
) -> None:
    factories.make_session(license)
    other = factories.make_license(application, policy=factories.make_policy(application))
    session = factories.make_session(other)

    for rows in ("devices", "sessions"):
        told = script.get(path_of(application, f"/{rows}?license={other.pk}")).json()["data"]
        assert [row["license"] for row in told] == [str(other.pk)]
    told = script.get(path_of(application, f"/licenses?policy={other.policy_id}")).json()["data"]
    assert [row["id"] for row in told] == [str(other.pk)]
    script.post(path_of(application, f"/sessions/{session.pk}/end"))
    [left] = script.get(path_of(application, "/sessions?status=open")).json()["data"]
    assert left["license"] == str(license.pk)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_no_more_however_long_it_is(
    script: Script, application: Application, license: License, name: str
) -> None:
    factories.make_session(license)
    script.get(path_of(application, f"/{name}"))
    short = statements(script, path_of(application, f"/{name}"))
    for one in factories.make_licenses(application, 5):
        factories.make_session(one)
        factories.make_policy(application)
    factories.promote_next_signing_key(application)

    # Token, limit, application, rows; events ask for who acted and for what can be erased as well.
    assert statements(script, path_of(application, f"/{name}")) == short <= 6


def test_issuing_asks_no_more_for_a_hundred_than_for_two(
    script: Script, application: Application
) -> None:
    script.get("applications")
    asked = []
    for count in (2, 100):
        with CaptureQueriesContext(connection) as captured:
            response = script.post(path_of(application, "/licenses"), {"count": count})
        assert len({row["key"] for row in response.json()["data"]}) == count
        asked.append(len(captured))

    assert asked[0] == asked[1]


def statements(script: Script, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert script.get(path).status_code == 200
    return len(captured)


def test_times_are_utc(script: Script, application: Application) -> None:
    told = script.get(path_of(application)).json()["created_at"]

    assert told.endswith("Z")
    assert told[:4] == str(timezone.now().year)
