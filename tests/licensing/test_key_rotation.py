"""Changing keys: every row moves to the current ones, and meanwhile is found and opened under either."""

import base64
import io
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from accounts.cells import TOTP_SECRET
from accounts.ciphers import UndecipherableError, key_id_of
from licensing import key_rotation, sessions, tokens
from licensing.models import ApiKey, Application, Device, License, SigningKey
from licensing.search import find_licenses
from tests import factories
from tests.api.runtime.test_budgets import statements

OLD, NEW = b"o" * 32, b"n" * 32
RINGS = ("ENCRYPTION_KEYS", "INDEX_KEYS", "HWID_KEYS")


class Rings:
    """The keys of an installation, as its operator changes them step by step."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def hold(self, **keys: bytes) -> None:
        for number, ring in enumerate(RINGS):
            different = {key_id: bytes([number]) + key[1:] for key_id, key in keys.items()}
            setattr(self.settings, ring, different)


@pytest.fixture
def rings(settings: Settings) -> Rings:
    rings = Rings(settings)
    rings.hold(old=OLD)
    return rings


@pytest.fixture
def application(rings: Rings, db: None) -> Application:
    return factories.make_application()


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application)


# Each step of a change


@pytest.mark.parametrize(
    "made_under", [{"old": OLD}, {"old": OLD, "new": NEW}, {"new": NEW, "old": OLD}]
)
@pytest.mark.parametrize("read_under", [{"old": OLD, "new": NEW}, {"new": NEW, "old": OLD}])
def test_what_one_process_makes_another_finds(
    rings: Rings, db: None, made_under: dict[str, bytes], read_under: dict[str, bytes]
) -> None:
    rings.hold(**made_under)
    license = factories.make_license()
    api_key, license_key = factories.api_key_of(license.application), license.reveal()
    rings.hold(**read_under)

    token = factories.open_session(license)

    assert sessions.validate_session(api_key=api_key, session_token=token).license.id == license.pk
    assert sessions.touch_session(api_key=api_key, session_token=token)
    assert license.reveal() == license_key
    assert ApiKey.objects.written(api_key).count() == 1


def test_a_process_with_the_old_key_alone_finds_what_one_with_both_made(
    rings: Rings, db: None
) -> None:
    """Before it was restarted it cannot open ciphertexts, but needs not to: programs send their keys."""
    rings.hold(new=NEW, old=OLD)
    license = factories.make_license()
    api_key, license_key = factories.api_key_of(license.application), license.reveal()
    rings.hold(old=OLD)

    assert ApiKey.objects.written(api_key).get().application_id == license.application_id
    found = License.objects.filter(second_key_digest=tokens.license_key_digests(license_key)[0])
    assert found.get() == license


def test_rotation_leaves_no_row_on_the_old_key(rings: Rings, license: License) -> None:
    api_key, license_key = factories.api_key_of(license.application), license.reveal()
    factories.make_licenses(license.application, 25)

    rings.hold(new=NEW, old=OLD)
    rotate(batch=10)

    assert {key_id_of(text) for text in ciphertexts()} == {"new"}
    assert set(License.objects.values_list("index_key_id", "second_index_key_id")) == {
        ("new", "old")
    }
    rings.hold(new=NEW)
    rotate()
    assert set(License.objects.values_list("index_key_id", "second_index_key_id")) == {("new", "")}
    assert set(ApiKey.objects.values_list("index_key_id", "second_key_digest")) == {("new", None)}
    assert "old" not in report()
    license.refresh_from_db()
    token = factories.open_session(license)
    assert sessions.validate_session(api_key=api_key, session_token=token)
    assert license.reveal() == license_key


def test_rotating_twice_changes_nothing_more(rings: Rings, license: License) -> None:
    rings.hold(new=NEW, old=OLD)
    rotate()
    before = ciphertexts()

    assert "rows moved" not in rotate()
    assert ciphertexts() == before


def test_a_rotation_that_was_broken_off_is_taken_up(rings: Rings, license: License) -> None:
    factories.make_licenses(license.application, 9)
    rings.hold(new=NEW, old=OLD)
    batches = key_rotation.rotate(batch_size=3)
    for _ in range(3):
        next(batches)
    batches.close()
    left = key_rotation.rows_left()
    assert left > 0

    rotate()

    assert key_rotation.rows_left() == 0


def test_the_dashboard_finds_a_license_by_its_key_under_either(
    rings: Rings, license: License
) -> None:
    key = license.reveal()
    rings.hold(new=NEW, old=OLD)

    found = find_licenses(license.application, text=key, at=license.created_at)

    assert found.get() == license


# Hardware ids


def test_a_device_moves_to_the_new_key_when_it_calls(rings: Rings, license: License) -> None:
    factories.open_session(license)
    rings.hold(new=NEW, old=OLD)

    factories.open_session(license)

    device = Device.objects.get()
    assert device.hwid_key_id == "new"
    assert bytes(device.hwid_digest) == tokens.hwid_digest(license.application_id, "device-1")
    rotate()
    rings.hold(new=NEW)
    factories.open_session(License.objects.get())
    assert License.objects.get(pk=license.pk).devices_used == Device.objects.count() == 1


def test_a_device_that_was_released_comes_back_under_the_new_key(
    rings: Rings, license: License
) -> None:
    factories.open_session(license)
    Device.objects.update(released_at="2026-01-01T00:00:00Z")
    License.objects.update(devices_used=0)
    rings.hold(new=NEW, old=OLD)

    factories.open_session(license)

    device = Device.objects.get()
    assert (device.hwid_key_id, device.is_bound()) == ("new", True)
    assert License.objects.get(pk=license.pk).devices_used == 1


def test_a_device_that_a_process_took_for_another_is_let_in_all_the_same(
    rings: Rings, application: Application
) -> None:
    """One process was given the new key while another did not know it: the device is known twice, and welcome."""
    license = factories.make_license(application, devices_max=2)
    rings.hold(new=NEW, old=OLD)
    factories.open_session(license)
    rings.hold(old=OLD)
    Device.objects.create(
        application=application,
        license=license,
        hwid_digest=tokens.hwid_digest(application.pk, "device-1"),
        hwid_key_id="old",
        first_seen_at=license.created_at,
        last_seen_at=license.created_at,
    )
    rings.hold(new=NEW, old=OLD)

    for released in (None, "2026-01-01T00:00:00Z"):
        Device.objects.filter(hwid_key_id="new").update(released_at=released)
        factories.open_session(license)

    assert Device.objects.count() == 2


@pytest.mark.parametrize("ring", [{"old": OLD}, {"new": NEW, "old": OLD}])
def test_calls_cost_the_same_statements_while_keys_change(
    rings: Rings, application: Application, ring: dict[str, bytes]
) -> None:
    license = factories.make_license(application, sessions_max=5)
    api_key, license_key = factories.api_key_of(application), license.reveal()
    rings.hold(**ring)
    program = sessions.Program(hwid="device-1", ip_address="198.51.100.9")

    def opened() -> uuid.UUID:
        return sessions.open_session(
            api_key=api_key, license_key=license_key, program=program
        ).token

    with statements() as for_a_new_device:
        opened()
    with statements() as for_a_known_device:
        token = opened()
    with statements() as for_a_heartbeat:
        sessions.touch_session(api_key=api_key, session_token=token)

    costs = [len(sent) for sent in (for_a_new_device, for_a_known_device, for_a_heartbeat)]
    assert costs == [6, 3, 1]


# The registry


def test_every_ciphertext_of_ours_is_in_the_registry() -> None:
    columns = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "column", None) and field.column.endswith("_ciphertext")
    }

    assert columns == {
        (cell.table, cell.column) for cell in key_rotation.CELLS if "_ciphertext" in cell.column
    }


def test_second_factor_secrets_move_as_well(rings: Rings, db: None) -> None:
    user = factories.make_user()
    sealed = TOTP_SECRET.encrypt("JBSWY3DPEHPK3PXP", user.pk)
    Authenticator = apps.get_model("mfa", "Authenticator")
    Authenticator.objects.create(user=user, type="totp", data={"secret": sealed, "other": 1})
    rings.hold(new=NEW, old=OLD)

    rotate()

    data = Authenticator.objects.get().data
    assert key_id_of(data["secret"]) == "new"
    assert TOTP_SECRET.decrypt(data["secret"], user.pk) == "JBSWY3DPEHPK3PXP"
    assert data["other"] == 1


def test_secrets_of_webhooks_move_as_well(rings: Rings, license: License) -> None:
    endpoint = factories.make_endpoint(license.application)
    before = endpoint.secrets.get().signing_keys()
    rings.hold(new=NEW, old=OLD)

    rotate()

    secret = endpoint.secrets.get()
    assert key_id_of(secret.secret_ciphertext) == key_id_of(secret.private_ciphertext) == "new"
    assert secret.signing_keys() == before


def test_a_ciphertext_opens_in_its_own_cell_only(rings: Rings, license: License) -> None:
    other = factories.make_license(license.application)

    License.objects.filter(pk=other.pk).update(key_ciphertext=license.key_ciphertext)

    other.refresh_from_db()
    with pytest.raises(UndecipherableError):
        other.reveal()
    with pytest.raises(UndecipherableError):
        key_rotation.API_KEY.decrypt(license.key_ciphertext, license.pk)


# What the command says


def test_the_report_counts_rows_by_key_and_place(rings: Rings, license: License) -> None:
    factories.open_session(license)
    rings.hold(new=NEW, old=OLD)
    factories.make_license(license.application)

    lines = [line.split() for line in report().splitlines()]

    assert ["ENCRYPTION_KEYS", "licensing_license.key_ciphertext", "new", "1", "current"] in lines
    assert ["ENCRYPTION_KEYS", "licensing_license.key_ciphertext", "old", "1", "old"] in lines
    assert ["INDEX_KEYS", "licensing_license.key_digest", "old", "1", "old"] in lines
    assert ["INDEX_KEYS", "licensing_license.second_key_digest", "old", "1", "current"] in lines
    assert ["HWID_KEYS", "licensing_device.hwid_digest", "old", "1", "old"] in lines


def test_a_key_that_was_dropped_too_early_is_missed(rings: Rings, license: License) -> None:
    rings.hold(new=NEW)

    with pytest.raises(CommandError, match="put the missing key back"):
        report()
    with pytest.raises(CommandError, match="do not open with any configured key"):
        rotate()


@pytest.mark.django_db(transaction=True)
def test_a_row_in_use_is_left_for_the_next_pass(rings: Rings) -> None:
    license = factories.make_license()
    rings.hold(new=NEW, old=OLD)
    locked, enough = threading.Event(), threading.Event()

    def hold_the_license() -> None:
        with transaction.atomic():
            License.objects.select_for_update().get(pk=license.pk)
            locked.set()
            enough.wait(10)
        connection.close()

    with ThreadPoolExecutor() as pool:
        pool.submit(hold_the_license)
        locked.wait(10)
        moved = sum(batch.moved for batch in key_rotation.rotate(batch_size=10))
        assert (moved, key_rotation.rows_left()) == (4, 2)
        enough.set()
    rotate()

    assert key_rotation.rows_left() == 0


@pytest.mark.parametrize("options", [{"batch": 0}, {"pause": -1}])
def test_nonsense_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(CommandError):
        call_command("keys", rotate=True, **options)


def test_no_output_shows_a_key_or_a_secret(rings: Rings, license: License) -> None:
    rings.hold(new=NEW, old=OLD)

    told = rotate() + report()

    for secret in (license.reveal(), base64.b64encode(OLD).decode(), OLD.hex()):
        assert secret not in told


# Helpers


def rotate(batch: int = 200) -> str:
    told = io.StringIO()
    call_command("keys", rotate=True, batch=batch, stdout=told)
    return told.getvalue()


def report() -> str:
    told = io.StringIO()
    call_command("keys", stdout=told)
    return told.getvalue()


def ciphertexts() -> list[str]:
    return [
        *ApiKey.objects.order_by("id").values_list("key_ciphertext", flat=True),
        *License.objects.order_by("id").values_list("key_ciphertext", flat=True),
        *SigningKey.objects.order_by("id").values_list("private_ciphertext", flat=True),
    ]


def test_a_machine_in_parts_is_known_again_under_another_key(db: None, settings: Settings) -> None:
    license = factories.make_license()
    old = settings.HWID_KEYS
    factories.open_session(license, "1", components={"board": "b", "disk": "d", "mac": "m"})
    before = license.devices.get()

    settings.HWID_KEYS = {"newer": bytes(range(32)), **old}
    factories.open_session(license, "2", components={"board": "b", "disk": "new", "mac": "m"})
    settings.HWID_KEYS = {"newer": bytes(range(32))}
    factories.open_session(license, "3", components={"board": "b", "disk": "new", "mac": "new"})

    after = license.devices.get()
    assert (after.hwid_key_id, after.drifted) == ("newer", ["mac"])
    assert not set(before.components) & set(after.components)
