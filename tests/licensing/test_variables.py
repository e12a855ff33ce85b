"""Variables: written, changed, shown and deleted; encrypted where they lie, and never told to the log."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.ciphers import UndecipherableError
from licensing import entitlements, errors, variables
from licensing.events import SYSTEM, history_of
from licensing.models import Application, Event, Variable
from tests import factories


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


def test_a_variable_is_written_once_and_encrypted(application: Application) -> None:
    first = factories.make_variable(application, value="s3cret")
    again = factories.make_variable(application, value="other", id=first.pk)

    assert first == again
    assert Variable.objects.get().reveal() == "s3cret"
    assert "s3cret" not in str(Variable.objects.values())


def test_a_ciphertext_opens_in_its_own_row_only(application: Application) -> None:
    one, other = (factories.make_variable(application, name) for name in ("ONE", "OTHER"))
    Variable.objects.filter(pk=one.pk).update(value_ciphertext=other.value_ciphertext)

    with pytest.raises(UndecipherableError):
        Variable.objects.get(pk=one.pk).reveal()


@pytest.mark.parametrize(
    "facts",
    [
        {"name": ""},
        {"name": "9"},
        {"name": "A B"},
        {"name": "A\n"},
        {"name": "x" * 65},
        {"name": "TAKEN"},
        {"value": "x" * 8193},
        {"value": "\u20ac" * 2731},
    ],
)
def test_what_makes_no_sense_is_refused(application: Application, facts: dict[str, str]) -> None:
    factories.make_variable(application, "TAKEN")

    with pytest.raises(errors.InvalidRequestError):
        factories.make_variable(application, **facts)

    assert Variable.objects.count() == 1


def test_an_application_has_so_many_and_no_more(application: Application) -> None:
    for number in range(variables.VARIABLES_MAX):
        factories.make_variable(application, f"V{number}")

    with pytest.raises(errors.InvalidRequestError, match="at most 50"):
        factories.make_variable(application, "ONE_MORE")


def test_what_is_another_applications_cannot_be_used(application: Application) -> None:
    foreign = factories.make_application()
    theirs = factories.make_variable(foreign)

    with pytest.raises(errors.InvalidRequestError, match="id is taken"):
        factories.make_variable(application, id=theirs.pk)
    with pytest.raises(errors.InvalidRequestError, match="another application's"):
        factories.make_variable(application, entitlement=factories.make_entitlement(foreign))


def test_every_act_is_told_once_and_no_value_ever(application: Application) -> None:
    export = factories.make_entitlement(application)
    variable = factories.make_variable(application, value="s3cret")
    change: dict[str, Any] = {"variable": variable, "actor": SYSTEM, "now": timezone.now()}

    for _ in range(2):
        variables.change_variable(**change, value="n3w", entitlement=None)
        variables.change_variable(**change, entitlement=export)
    variables.reveal_variable(variable=Variable.objects.get(), actor=SYSTEM)
    for _ in range(2):
        variables.delete_variable(variable=variable, actor=SYSTEM)

    told = list(history_of(application).values_list("action", "after"))[::-1]
    assert [told for told in told if told[0].startswith("variable.")] == [
        ("variable.created", {"name": "GREETING", "entitlement": ""}),
        ("variable.changed", {"name": "GREETING", "value": "changed"}),
        ("variable.changed", {"name": "GREETING", "entitlement": "export"}),
        ("variable.changed", {"name": "GREETING", "entitlement": ""}),
        ("variable.changed", {"name": "GREETING", "entitlement": "export"}),
        ("variable.revealed", {"name": "GREETING"}),
        ("variable.deleted", {}),
    ]
    assert "s3cret" not in str(Event.objects.values())
    with pytest.raises(errors.NotFoundError):
        variables.change_variable(**change, entitlement=None)


def test_an_entitlement_that_guards_a_variable_stays(application: Application) -> None:
    export = factories.make_entitlement(application)
    variable = factories.make_variable(application, entitlement=export)

    with pytest.raises(errors.EntitlementInUseError):
        entitlements.delete_entitlement(entitlement=export, actor=SYSTEM)

    variables.delete_variable(variable=variable, actor=SYSTEM)
    assert entitlements.delete_entitlement(entitlement=export, actor=SYSTEM)
