"""ETag and If-Match: nobody overwrites what they have not seen; and versions, that nobody gets an answer of another kind."""

import pytest

from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of
from tests.threads import at_once, while_it_is_deleted


@pytest.fixture
def path(application: Application, license: License) -> str:
    return path_of(application, f"/licenses/{license.pk}")


def test_a_change_goes_through_where_nothing_has_changed(script: Script, path: str) -> None:
    etag = script.get(path)["ETag"]

    response = script.call("PATCH", path, {"note": "Paid"}, **{"If-Match": etag})

    assert response.json()["note"] == "Paid"
    assert response["ETag"] != etag
    assert response["ETag"] == script.get(path)["ETag"]


def test_a_change_of_what_was_not_seen_is_refused(
    script: Script, path: str, license: License
) -> None:
    etag = script.get(path)["ETag"]
    licenses.suspend_license(license=license, actor=SYSTEM)

    response = script.call("PATCH", path, {"note": "Paid"}, **{"If-Match": etag})

    problem_of(response, 412, "precondition_failed")
    license.refresh_from_db()
    assert license.note == ""


@pytest.mark.parametrize("act", ["suspend", "revoke", "extend", "reveal"])
def test_acts_ask_for_the_same(script: Script, path: str, act: str) -> None:
    body = {"expires_at": None} if act == "extend" else None
    etag = script.get(path)["ETag"]

    wrong = script.call("POST", f"{path}/{act}", body, **{"If-Match": '"another"'})
    right = script.call("POST", f"{path}/{act}", body, **{"If-Match": etag})

    problem_of(wrong, 412, "precondition_failed")
    assert right.status_code == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [("*", 200), ('"a", {}', 200), ("W/{}", 412), ('"a"', 412), ("nonsense", 412), ("", 412)],
)
def test_tags_are_compared_as_http_says(script: Script, path: str, given: str, status: int) -> None:
    etag = script.get(path)["ETag"]

    response = script.call("PATCH", path, {"note": "x"}, **{"If-Match": given.format(etag)})

    assert response.status_code == status


def test_without_if_match_nothing_is_compared(script: Script, path: str) -> None:
    assert script.patch(path, {"note": "Paid"}).status_code == 200


def test_where_there_is_no_tag_if_match_is_refused_and_nothing_done(
    script: Script, application: Application
) -> None:
    response = script.call(
        "POST", path_of(application, "/licenses"), {"count": 1}, **{"If-Match": "*"}
    )

    problem_of(response, 412, "precondition_failed")
    assert application.licenses.count() == 0


def test_who_has_it_already_gets_it_not_again(script: Script, path: str) -> None:
    etag = script.get(path)["ETag"]

    again = script.get(path, **{"If-None-Match": f"W/{etag}"})
    other = script.get(path, **{"If-None-Match": '"another"'})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert other.status_code == 200


def test_every_kind_of_row_has_a_tag(script: Script, license: License) -> None:
    application = license.application
    session = factories.make_session(license)
    rows = {
        "": "/disable",
        f"/policies/{license.policy_id}": "/make-default",
        f"/devices/{session.device_id}": "/release",
        f"/sessions/{session.pk}": "/end",
        f"/signing-keys/{application.signing_keys.get(state='next').pk}": "/promote",
    }

    for row, act in rows.items():
        seen = script.get(path_of(application, row))
        wrong = script.call("POST", path_of(application, row + act), **{"If-Match": '"other"'})
        right = script.call("POST", path_of(application, row + act), **{"If-Match": seen["ETag"]})
        assert (seen.status_code, wrong.status_code, right.status_code) == (200, 412, 200), row


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_saw_the_same_one_changes_it() -> None:
    application = factories.make_application()
    license = factories.make_license(application)
    script = Script(factories.make_token(application).text)
    path = path_of(application, f"/licenses/{license.pk}")
    etag = script.get(path)["ETag"]

    def change(number: int) -> int:
        body = {"note": f"by {number}"}
        return script.call("PATCH", path, body, **{"If-Match": etag}).status_code

    statuses = at_once([lambda number=number: change(number) for number in range(16)])

    assert sorted(statuses) == [200] + [412] * 15


def test_every_answer_tells_its_version(script: Script, path: str) -> None:
    answers = [
        script.get(path),
        script.get(path, **{"Lockence-Version": "2026-11-25"}),
        script.get(path_of(factories.make_application())),
    ]

    assert {answer["Lockence-Version"] for answer in answers} == {"2026-11-25"}


def test_a_version_that_never_was_is_refused(script: Script, path: str) -> None:
    response = script.get(path, **{"Lockence-Version": "2020-01-01"})

    problem = problem_of(response, 400, "invalid_request")
    assert problem["header"] == "Lockence-Version"
    assert "2026-11-25" in problem["detail"]


@pytest.mark.django_db(transaction=True)
def test_what_is_deleted_before_the_act_is_not_found() -> None:
    license = factories.make_license()
    script = Script(factories.make_token(license.application).text)
    path = path_of(license.application, f"/licenses/{license.pk}/suspend")

    answer = while_it_is_deleted(license, lambda: script.post(path))

    problem_of(answer, 404, "not_found")
