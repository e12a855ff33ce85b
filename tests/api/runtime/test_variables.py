"""`POST /api/v1/variables`: what a program needs and does not hold, told to a live session that has the entitlement."""

import pytest
from django.utils import timezone

from licensing import applications, licenses, variables
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import Application, License, Session, Variable
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

NONE_SUCH = "There is no such variable for this license"


@pytest.fixture
def program(program: Program) -> Program:
    program.init()
    return program


@pytest.fixture
def bound(application: Application) -> Variable:
    """A variable for programs whose license has `export`."""
    export = factories.make_entitlement(application, "export")
    return factories.make_variable(application, "SECRET", "s3cret", entitlement=export)


def test_a_session_is_told_all_that_it_may_know(program: Program, application: Application) -> None:
    factories.make_variable(application, "GREETING", "größe 𝄞\nline two")
    factories.make_variable(application, "EMPTY", "")
    factories.make_variable(factories.make_application(), "THEIRS")

    body = program.variables().json()

    assert (body["code"], body["message"]) == ("ok", "Variables follow")
    assert body["variables"] == {"GREETING": "größe 𝄞\nline two", "EMPTY": ""}


def test_without_variables_there_are_none(program: Program) -> None:
    assert program.variables().json()["variables"] == {}


def test_those_named_are_told_and_no_others(program: Program, application: Application) -> None:
    for name in ("A", "B", "C"):
        factories.make_variable(application, name, name.lower())

    assert program.variables(names=["A", "C", "A"]).json()["variables"] == {"A": "a", "C": "c"}


@pytest.mark.parametrize("kind", ["boolean", "integer", "text", "metered"])
def test_what_is_bound_is_for_those_who_have_it(
    program: Program, application: Application, kind: str
) -> None:
    entitlement = factories.make_entitlement(application, "it", kind)
    factories.make_variable(application, "SECRET", "s3cret", entitlement=entitlement)
    assert program.variables().json()["variables"] == {}

    value = {"boolean": True, "integer": 0, "text": "x", "metered": None}[kind]
    factories.grant(program.license, entitlement, value)

    assert program.variables().json()["variables"] == {"SECRET": "s3cret"}
    factories.grant(program.license, entitlement, value, expires_at=timezone.now())
    assert program.variables().json()["variables"] == {}


def test_a_no_is_no_entitlement(program: Program, bound: Variable) -> None:
    factories.grant(program.license.policy, bound.entitlement, True)
    assert program.variables().json()["variables"] == {"SECRET": "s3cret"}

    factories.grant(program.license, bound.entitlement, False)

    assert program.variables().json()["variables"] == {}


def test_what_is_not_for_this_license_is_as_unknown_as_what_never_was(
    program: Program, application: Application, bound: Variable
) -> None:
    factories.make_variable(application, "KNOWN")
    factories.make_variable(factories.make_application(), "THEIRS")

    answers = []
    for name in ("SECRET", "NEVER", "THEIRS", "known"):
        response = program.variables(names=["KNOWN", name])
        assert_refused(response, 404, "variable_not_found", NONE_SUCH)
        answers.append({**response.json(), "server_time": ""})
    assert all(answer == answers[0] for answer in answers)
    assert "hello" not in str(answers)


def test_only_a_live_session_is_told(program: Program, application: Application) -> None:
    factories.make_variable(application, value="s3cret")
    session, now = Session.objects.get(), timezone.now()
    answers = []

    def ask() -> None:
        response = program.variables(names=["NEVER"])
        assert "s3cret" not in program.variables().content.decode()
        answers.append(response.json()["code"])

    assert program.variables().json()["variables"] == {"GREETING": "s3cret"}
    release_device(device=session.device, actor=SYSTEM, now=now)
    ask()
    License.objects.update(expires_at=now)
    ask()
    licenses.suspend_license(license=program.license, actor=SYSTEM)
    ask()
    applications.disable_application(application=application, actor=SYSTEM)
    ask()
    program.api_key = "unknown"
    ask()

    assert answers == [
        *("session_ended", "license_expired", "license_suspended"),
        *("application_disabled", "invalid_api_key"),
    ]


def test_a_license_that_has_fallen_back_is_told_nothing_that_is_bound(
    program: Program, bound: Variable
) -> None:
    factories.grant(program.license, bound.entitlement, True)
    License.objects.update(expires_at=timezone.now(), expiry_strategy="fall_back")

    assert program.variables().json()["variables"] == {}


@pytest.mark.parametrize(
    "names", ["A", 5, {}, [], [5], [None], [""], ["x" * 65], ["a"] * 51, True, [["A"]]]
)
def test_names_that_are_none_are_named(program: Program, names: object) -> None:
    response = program.variables(names=names)

    assert response.status_code == 400
    assert response.json()["message"].startswith("names must ")


def test_a_change_reaches_the_next_call(program: Program, application: Application) -> None:
    variable = factories.make_variable(application)

    variables.change_variable(
        variable=variable, value="bye", entitlement=None, actor=SYSTEM, now=timezone.now()
    )

    assert program.variables().json()["variables"] == {"GREETING": "bye"}


def test_a_value_that_does_not_open_is_ours_to_mend(
    program: Program, application: Application
) -> None:
    factories.make_variable(application)
    Variable.objects.update(value_ciphertext="v1.gone.AAAA")

    response = program.variables()

    assert (response.status_code, response.json()["code"]) == (503, "temporarily_unavailable")
