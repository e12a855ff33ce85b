"""Generating license keys, one or thousands, and taking them away."""

import csv
import datetime as dt
import io
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from licensing.models import Application, License, LicenseBatch
from tests import factories
from tests.licensing.views.conftest import hidden, text_of, url_of


def form_for(client: Client, application: Application, **filled_in: str) -> dict[str, str]:
    """What a browser sends when only some fields were filled in."""
    page = client.get(url_of(application, "licenses/new/"))
    policy = str(application.default_policy().pk)
    return {"policy": policy, "count": "1", "batch_id": hidden(page, "batch_id")} | filled_in


def generate(client: Client, application: Application, **filled_in: str) -> str:
    """Generate, and return the address of the page with the keys."""
    form = form_for(client, application, **filled_in)
    response = client.post(url_of(application, "licenses/new/"), form)
    assert response.status_code == 302, response.context["form"].errors
    return str(response["Location"])


def test_one_key_is_generated_and_shown(dashboard: Client, application: Application) -> None:
    batch = generate(dashboard, application, username="Ada", email="ada@example.com", note="Paid")

    license = License.objects.get()
    assert license.reveal() in text_of(dashboard.get(batch))
    assert (license.username, license.email, license.note) == ("Ada", "ada@example.com", "Paid")
    assert license.expires_at is None


def test_thousands_of_keys_are_generated_at_once(
    dashboard: Client, application: Application
) -> None:
    batch = generate(dashboard, application, count="10000")

    page = dashboard.get(batch)
    assert "10,000 license keys generated" in text_of(page)
    assert len(page.context["keys"]) == 500
    assert "the files hold all 10,000" in text_of(page)
    assert License.objects.count() == 10_000


def test_a_form_sent_twice_generates_once(dashboard: Client, application: Application) -> None:
    form = form_for(dashboard, application, count="3")

    first, second = (dashboard.post(url_of(application, "licenses/new/"), form) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert License.objects.count() == 3


def test_the_batch_of_another_application_is_not_reached_by_its_id(
    dashboard: Client, application: Application
) -> None:
    foreign = factories.make_license().batch
    form = form_for(dashboard, application, batch_id=str(foreign.pk))

    response = dashboard.post(url_of(application, "licenses/new/"), form)

    assert "Batch id is taken." in text_of(response)


def test_keys_come_as_text_one_a_line(dashboard: Client, application: Application) -> None:
    batch = generate(dashboard, application, count="12")

    response = dashboard.get(f"{batch}keys.txt")

    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines == [license.reveal() for license in License.objects.order_by("pk")]
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Cache-Control"] == "private, no-store"
    assert "attachment" in response["Content-Disposition"]


def test_keys_come_as_csv(dashboard: Client, application: Application) -> None:
    batch = generate(dashboard, application, count="12", username="=cmd()")

    response = dashboard.get(f"{batch}keys.csv")

    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [row["key"] for row in rows] == [
        license.reveal() for license in License.objects.order_by("pk")
    ]
    assert {row["username"] for row in rows} == {"'=cmd()"}


def test_other_files_are_not_to_be_had(dashboard: Client, application: Application) -> None:
    batch = generate(dashboard, application)

    assert dashboard.get(f"{batch}keys.exe").status_code == 404


def test_a_fixed_end_goes_before_the_policys(dashboard: Client, application: Application) -> None:
    policy = factories.make_policy(application, duration_seconds=86_400)

    generate(dashboard, application, policy=str(policy.pk), expires_on="2090-01-31")

    assert License.objects.get().expires_at == dt.datetime(2090, 1, 31, 23, 59, 59, tzinfo=dt.UTC)


def test_the_policy_of_a_link_is_chosen_already(
    dashboard: Client, application: Application
) -> None:
    policy = factories.make_policy(application)

    page = dashboard.get(url_of(application, f"licenses/new/?policy={policy.pk}"))

    assert f'<option value="{policy.pk}" selected>' in text_of(page)


@pytest.mark.parametrize("policy", ["garbage", "%00", str(uuid.uuid4()), "x" * 5000])
def test_a_link_with_a_policy_that_is_none_is_no_error(
    dashboard: Client, application: Application, policy: str
) -> None:
    page = dashboard.get(url_of(application, f"licenses/new/?policy={policy}"))

    assert page.status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": "0"},
        {"count": "10001"},
        {"count": "9" * 5000},
        {"count": "1.5"},
        {"count": ""},
        {"policy": "nonsense"},
        {"expires_on": "yesterday"},
        {"expires_on": "0000-00-00"},
        {"batch_id": "nonsense"},
        {"metadata": "[]"},
        {"email": "nobody"},
    ],
)
def test_what_makes_no_sense_is_refused(
    dashboard: Client, application: Application, wrong: dict[str, str]
) -> None:
    form = form_for(dashboard, application, **wrong)

    response = dashboard.post(url_of(application, "licenses/new/"), form)

    assert response.status_code == 200
    assert response.context["form"].errors.keys() == wrong.keys()
    assert not LicenseBatch.objects.exists()


def test_an_end_in_the_past_is_refused_in_words(
    dashboard: Client, application: Application
) -> None:
    yesterday = f"{timezone.now() - dt.timedelta(days=2):%Y-%m-%d}"
    form = form_for(dashboard, application, expires_on=yesterday)

    page = text_of(dashboard.post(url_of(application, "licenses/new/"), form))

    assert "must be in the future" in page
    assert '<details class="more" open>' in page
