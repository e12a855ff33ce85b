"""The staff pages of the product: everything to be seen, nothing secret, and acts that are the owners' own verbs."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import staff
from accounts.models import Browser, Team, User
from licensing import entitlements, licenses
from licensing.events import SYSTEM
from licensing.models import (
    ApiKey,
    Application,
    Device,
    Event,
    License,
    LicenseBatch,
    Policy,
    Session,
    SigningKey,
    Variable,
)
from tests import factories
from tests.people import confirm_address, log_in, set_up_app
from tests.staff import make_staff, make_superuser, signed_in

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
PRODUCT = [model for model in MODELS if model._meta.app_label == "licensing"]


@dataclass
class Product:
    """A team's application as it looks once a program has run."""

    application: Application
    license: License
    license_key: str
    api_key: str
    token: uuid.UUID
    device: Device
    session: Session

    def secrets(self) -> set[str]:
        """Everything that no page may show, in the forms in which it could be shown."""
        digests = [
            *ApiKey.objects.values_list("key_digest", flat=True),
            *License.objects.values_list("key_digest", flat=True),
            *Device.objects.values_list("hwid_digest", flat=True),
            *Session.objects.values_list("token_digest", flat=True),
            *Browser.objects.values_list("token_digest", flat=True),
        ]
        ciphertexts = [
            *ApiKey.objects.values_list("key_ciphertext", flat=True),
            *Variable.objects.values_list("value_ciphertext", flat=True),
            *License.objects.values_list("key_ciphertext", flat=True),
            *SigningKey.objects.values_list("private_ciphertext", flat=True),
            *Authenticator.objects.values_list("data__secret", flat=True),
            *Authenticator.objects.values_list("data__seed", flat=True),
            *Browser.objects.values_list("session_digest", flat=True),
        ]
        written = {bytes(digest).hex() for digest in digests}
        escaped = {str(bytes(digest))[2:-1] for digest in digests}
        keys = {self.license_key, self.api_key, str(self.token)}
        passwords = set(User.objects.values_list("password", flat=True))
        return keys | written | escaped | set(filter(None, ciphertexts)) | passwords


@pytest.fixture
def product(team: Team) -> Product:
    application = factories.make_application(team)
    license = factories.make_license(application, username="Ada", email="ada@example.org")
    token = factories.open_session(license)
    licenses.suspend_license(license=license, actor=SYSTEM)
    return Product(
        application=application,
        license=license,
        license_key=license.reveal(),
        api_key=factories.api_key_of(application),
        token=token,
        device=Device.objects.get(),
        session=Session.objects.get(),
    )


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(make_superuser())


