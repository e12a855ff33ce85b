"""What the pages promise of the code: codes, fields, statuses, settings."""

import inspect
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from api.errors import STATUSES
from licensing import errors
from tests import factories
from tests.licensing.handbook.conftest import EVERY_PAGE, text_of


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    codes = {refusal.code for refusal in refusals()}
    pages = {path.removeprefix("errors/") for path in EVERY_PAGE if path.startswith("errors/")}

    assert pages == codes
    assert {refusal.code for refusal in STATUSES} <= codes


@pytest.mark.parametrize("path", [path for path in EVERY_PAGE if path.startswith("errors/")])
def test_an_errors_page_tells_status_and_message(path: str) -> None:
    [refusal] = [one for one in refusals() if one.code == path.removeprefix("errors/")]
    status = STATUSES.get(refusal)
    where = f"HTTP {status.value}" if status else "In the dashboard and in commands"
    message = (
        "names the field and what is wrong with it"
        if refusal is errors.InvalidRequestError
        else refusal.default_message
    )

    assert text_of(path).startswith(f"# {refusal.code}\n\n> {where} · {message}\n\n")


def test_the_tables_of_both_apis_have_every_code_with_its_status() -> None:
    told = {
        found
        for page in ("api", "management/errors")
        for found in re.findall(r"^\| (\d{3}) \| \[`(\w+)`\]", text_of(page), re.MULTILINE)
    }

    assert told == {(str(status.value), refusal.code) for refusal, status in STATUSES.items()}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "call", ["init", "validate", "heartbeat", "logout", "consume", "variables"]
)
def test_the_api_page_has_every_field_of_an_answer(client: Client, call: str) -> None:
    license = factories.make_license(username="Ada", metadata={"plan": "pro"})
    token = factories.open_session(license)
    sent = {
        "api_key": factories.api_key_of(license.application),
        "license_key": license.reveal(),
        "hwid": "device-1",
        "session_token": str(token),
        "nonce": "0123456789abcdef",
        "entitlement": "pages",
        "idempotency_key": "once",
    }
    pages = factories.make_entitlement(license.application, "pages", "metered", period="month")
    factories.grant(license, pages, 100)

    answer = client.post(f"/api/v1/{call}", sent, content_type="application/json").json()

    section = text_of("api").split(f"\n### {call}\n")[1].split("\n### ")[0]
    shown = json.loads(re.search(r"```json Answer of \w+\n(.*?)```", section, re.S)[1])  # type: ignore[index]
    table = section.split("#### Answer")[1].split("```")[0]
    assert answer["success"] is True
    assert set(shown) | {"nonce"} == set(answer)
    assert {type(value) for value in shown.values()} <= {str, bool, int, dict, list, type(None)}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(answer)
    assert shown["message"] == answer["message"]
    assert set(shown.get("license", {})) == set(answer.get("license", {}))


@pytest.mark.django_db
def test_the_refusal_on_the_api_page_has_every_field_of_one(client: Client) -> None:
    license = factories.make_license()
    sent = {
        "api_key": factories.api_key_of(license.application),
        "license_key": "wrong",
        "hwid": "device-1",
    }

    answer = client.post("/api/v1/init", sent, content_type="application/json").json()

    shown = json.loads(re.search(r"```json Refusal\n(.*?)```", text_of("api"), re.S)[1])  # type: ignore[index]
    assert set(shown) == set(answer)
    assert answer["docs"] == f"{settings.SITE_URL}/docs/errors/license_not_found/"


def test_the_api_page_tells_what_other_origins_may_do(client: Client) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/api/v1/init", headers=asked)
    answer = client.post("/api/v1/init", headers={"Origin": "https://example.com"})

    told = dict(
        re.findall(
            r"^\| (use the method|(?:set|read) the headers) \| (.+) \|$", text_of("api"), re.M
        )
    )
    assert [set(re.findall("`(.+?)`", told[name])) for name in sorted(told)] == [
        set(headers.split(", "))
        for headers in (
            answer["Access-Control-Expose-Headers"],
            preflight["Access-Control-Allow-Headers"],
            preflight["Access-Control-Allow-Methods"],
        )
    ]
    assert preflight.status_code == 204
    assert (answer["Access-Control-Allow-Origin"], answer.cookies) == ("*", {})


def test_every_setting_is_described_and_no_other() -> None:
    root = Path(settings.BASE_DIR)
    code = "".join(
        (root / file).read_text() for file in ("lockence/settings.py", "ops/gunicorn.conf.py")
    )
    read = set(re.findall(r"(?:env\.\w+|_required|_key_ring)\(\s*[\"']([A-Z_]+)", code))

    described = re.findall(r"^\| `([A-Z_]+)` \|", text_of("how-to/self-hosting"), re.MULTILINE)

    assert sorted(described) == sorted(read)


def refusals() -> list[type[errors.RefusalError]]:
    return [
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.RefusalError) and member is not errors.RefusalError
    ]
