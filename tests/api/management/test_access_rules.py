"""Access rules, as scripts write them."""

import pytest

from licensing.models import AccessRule, Application, License
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of


def test_a_rule_is_written_found_and_taken_back(
    script: Script, application: Application, license: License
) -> None:
    path = path_of(application, "/access-rules")
    blocked = script.post(path, {"kind": "network", "value": "203.0.113.0/24", "note": "Sellers"})
    only = script.post(path, {"kind": "user", "value": "ann", "license": str(license.pk)})

    assert (blocked.status_code, blocked.json()["effect"]) == (201, "block")
    assert (only.json()["effect"], only.json()["license"]) == ("allow", str(license.pk))
    for query, found in (
        ("effect=block", blocked),
        ("effect=allow", only),
        (f"license={license.pk}", only),
        ("kind=network", blocked),
    ):
        assert script.get(f"{path}?{query}").json()["data"] == [found.json()]
    assert script.get(f"{path}/{only.json()['id']}").json() == only.json()
    assert script.delete(f"{path}/{only.json()['id']}").status_code == 204
    problem_of(script.delete(f"{path}/{only.json()['id']}"), 404, "not_found")


def test_a_device_is_told_by_its_parts_and_the_beginning_of_its_digest(
    script: Script, application: Application
) -> None:
    body = {"kind": "hwid", "value": {"disk": "secret-disk", "mac": "m-1"}}

    told = script.post(path_of(application, "/access-rules"), body)

    assert told.json()["parts"] == ["disk", "mac"]
    assert "secret-disk" not in told.text


def test_a_device_is_blocked_once(script: Script, license: License) -> None:
    session = factories.make_session(license)
    path = path_of(license.application, f"/devices/{session.device_id}/block")

    first, second = script.post(path, {"note": "Shared"}), script.post(path)

    assert (first.status_code, first.json()) == (201, second.json())
    assert first.json()["value"] == session.device.fingerprint
    assert AccessRule.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"value": "DE"}, "kind"),
        ({"kind": "country"}, "value"),
        ({"kind": "colour", "value": "red"}, "kind"),
        ({"kind": "country", "value": 7}, "value"),
        (
            {"kind": "country", "value": "DE", "license": "019c9a1d-5a70-7e21-8f9b-3c4d5e6f7a8b"},
            "license",
        ),
        ({"kind": "country", "value": "DE", "colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_pointed_at(
    script: Script, application: Application, body: dict[str, object], where: str
) -> None:
    problem = problem_of(
        script.post(path_of(application, "/access-rules"), body), 400, "invalid_request"
    )

    assert problem["pointer"] == f"/{where}"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("network", "203.0.113.7/24"), ("network", "0.0.0.0/0"), ("country", "XX"), ("user", "ann")],
)
def test_a_value_of_another_kind_is_refused(
    script: Script, application: Application, kind: str, value: str
) -> None:
    answer = script.post(path_of(application, "/access-rules"), {"kind": kind, "value": value})

    problem_of(answer, 400, "invalid_request")