def url(model: type[models.Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def act(client: Client, name: str, *rows: models.Model, **more: str) -> str:
    """Choose rows in a list and an act from its menu; `confirmed="yes"` answers the question that may come."""
    data = {"action": name, "index": "0", "_selected_action": [row.pk for row in rows], **more}
    response = client.post(url(type(rows[0]), "changelist"), data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def shown(client: Client, row: models.Model, name: str) -> str:
    """What the page of a row shows as one of its facts."""
    html = client.get(url(type(row), "change", row.pk)).content.decode()
    found = re.search(rf'field-{name}".*?readonly">(.*?)</div>', html, re.DOTALL)
    assert found is not None
    return found[1]


def assert_clean(html: str, product: Product | None = None) -> None:
    """Assert that a page needs no unsafe-inline, and shows no secret."""
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"<[^>]+\son[a-z]+=", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", html)
    assert "<style" not in html
    for secret in product.secrets() if product else ():
        assert secret not in html


def test_the_first_page_lists_every_table(root: Client, product: Product) -> None:
    html = root.get(reverse("admin:index")).content.decode()

    assert "Lockence staff" in html
    assert all(url(model, "changelist") in html for model in MODELS)
    assert all(f">{name}</a>" in html for name in ("API keys", "Webhook deliveries"))
    assert_clean(html, product)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_of_every_table_opens_and_shows_no_secret(
    model: type[models.Model], root: Client, product: Product
) -> None:
    row = a_row_of(model)
    pages = [
        url(model, "changelist"),
        url(model, "changelist") + "?q=a",
        url(model, "changelist") + f"?q={uuid.uuid4()}",
        url(model, "changelist") + "?p=2&o=1.2&all=",
        url(model, "change", row.pk),
        url(model, "history", row.pk),
    ]

    for page in pages:
        response = root.get(page)
        assert response.status_code == 200, page
        assert_clean(response.content.decode(), product)


@pytest.mark.parametrize("model", PRODUCT, ids=lambda model: model._meta.label)
def test_no_row_of_the_product_is_added_changed_or_deleted_by_hand(
    model: type[models.Model], root: Client, product: Product
) -> None:
    row = a_row_of(model)

    assert root.get(url(model, "add")).status_code == 403
    assert root.post(url(model, "change", row.pk), {"name": "Other"}).status_code == 403
    assert root.get(url(model, "delete", row.pk)).status_code == 403
    assert "delete_selected" not in root.get(url(model, "changelist")).content.decode()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_list_takes_as_many_statements_for_many_rows_as_for_one(
    model: type[models.Model], root: Client, product: Product
) -> None:
    a_row_of(model)
    with CaptureQueriesContext(
        connection,
    ) as few:
        root.get(url(model, "changelist"))

    for number in range(3):
        more_rows(f"another{number}")

    with CaptureQueriesContext(connection) as many:
        root.get(url(model, "changelist"))
    assert len(many) == len(few)


def test_a_long_list_is_counted_to_a_bound_and_no_further(
    root: Client, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_licenses(product.application, 120)
    monkeypatch.setattr(staff, "ROWS_COUNTED_MAX", 100)
    monkeypatch.setattr(staff.ReadOnlyAdmin, "rows_counted_max", 100)

    with CaptureQueriesContext(connection) as statements:
        html = root.get(url(License, "changelist")).content.decode()

    assert "100 or more\n  licenses" in html
    assert "_facets" not in html
    counts = [query["sql"] for query in statements if "COUNT(" in query["sql"]]
    assert all("LIMIT 100" in sql for sql in counts)


@pytest.mark.parametrize(
    "typed",
    [
        lambda product: product.license_key,
        lambda product: product.license_key.lower().replace("-", " "),
        lambda product: product.license_key[-5:],
        lambda product: "ada",
        lambda product: "ADA@example",
        lambda product: str(product.license.pk),
        lambda product: str(product.application.pk),
    ],
    ids=["key", "key as typed", "last five", "name", "e-mail", "id", "application"],
)
def test_a_license_is_found_by(typed, root: Client, product: Product) -> None:
    factories.make_license(username="Grace", email="grace@example.org")

    html = root.get(url(License, "changelist"), {"q": typed(product)}).content.decode()

    assert "ada@example.org" in html
    assert "grace@example.org" not in html


@pytest.mark.parametrize("model", [Device, Session])
def test_what_ran_with_a_license_is_found_by_its_key(
    model: type[models.Model], root: Client, product: Product
) -> None:
    factories.make_session(factories.make_license(), "another device")

    html = root.get(url(model, "changelist"), {"q": product.license_key}).content.decode()

    assert "1\n  " + model._meta.verbose_name in html


def test_an_application_is_found_by_a_whole_api_key(root: Client, product: Product) -> None:
    factories.make_application(name="Another")

    for model in (Application, ApiKey):
        html = root.get(url(model, "changelist"), {"q": product.api_key}).content.decode()
        assert "Another" not in html
        assert product.application.name in html


def test_a_row_leads_to_what_belongs_to_it(root: Client, product: Product) -> None:
    factories.make_license(username="Grace")
    html = root.get(url(Application, "change", product.application.pk)).content.decode()
    [link] = re.findall(r'href="(/admin/licensing/license/\?[^"]+)"', html)

    listed = root.get(link).content.decode()

    assert "Ada" in listed
    assert "Grace" not in listed


def test_suspending_asks_first_and_then_does_it_as_the_owner_would(
    root: Client, product: Product
) -> None:
    license = factories.make_license(product.application)

    question = act(root, "suspend", license)
    assert "Suspend?" in question
    assert "until they are restored" in question
    assert_clean(question, product)
    license.refresh_from_db()
    assert license.status == License.Status.ACTIVE

    answer = act(root, "suspend", license, confirmed="yes")

    license.refresh_from_db()
    assert license.status == License.Status.SUSPENDED
    assert "Suspend: done for 1 of 1." in answer
    event = Event.objects.filter(action="license.suspended").latest("id")
    assert event.actor is not None
    assert (event.actor.email, event.target_id) == ("root@example.com", license.pk)
    assert LogEntry.objects.get().change_message == "Suspend."


@pytest.mark.parametrize(
    ("name", "row", "is_done"),
    [
        ("restore", "license", lambda row: row.status == "active"),
        ("revoke", "license", lambda row: row.status == "revoked"),
        ("disable", "application", lambda row: not row.enabled),
        ("release", "device", lambda row: row.released_at is not None),
        ("end", "session", lambda row: row.ended_reason == "developer"),
    ],
)
def test_an_act_does_what_it_says(name, row, is_done, root: Client, product: Product) -> None:
    chosen = getattr(product, row)

    act(root, name, chosen, confirmed="yes")

    chosen.refresh_from_db()
    assert is_done(chosen)


def test_only_what_cannot_hurt_is_done_without_a_question(root: Client) -> None:
    asks = {
        (model._meta.model_name, name): "Cancel" in act(root, name, row)
        for model, row in ((model, a_row_of(model)) for model in PRODUCT)
        for name in (done.__name__ for done in admin.site._registry[model].actions)
    }

    assert {act for act, asked in asks.items() if not asked} == {
        ("application", "enable"),
        ("license", "restore"),
        ("policy", "make_default"),
    }


def test_enabling_and_making_default(root: Client, product: Product) -> None:
    policy = factories.make_policy(product.application)
    act(root, "disable", product.application, confirmed="yes")

    act(root, "enable", product.application)
    act(root, "make_default", policy)

    product.application.refresh_from_db()
    policy.refresh_from_db()
    assert product.application.enabled
    assert policy.is_default


def test_a_replaced_api_key_is_retired_and_the_current_one_is_not(
    root: Client, product: Product
) -> None:
    current = product.application.api_keys.get()

    html = act(root, "retire", current, confirmed="yes")

    current.refresh_from_db()
    assert current.expires_at is None
    assert "done for 0 of 1" in html


def test_a_refusal_of_one_row_is_told_and_keeps_no_other_from_it(
    root: Client, product: Product
) -> None:
    revoked, other = factories.make_licenses(product.application, 2)
    licenses.revoke_license(license=revoked, actor=SYSTEM, now=timezone.now())

    html = act(root, "suspend", revoked, other, confirmed="yes")

    assert "A revoked license stays revoked" in html
    assert "done for 1 of 2" in html


def test_an_act_on_too_many_rows_is_for_a_command(
    root: Client, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "ROWS_PER_ACT_MAX", 2)
    rows = factories.make_licenses(product.application, 3)

    html = act(root, "revoke", *rows, confirmed="yes")

    assert "Choose at most 2 at once." in html
    assert not License.objects.filter(status="revoked").exists()


def test_the_acts_stand_on_a_rows_own_page(root: Client, product: Product) -> None:
    html = root.get(url(License, "change", product.license.pk)).content.decode()

    assert '<button name="action" value="revoke">Revoke</button>' in html


def test_staff_without_permissions_see_nothing(product: Product) -> None:
    client = signed_in(make_staff())

    assert client.get(reverse("admin:index")).status_code == 200
    for model in MODELS:
        assert client.get(url(model, "changelist")).status_code == 403
        assert client.get(url(model, "change", a_row_of(model).pk)).status_code == 403


def test_staff_who_may_view_may_do_nothing(product: Product) -> None:
    client = signed_in(make_staff("viewer@example.com", "view_license"))

    assert "Ada" in client.get(url(License, "changelist")).content.decode()
    page = client.get(url(License, "change", product.license.pk)).content.decode()
    assert 'value="revoke"' not in page
    act(client, "revoke", product.license, confirmed="yes")
    product.license.refresh_from_db()
    assert product.license.status == License.Status.SUSPENDED


def test_staff_who_may_change_may_act_on_that_table_only(product: Product) -> None:
    client = signed_in(make_staff("support@example.com", "change_license"))

    act(client, "revoke", product.license, confirmed="yes")

    product.license.refresh_from_db()
    assert product.license.status == License.Status.REVOKED
    assert client.get(url(Application, "changelist")).status_code == 403


def test_an_owner_is_no_staff(client: Client, developer: User, product: Product) -> None:
    client.force_login(developer)

    response = client.get(url(License, "changelist"), follow=True)

    assert response.status_code == 403


def test_a_stranger_is_sent_to_the_door_of_everybody(client: Client, db: None) -> None:
    response = client.get(url(License, "changelist"), follow=True)

    assert response.resolver_match.url_name == "account_login"
    assert response.context["redirect_field_value"] == url(License, "changelist")


def a_row_of(model: type[models.Model]) -> models.Model:
    row = model._default_manager.order_by("pk").first()
    if row is None:
        more_rows("first")
        row = model._default_manager.order_by("pk").first()
    assert row is not None
    return row


def more_rows(name: str) -> None:
    """One row more in every table that staff see."""
    user = factories.make_user(f"{name}@example.net")
    confirm_address(user)
    log_in(Client(), user)
    set_up_app(user)
    user.groups.create(name=name)
    license = factories.make_license(factories.make_application(factories.make_team(user), name))
    factories.make_session(license)
    LicenseBatch.objects.update(created_by=user)
    pages = factories.make_entitlement(license.application, "pages", "metered")
    factories.make_variable(license.application)
    factories.make_access_rule(license.application)
    factories.make_named_user(license.application)
    factories.make_endpoint(license.application)
    licenses.suspend_license(license=license, actor=SYSTEM)
    for owner in (license, license.policy):
        factories.grant(owner, pages, 100)
    entitlements.set_usage(
        license=license, entitlement=pages, used=1, actor=SYSTEM, now=timezone.now()
    )
    assert Policy.objects.exists()


def test_renewing_in_the_admin_gives_another_duration(root: Client, product: Product) -> None:
    policy = factories.make_policy(product.application, duration_seconds=86_400)
    monthly = factories.make_license(product.application, policy=policy)
    end = monthly.expires_at

    act(root, "renew", monthly, confirmed="yes")

    monthly.refresh_from_db()
    assert end is not None
    assert monthly.expires_at == end + dt.timedelta(days=1)


def test_a_trial_is_converted_to_the_policy_that_is_named(root: Client, product: Product) -> None:
    policy = factories.make_policy(product.application, name="Trial", is_trial=True)
    trial = factories.make_license(product.application, policy=policy)
    assert "Name of the policy" in act(root, "convert", trial)

    assert "Name of the policy" in act(root, "convert", trial, confirmed="yes", policy="")
    assert "no policy “Nope”" in act(root, "convert", trial, confirmed="yes", policy="Nope")
    act(root, "convert", trial, confirmed="yes", policy="Standard")

    trial.refresh_from_db()
    assert trial.policy.name == "Standard"


def test_a_license_is_transferred_to_who_is_named(root: Client, product: Product) -> None:
    question = act(root, "transfer", product.license)
    assert_clean(question, product)

    refused = act(root, "transfer", product.license, confirmed="yes")
    assert "username or email must say who" in refused
    act(root, "transfer", product.license, confirmed="yes", username="Grace")

    product.license.refresh_from_db()
    assert (product.license.username, product.license.devices_used) == ("Grace", 0)


def test_a_place_kept_for_a_license_file_shows_and_is_freed(root: Client, product: Product) -> None:
    license = factories.make_license(product.application)
    device = factories.make_held_device(license)

    assert shown(root, license, "devices_held") == "1"
    until = shown(root, device, "place_held_until")
    assert until == shown(root, device, "license_file_ends_at") != "-"

    act(root, "release", device, confirmed="yes")

    assert shown(root, license, "devices_held") == "0"
    assert shown(root, device, "place_held_until") == "-"


def test_a_blocked_device_shows_as_blocked(root: Client, product: Product) -> None:
    assert 'alt="False"' in shown(root, product.device, "is_blocked")

    act(root, "block", product.device, confirmed="yes")

    assert 'alt="True"' in shown(root, product.device, "is_blocked")


def test_trials_are_forgotten_in_the_admin(root: Client, product: Product) -> None:
    policy = factories.make_policy(product.application, is_trial=True)
    trial = factories.make_license(product.application, policy=policy)
    factories.open_session(trial)

    assert "done for 1 of 1" in act(root, "reset_trial", trial, confirmed="yes")
