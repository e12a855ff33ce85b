"""Entitlements, what is said of them and what was used, done by a script."""

import pytest

from licensing.models import Application, Entitlement, License
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of


@pytest.fixture
def pages(application: Application) -> Entitlement:
    return factories.make_entitlement(application, "pages", "metered", period="month")


def test_an_entitlement_is_named_described_and_deleted(
    script: Script, application: Application
) -> None:
    place = path_of(application, "/entitlements")
    made = script.post(place, {"name": "export", "kind": "boolean"})
    assert made.status_code == 201
    one = f"{place}/{made.json()['id']}"

    changed = script.patch(one, {"description": "To PDF"})

    assert changed.json()["description"] == "To PDF"
    assert script.get(place).json()["data"] == [changed.json()]
    assert script.delete(one).status_code == 204
    problem_of(script.get(one), 404, "not_found")


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"name": "Export"}, ""),
        ({"kind": "float"}, "/kind"),
        ({"period": "month"}, ""),
        ({"name": 5}, "/name"),
        ({"extra": 1}, "/extra"),
    ],
)
def test_what_makes_no_sense_is_refused(
    script: Script, application: Application, wrong: dict[str, object], place: str
) -> None:
    body = {"name": "export", "kind": "boolean"} | wrong

    response = script.post(path_of(application, "/entitlements"), body)

    assert problem_of(response, 400, "invalid_request").get("pointer", "") == place
    assert not Entitlement.objects.exists()


def test_name_and_kind_stand_for_good(script: Script, pages: Entitlement) -> None:
    place = path_of(pages.application, f"/entitlements/{pages.pk}")

    for change in ({"name": "sheets"}, {"kind": "text"}, {"period": "day"}):
        problem_of(script.patch(place, change), 400, "invalid_request")


@pytest.mark.parametrize("of", ["policies", "licenses"])
def test_policies_and_licenses_say_how_much(
    script: Script, license: License, pages: Entitlement, of: str
) -> None:
    row = license if of == "licenses" else license.policy
    place = path_of(license.application, f"/{of}/{row.pk}/grants")
    script.post(place, {"entitlement": "pages", "value": 100})
    end = "2999-12-31T23:59:59Z"

    said = script.post(place, {"entitlement": "pages", "value": None, "expires_at": end})

    assert said.json() == {
        "entitlement": str(pages.pk),
        "name": "pages",
        "kind": "metered",
        "value": None,
        "expires_at": end,
    }
    assert script.get(place).json()["data"] == [said.json()]
    for _ in range(2):
        assert script.delete(f"{place}/{pages.pk}").status_code == 204
    assert script.get(place).json()["data"] == []


@pytest.mark.parametrize("value", ["many", -1, 1.5, True, [], {}, 2**53])
def test_a_value_that_does_not_fit_is_refused(
    script: Script, license: License, pages: Entitlement, value: object
) -> None:
    place = path_of(license.application, f"/licenses/{license.pk}/grants")

    problem = problem_of(
        script.post(place, {"entitlement": "pages", "value": value}), 400, "invalid_request"
    )

    assert "value of pages must be" in problem["detail"]


def test_an_unknown_name_is_told(script: Script, license: License) -> None:
    factories.make_entitlement(factories.make_application(), "theirs")
    place = path_of(license.application, f"/licenses/{license.pk}")

    for path, body in (("grants", {"value": True}), ("usage", {"used": 1})):
        response = script.post(f"{place}/{path}", {"entitlement": "theirs", **body})
        assert problem_of(response, 400, "invalid_request")["pointer"] == "/entitlement"


def test_usage_is_listed_and_set(script: Script, license: License, pages: Entitlement) -> None:
    place = path_of(license.application, f"/licenses/{license.pk}/usage")
    told = script.post(place, {"entitlement": "pages", "used": 7}).json()

    assert (told["name"], told["used"], told["license"]) == ("pages", 7, str(license.pk))
    assert told["ends_at"] > told["starts_at"]
    usage = path_of(license.application, "/usage")
    assert script.get(f"{usage}?license={license.pk}").json()["data"] == [told]
    assert script.get(f"{usage}?entitlement={license.pk}").json()["data"] == []


def test_what_is_not_metered_has_no_count(script: Script, license: License) -> None:
    factories.make_entitlement(license.application)
    place = path_of(license.application, f"/licenses/{license.pk}/usage")

    problem_of(script.post(place, {"entitlement": "export", "used": 1}), 400, "invalid_request")
