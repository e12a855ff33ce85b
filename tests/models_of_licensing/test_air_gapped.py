"""docs/models/air-gapped.md, read out loud: a code out, a license file back."""

import html
import json
import re
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client as Browser
from lockence_client import CouldNotAsk, YesOffline, request_code, request_url

from licensing.events import history_of
from licensing.models import Device, License, Policy, Session
from tests import factories
from tests.api.runtime.conftest import Program
from tests.clients.test_python_client import client_of

NOWHERE = "http://127.0.0.1:9"
HWID = "5f" * 32
PAGE = "/offline/"


@pytest.fixture
def license(db: None) -> License:
    application = factories.make_application()
    policy = factories.make_policy(application, license_file_seconds=90 * 86_400)
    return factories.make_license(application, policy=policy)


def code_of(license: License, hwid: str | dict[str, str] = HWID) -> str:
    return request_code(str(license.application_id), hwid)


def exchanged(code: str, key: str, browser: Browser | None = None) -> HttpResponse:
    return (browser or Browser()).post(PAGE, {"request_code": code, "license_key": key})


def file_on(response: HttpResponse) -> str:
    found = re.search(r"<textarea[^>]*readonly[^>]*>([^<]+)</textarea>", response.content.decode())
    assert found, response.content.decode()
    return html.unescape(found[1])


def asked(license: License, **fields: str) -> HttpResponse:
    body = {
        "api_key": factories.api_key_of(license.application),
        "license_key": license.reveal(),
        "request_code": code_of(license),
        **fields,
    }
    return Browser().post("/api/v1/offline", json.dumps(body), content_type="application/json")


def test_a_machine_without_network_is_licensed_by_hand(license: License, tmp_path: Path) -> None:
    client = client_of(license, NOWHERE, offline_path=tmp_path / "license.json")
    assert isinstance(client.init(license.reveal(), HWID), CouldNotAsk)

    page = exchanged(code_of(license), license.reveal())

    assert "data:image/svg+xml" in page.content.decode()
    client.take_license_file(file_on(page), HWID)
    assert isinstance(client.init(license.reveal(), HWID), YesOffline)


def test_the_address_in_the_picture_keeps_the_code_from_servers(license: License) -> None:
    address = urlsplit(request_url("https://lockence.example/", str(license.application_id), HWID))

    assert (address.path, address.query, address.fragment) == (PAGE, "", code_of(license))
    assert Browser().get(PAGE).status_code == 200


def test_a_server_of_the_developers_own_does_the_same(license: License) -> None:
    body = asked(license).json()

    assert body["message"] == "License file issued"
    assert body["license_file"].count(".") == 2


def test_the_device_takes_a_place_and_no_seat(license: License) -> None:
    exchanged(code_of(license), license.reveal())

    assert Device.objects.get().is_bound()
    assert not Session.objects.filter(ended_at=None).exists()
    assert history_of(license).filter(action="device.bound").count() == 1
    assert (
        asked(license, request_code=code_of(license, "another")).json()["code"] == "hwid_mismatch"
    )


def test_the_same_device_comes_again_for_the_next_file(license: License) -> None:
    first, second = (file_on(exchanged(code_of(license), license.reveal())) for _ in range(2))

    assert first != second
    assert Device.objects.count() == 1


def test_a_machine_in_parts_that_goes_offline_is_still_known_by_them(license: License) -> None:
    parts = {"board": "B-1", "disk": "D-1", "mac": "M-1"}
    assert Program(Browser(), license, parts).init().json()["code"] == "ok"

    assert file_on(exchanged(code_of(license, parts), license.reveal()))

    swapped = Program(Browser(), license, parts | {"disk": "D-2"})
    assert swapped.init().json()["code"] == "ok"
    assert license.devices.get().drifted == ["disk"]


def test_a_policy_without_license_files_gives_none_and_binds_nothing(license: License) -> None:
    Policy.objects.update(license_file_seconds=None)

    refused = asked(license)

    assert refused.json()["code"] == "offline_not_allowed"
    assert Device.objects.count() == 0
    license.refresh_from_db()
    assert license.devices_used == 0


@pytest.mark.parametrize(
    "hwid", ["a", "my-first-device", "Ünïcödé 🖥", "0f" * 128, "0F", "abc", "x" * 256]
)
def test_every_hardware_id_comes_through(license: License, hwid: str) -> None:
    code = code_of(license, hwid)
    asked(license, request_code=code.lower().replace("-", " "))

    known = factories.make_session(license, hwid).device

    assert Device.objects.get() == known


def test_a_typing_mistake_is_told_from_another_device(license: License) -> None:
    code = code_of(license)
    last = "0" if code[-1] != "0" else "1"
    other = "2" if code[8] != "2" else "3"
    for wrong in (
        "",
        "REQ1",
        "REQ2" + code[4:],
        code[:-6],
        code[:-1] + last,
        code[:8] + other + code[9:],
        "U" + code,
        "REQ1-" + "0" * 3_000,
    ):
        refused = asked(license, request_code=wrong)

        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request"), wrong
    assert Device.objects.count() == 0


def test_the_page_tells_of_half_a_code_in_words(license: License) -> None:
    page = exchanged("REQ1-XXXX", license.reveal())

    assert "Request code is not complete." in page.content.decode()


def test_the_page_tells_unknown_keys_and_unknown_applications_alike(license: License) -> None:
    unknown_key = exchanged(code_of(license), "AAAAA-AAAAA-AAAAA-AAAAA")
    nowhere = request_code(str(uuid.uuid4()), HWID)
    unknown_application = exchanged(nowhere, license.reveal())
    foreign = factories.make_license()
    of_another = exchanged(code_of(license), foreign.reveal())

    for page in (unknown_key, unknown_application, of_another):
        assert "Invalid license key." in page.content.decode()
    assert Device.objects.count() == 0


def test_a_code_of_another_application_is_refused(license: License) -> None:
    foreign = factories.make_license()

    refused = asked(license, request_code=code_of(foreign))

    assert refused.json()["code"] == "invalid_request"
    assert Device.objects.count() == 0


def test_who_guesses_is_stopped(license: License, settings) -> None:
    settings.INIT_FAILURES_MAX = 3
    pages = [exchanged(code_of(license), f"AAAAA-AAAAA-AAAAA-AAAA{n}") for n in range(4)]

    assert [page.status_code for page in pages] == [200, 200, 200, 429]
    assert "wait a little" in pages[-1].content.decode()
    assert int(pages[-1]["Retry-After"]) > 0


def test_a_file_that_is_too_long_for_a_picture_is_given_as_text(license: License) -> None:
    License.objects.update(metadata={"text": "x" * 3_000})

    page = exchanged(code_of(license), license.reveal())

    assert "too long for a picture" in page.content.decode()
    assert file_on(page)
