"""Variables: listed without values, written, changed, shown to who may see keys, and deleted."""

import pytest
from django.test import Client

from accounts.models import User
from licensing.events import history_of
from licensing.models import Application, Variable
from tests import factories
from tests.licensing.views.conftest import (
    SignIn,
    hidden,
    messages_after,
    statements,
    text_of,
    url_of,
)


@pytest.fixture
def variable(application: Application) -> Variable:
    return factories.make_variable(application, "MODEL_KEY", "s3cret <b>")


def test_a_variable_is_written_and_listed(dashboard: Client, application: Application) -> None:
    export = factories.make_entitlement(application)
    assert "No variables yet" in text_of(dashboard.get(url_of(application, "variables/")))
    new = url_of(application, "variables/new/")
    form = {"name": "KEY", "value": "one\r\ntwo ", "entitlement": str(export.pk)}
    form["id"] = hidden(dashboard.get(new), "id")

    for _ in range(2):
        page = messages_after(dashboard, dashboard.post(new, form))

    assert "“KEY” is written" in page
    assert "Licenses with <code>export</code>" in page
    assert Variable.objects.get().reveal() == "one\ntwo "


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "A B"},
        {"name": "MODEL_KEY"},
        {"value": ""},
        {"value": "x" * 8193},
        {"value": "\u20ac" * 8000},
        {"value": "nul\0"},
        {"entitlement": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_what_makes_no_sense_is_told(
    dashboard: Client, application: Application, variable: Variable, wrong: dict[str, str]
) -> None:
    form = {"name": "KEY", "value": "v"} | wrong

    response = dashboard.post(url_of(application, "variables/new/"), form)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert Variable.objects.count() == 1


def test_no_page_shows_the_value_unasked(dashboard: Client, variable: Variable) -> None:
    for page in (url_of(variable.application, "variables/"), variable.get_absolute_url()):
        assert "s3cret" not in text_of(dashboard.get(page))


def test_who_may_see_keys_is_shown_the_value_and_that_is_recorded(
    dashboard: Client, variable: Variable
) -> None:
    page = text_of(dashboard.post(f"{variable.get_absolute_url()}reveal/"))

    assert "s3cret &lt;b&gt;" in page
    event = history_of(variable.application)[0]
    assert (event.action, event.target_label) == ("variable.revealed", "MODEL_KEY")


def test_a_supporter_is_not(
    supporter: User, sign_in: SignIn, application: Application, variable: Variable
) -> None:
    browser = sign_in(supporter)

    assert "MODEL_KEY" in text_of(browser.get(url_of(application, "variables/")))
    assert browser.post(f"{variable.get_absolute_url()}reveal/").status_code == 403
    assert browser.get(variable.get_absolute_url()).status_code == 403


def test_a_value_is_changed_or_left(dashboard: Client, variable: Variable) -> None:
    place = variable.get_absolute_url()

    messages_after(dashboard, dashboard.post(place, {"value": "", "entitlement": ""}))
    assert Variable.objects.get().reveal() == "s3cret <b>"

    messages_after(dashboard, dashboard.post(place, {"value": "n3w", "entitlement": ""}))
    assert Variable.objects.get().reveal() == "n3w"


def test_a_variable_is_deleted(dashboard: Client, variable: Variable) -> None:
    delete = f"{variable.get_absolute_url()}delete/"
    assert "gone for good" in text_of(dashboard.get(delete))

    first, second = dashboard.post(delete), dashboard.post(delete)

    assert "is deleted" in messages_after(dashboard, first)
    assert second.status_code == 302
    assert not Variable.objects.exists()


def test_more_variables_take_no_more_statements(dashboard: Client, variable: Variable) -> None:
    place = url_of(variable.application, "variables/")
    few = statements(dashboard, place)
    export = factories.make_entitlement(variable.application)
    for number in range(20):
        factories.make_variable(variable.application, f"V{number}", entitlement=export)

    assert statements(dashboard, place) == few
