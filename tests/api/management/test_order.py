"""Lists in any order, and rows within rows."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.models import Application, License
from licensing.scopes import Scope
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("sort", "wanted"),
    [
        ("expires_at", ["a", "b", "c", "never 1", "never 2"]),
        ("-expires_at", ["c", "b", "a", "never 2", "never 1"]),
        ("created_at", ["never 1", "c", "b", "a", "never 2"]),
        ("-created_at", ["never 2", "a", "b", "c", "never 1"]),
    ],
)
def test_a_list_is_walked_through_in_any_order(
    script: Script, application: Application, sort: str, wanted: list[str], limit: int
) -> None:
    # The same end for two, so that only their ids tell them apart.
    later, latest = (timezone.now() + dt.timedelta(days=days) for days in (1, 2))
    factories.make_license(application, username="never 1")
    for name, end in (("c", latest), ("b", latest), ("a", later)):
        factories.make_license(application, username=name, expires_at=end)
    factories.make_license(application, username="never 2")
    if sort == "expires_at":
        wanted = ["a", "c", "b", *wanted[3:]]
    elif sort == "-expires_at":
        wanted = ["b", "c", *wanted[2:]]

    seen, cursor = [], ""
    while cursor is not None:
        query = f"/licenses?sort={sort}&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        page = script.get(path_of(application, query)).json()
        seen += [row["username"] for row in page["data"]]
        cursor = page["next_cursor"]

    assert seen == wanted


def test_names_are_sorted_too(script: Script, application: Application) -> None:
    for name in ("B", "A"):
        factories.make_policy(application, name=name)

    rows = script.get(path_of(application, "/policies?sort=name")).json()["data"]

    assert [row["name"] for row in rows] == ["A", "B", "Standard"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sort=key_digest", "sort"),
        ("sort=", "sort"),
        ("sort=--created_at", "sort"),
        ("expand=application", "expand"),
        ("expand=policy,key", "expand"),
        ("cursor=WzFd", "cursor"),
        ("sort=expires_at&cursor=WzFd", "cursor"),
        ("sort=expires_at&cursor=01a20bb4-3507-7dee-94ef-2ac15de95341", "cursor"),
        ("sort=expires_at&cursor=é", "cursor"),
        # [["x"], "…"], {"a": 1}, ["2030-01-01", "01a2…"] without an offset
        (
            "sort=expires_at&cursor=W1sieCJdLCAiMDFhMjBiYjQtMzUwNy03ZGVlLTk0ZWYtMmFjMTVkZTk1MzQxIl0",
            "cursor",
        ),
        ("sort=expires_at&cursor=eyJhIjogMX0", "cursor"),
    ],
)
def test_an_order_that_is_none_is_named(
    script: Script, application: Application, query: str, parameter: str
) -> None:
    response = script.get(path_of(application, f"/licenses?{query}"))

    assert problem_of(response, 400, "invalid_request")["parameter"] == parameter


def test_a_row_shows_others_in_full(script: Script, license: License) -> None:
    session = factories.make_session(license)
    path = path_of(license.application, f"/sessions/{session.pk}")

    told = script.get(f"{path}?expand=license,device").json()
    plain = script.get(path).json()

    assert told["license"]["username"] == "Ada"
    assert told["license"]["policy"] == str(license.policy_id)
    assert told["device"]["id"] == plain["device"]
    assert plain["license"] == told["license"]["id"]
    assert license.reveal() not in str(told)


def test_rows_within_rows_cost_no_statements(script: Script, application: Application) -> None:
    counts = []
    script.get("applications")
    for _ in range(2):
        for license in factories.make_licenses(application, 3):
            factories.make_session(license)
        for path in ("/sessions", "/sessions?expand=license,device"):
            with CaptureQueriesContext(connection) as captured:
                assert script.get(path_of(application, path)).json()["data"]
            counts.append(len(captured))

    assert len(set(counts)) == 1


def test_what_a_token_may_not_read_it_cannot_read_within(
    application: Application, license: License
) -> None:
    factories.make_session(license)
    script = Script(factories.make_token(application, Scope.DEVICES_READ).text)

    response = script.get(path_of(application, "/devices?expand=license"))

    assert "licenses:read" in problem_of(response, 403, "insufficient_scope")["detail"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_changes_something_takes_no_parameters(
    script: Script, application: Application, method: str
) -> None:
    path = path_of(application, "/enable" if method == "POST" else "")

    response = script.call(method, f"{path}?name=Other")

    assert problem_of(response, 400, "invalid_request")["parameter"] == "name"
