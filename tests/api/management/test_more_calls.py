"""Applications, API keys, batches and files: what pages do, done by a script."""

import csv
import datetime as dt
import io
import json

import pytest
from django.utils import timezone

from licensing.events import history_of
from licensing.models import Application, License
from tests import factories
from tests.api.management.conftest import Script, path_of, problem_of


def test_an_application_is_made_with_all_that_it_needs(script: Script) -> None:
    told = script.post("applications", {"name": "Painter"})

    assert told.status_code == 201
    path = f"applications/{told.json()['id']}"
    [key] = script.get(f"{path}/api-keys").json()["data"]
    assert key["key"].startswith("lck_pk_")
    assert key["is_current"]
    assert [row["name"] for row in script.get(f"{path}/policies").json()["data"]] == ["Standard"]


def test_numbers_are_those_of_the_overview(script: Script, license: License) -> None:
    factories.make_session(license)

    assert script.get(path_of(license.application, "/numbers")).json() == {
        "licenses": 1,
        "active": 1,
        "expired": 0,
        "suspended": 0,
        "revoked": 0,
        "devices": 1,
        "sessions": 1,
    }


def test_an_api_key_is_replaced_and_the_old_one_retired(
    script: Script, application: Application
) -> None:
    path, old = path_of(application, "/api-keys"), application.api_keys.get()

    new = script.post(f"{path}/rotate", {"overlap_seconds": 3_600, "replaces": str(old.pk)})
    again = script.post(f"{path}/rotate", {"overlap_seconds": 3_600, "replaces": str(old.pk)})

    assert new.status_code == 201
    assert again.json() == new.json()
    assert new.json()["key"] != old.reveal()
    assert not script.get(f"{path}/{old.pk}").json()["is_current"]
    retired = script.post(f"{path}/{old.pk}/retire").json()
    assert dt.datetime.fromisoformat(retired["expires_at"]) <= timezone.now()


def test_a_batch_is_found_with_its_licenses(script: Script, application: Application) -> None:
    issued = script.post(path_of(application, "/licenses"), {"count": 3}).json()

    [batch] = script.get(path_of(application, "/batches")).json()["data"]
    rows = script.get(path_of(application, f"/licenses?batch={batch['id']}")).json()["data"]

    assert (batch["id"], batch["licenses_count"]) == (issued["batch"], 3)
    assert {row["id"] for row in rows} == {row["id"] for row in issued["data"]}


def test_what_is_told_of_a_customer_is_erased(script: Script, license: License) -> None:
    path = path_of(license.application, f"/licenses/{license.pk}")
    script.patch(path, {"email": "grace@example.com"})

    assert script.post(f"{path}/erase-history").json()["erased"] > 0
    events = script.get(path_of(license.application, "/events?action=license.changed"))
    assert "grace@example.com" not in events.text


@pytest.mark.parametrize("with_keys", [True, False])
def test_licenses_are_taken_away_as_files(
    script: Script, application: Application, with_keys: bool
) -> None:
    license = factories.make_license(application, username="=1+1", email="ada@example.com")
    wanted = license.reveal() if with_keys else f"…{license.key_last5}"
    path = path_of(application, "/licenses/export")

    as_csv = script.post(path, {"format": "csv", "keys": with_keys})
    as_lines = script.post(path, {"format": "jsonl", "keys": with_keys, "status": "active"})

    [row] = csv.DictReader(io.StringIO(b"".join(as_csv.streaming_content).decode()))
    [line] = b"".join(as_lines.streaming_content).decode().splitlines()
    assert (row["key"], row["username"]) == (wanted, "'=1+1")
    assert (json.loads(line)["key"], json.loads(line)["username"]) == (wanted, "=1+1")
    assert as_lines["Content-Type"] == "application/jsonl"
    recorded = history_of(application).filter(action="licenses.exported").count()
    assert recorded == (2 if with_keys else 0)


def test_a_file_is_of_a_known_kind(script: Script, application: Application) -> None:
    response = script.post(path_of(application, "/licenses/export"), {"format": "xlsx", "keys": 1})

    faults = problem_of(response, 400, "invalid_request")["errors"]
    assert {fault["pointer"] for fault in faults} == {"/format", "/keys"}


def test_a_license_is_handed_over_once(script: Script, license: License) -> None:
    session = factories.make_session(license)
    path = path_of(license.application, f"/licenses/{license.pk}/transfer")

    told = script.post(path, {"username": "Grace", "email": "grace@example.com"})

    assert (told.json()["username"], told.json()["devices_used"]) == ("Grace", 0)
    session.refresh_from_db()
    assert session.ended_reason == "transfer"
    problem = problem_of(script.post(path, {}), 400, "invalid_request")
    assert "username or email" in problem["detail"]
    problem_of(script.post(path, {"email": "nobody"}), 400, "invalid_request")


def test_a_place_that_a_released_device_keeps_is_told_while_it_lasts(
    script: Script, license: License
) -> None:
    device = factories.make_held_device(license)
    its_license = path_of(license.application, f"/licenses/{license.pk}")
    its_device = path_of(license.application, f"/devices/{device.pk}")

    told = script.get(its_license).json()
    assert (told["devices_used"], told["devices_held"]) == (0, 1)
    told = script.get(its_device).json()
    assert told["place_held_until"] == told["license_file_ends_at"]

    over = (timezone.now() - dt.timedelta(seconds=1)).isoformat()
    License.objects.update(places_held={str(device.pk): over})
    assert script.get(its_license).json()["devices_held"] == 0
    assert script.get(its_device).json()["place_held_until"] is None


def test_a_trial_is_forgotten(script: Script, application: Application) -> None:
    policy = factories.make_policy(application, is_trial=True)
    trial, other = factories.make_licenses(application, 2, policy=policy)
    factories.open_session(trial)

    script.post(path_of(application, f"/licenses/{trial.pk}/reset-trial"))

    assert factories.open_session(other)


def test_named_users_are_found_and_removed(script: Script, license: License) -> None:
    script.patch(path_of(license.application, f"/licenses/{license.pk}"), {"users_max": 2})
    for name in ("ann", "bob"):
        factories.open_session(license, user_name=name)
    path = path_of(license.application, "/named-users")

    listed = script.get(f"{path}?license={license.pk}").json()["data"]
    [ann] = script.get(f"{path}?name=ann").json()["data"]

    assert {row["name"] for row in listed} == {"ann", "bob"}
    assert script.get(f"{path}/{ann['id']}").json() == ann
    assert script.delete(f"{path}/{ann['id']}").status_code == 204
    problem_of(script.get(f"{path}/{ann['id']}"), 404, "not_found")
