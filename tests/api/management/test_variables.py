"""Variables, written, changed, shown and deleted by a script."""

import pytest

from licensing.models import Application, Variable
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of


def test_a_variable_is_written_changed_shown_and_deleted(
    script: Script, application: Application
) -> None:
    factories.make_entitlement(application)
    place = path_of(application, "/variables")
    body = {"name": "KEY", "value": " s3cret\n", "entitlement": "export"}
    made = script.post(place, body)
    assert made.status_code == 201
    one = f"{place}/{made.json()['id']}"
    assert (made.json()["name"], made.json()["entitlement"]) == ("KEY", "export")
    assert script.post(f"{one}/reveal").json() == {"value": " s3cret\n"}

    script.patch(one, {"value": "n3w"})
    changed = script.patch(one, {"entitlement": None})

    assert changed.json()["entitlement"] is None
    assert script.post(f"{one}/reveal").json() == {"value": "n3w"}
    assert script.get(place).json()["data"] == [changed.json()]
    assert "n3w" not in script.get(one).text
    assert script.delete(one).status_code == 204
    assert not Variable.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "A B"},
        {"name": 5},
        {"value": 5},
        {"value": "x" * 8193},
        {"value": "\u20ac" * 8000},
        {"entitlement": "none"},
        {"extra": 1},
    ],
)
def test_what_makes_no_sense_is_refused(
    script: Script, application: Application, wrong: dict[str, object]
) -> None:
    response = script.post(path_of(application, "/variables"), {"name": "K", "value": "v"} | wrong)

    problem_of(response, 400, "invalid_request")
    assert not Variable.objects.exists()


def test_an_entitlement_that_guards_a_variable_stays(
    script: Script, application: Application
) -> None:
    export = factories.make_entitlement(application)
    factories.make_variable(application, entitlement=export)

    response = script.delete(path_of(application, f"/entitlements/{export.pk}"))

    problem_of(response, 409, "entitlement_in_use")
