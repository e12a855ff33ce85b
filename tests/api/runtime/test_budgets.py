"""How many statements a call may cost, counted where they leave the process (tests/sent_statements.py): DESIGN §8."""

import datetime as dt
import json
import os
import subprocess
import sys

import pytest
from django.test import Client
from django.utils import timezone
from lockence_client import request_code

from licensing import applications, licenses
from licensing.events import SYSTEM
from licensing.models import Application, License
from tests import factories
from tests.api.runtime.conftest import Program
from tests.sent_statements import statements
from tests.servers import ROOT, database_url

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="psycopg traces on Linux only")


def test_validate_costs_one_statement(program: Program) -> None:
    program.init()

    with statements() as sent:
        assert program.validate().status_code == 200

    assert len(sent) == 1


def test_validate_costs_one_statement_with_entitlements_too(program: Program) -> None:
    application = program.license.application
    factories.grant(program.license.policy, factories.make_entitlement(application), True)
    program.init()

    with statements() as sent:
        assert program.validate().json()["license"]["entitlements"]

    assert len(sent) == 1


def test_heartbeat_costs_one_statement(program: Program) -> None:
    program.init()

    with statements() as sent:
        assert program.heartbeat().status_code == 200

    assert len(sent) == 1


def test_logout_costs_one_statement(program: Program) -> None:
    program.init()

    with statements() as sent:
        assert program.logout().status_code == 200

    assert len(sent) == 1


def test_consume_costs_one_statement_whatever_comes_of_it(program: Program) -> None:
    give_many_entitlements(program.license)
    program.init()

    with statements() as sent:
        assert program.consume(idempotency_key="once").status_code == 200
        assert program.consume(idempotency_key="once").status_code == 200
        assert program.consume(idempotency_key="once", amount=2).status_code == 422
        assert program.consume(amount=100).status_code == 403
        assert program.consume(entitlement="feature-1").status_code == 409
        assert program.consume(entitlement="none").status_code == 404

    assert len(sent) == 6


def test_entitlements_make_no_call_cost_more(program: Program) -> None:
    give_many_entitlements(program.license)
    program.init()

    with statements() as sent:
        assert len(program.validate().json()["license"]["entitlements"]) == 21
        program.heartbeat()
        assert len(program.init().json()["license"]["entitlements"]) == 21

    assert len(sent) == 1 + 1 + 1


def test_checkout_costs_one_statement(program: Program) -> None:
    program.init()

    with statements() as sent:
        assert program.checkout().status_code == 200

    assert len(sent) == 1


@pytest.mark.parametrize("names", [None, ["GREETING"]])
def test_variables_cost_one_statement_however_many(
    program: Program, names: list[str] | None
) -> None:
    for name in ("GREETING", "TITLE", "MODEL_URL"):
        factories.make_variable(program.license.application, name)
    program.init()

    with statements() as sent:
        assert program.variables(names=names).json()["variables"]["GREETING"] == "hello"

    assert len(sent) == 1


def test_an_exchange_costs_what_init_costs_and_gives_its_seat_back(program: Program) -> None:
    code = request_code(str(program.license.application_id), "device-1")
    known = {"api_key": program.api_key, "license_key": program.license_key}

    def exchange() -> int:
        with statements() as sent:
            assert program.call("offline", known | {"request_code": code}).json()["license_file"]
        return len(sent)

    assert (exchange(), exchange()) == (6 + 1, 1 + 1)


@pytest.mark.parametrize("sessions_max", [None, 5])
def test_init_of_a_known_device_costs_three_statements_at_most(
    program: Program, sessions_max: int | None
) -> None:
    License.objects.update(sessions_max=sessions_max)
    program.init()

    with statements() as sent:
        assert program.init().status_code == 200

    assert len(sent) == (1 if sessions_max is None else 3)


@pytest.mark.parametrize("sessions_max", [None, 5])
def test_an_init_that_may_be_asked_again_costs_no_statement_more(
    program: Program, sessions_max: int | None
) -> None:
    License.objects.update(sessions_max=sessions_max)
    program.init()

    with statements() as sent:
        for _ in range(2):
            assert program.init(idempotency_key="once").status_code == 200

    assert len(sent) == 2 * (2 if sessions_max is None else 3)


@pytest.mark.parametrize("sessions_max", [None, 5])
def test_init_of_a_new_device_costs_six_statements_at_most(
    program: Program, sessions_max: int | None
) -> None:
    License.objects.update(sessions_max=sessions_max)

    with statements() as sent:
        assert program.init().status_code == 200

    assert len(sent) == 6


@pytest.mark.parametrize("sessions_max", [None, 5])
def test_a_hardware_id_in_parts_costs_no_more(program: Program, sessions_max: int | None) -> None:
    License.objects.update(sessions_max=sessions_max)
    hwid = {"board": "b", "disk": "d", "mac": "m"}

    with statements() as new:
        assert program.init(hwid=hwid).status_code == 200
    with statements() as known:
        assert program.init(hwid=hwid).status_code == 200
    with statements() as drifted:
        assert program.init(hwid=hwid | {"mac": "new"}).status_code == 200

    assert len(new) == 6
    assert len(known) == (1 if sessions_max is None else 3)
    assert len(drifted) <= 5


def test_a_session_that_replaces_others_costs_no_more(program: Program) -> None:
    policy = factories.make_policy(
        program.license.application, sessions_max=1, sessions_overflow="end_oldest"
    )
    License.objects.update(policy=policy)
    program.init()

    with statements() as sent:
        assert program.init().status_code == 200

    assert len(sent) <= 3


def test_neither_keys_nor_devices_nor_sessions_make_a_call_cost_more(program: Program) -> None:
    application = program.license.application
    License.objects.update(devices_max=50)
    for number in range(10):
        program.init(hwid=f"device-{number}")
        applications.rotate_api_key(
            application=application, overlap=dt.timedelta(days=1), actor=SYSTEM, now=timezone.now()
        )
    factories.make_licenses(application, 20)

    with statements() as sent:
        program.validate()
        program.heartbeat()
        program.init(hwid="device-3")

    assert len(sent) == 1 + 1 + 1


@pytest.mark.parametrize("call", ["validate", "heartbeat", "logout", "consume", "variables"])
def test_a_refusal_costs_no_more_than_a_yes(program: Program, call: str) -> None:
    program.init()
    licenses.suspend_license(license=program.license, actor=SYSTEM)

    with statements() as sent:
        getattr(program, call)()
        getattr(program, call)(session_token="00000000-0000-4000-8000-000000000000")
        getattr(program, call)(api_key="unknown")

    assert len(sent) == 3


@pytest.mark.parametrize(
    "call", ["init", "validate", "heartbeat", "logout", "checkout", "consume", "variables"]
)
def test_what_is_wrong_in_itself_never_reaches_the_database(program: Program, call: str) -> None:
    with statements() as sent:
        assert program.call(call, {"api_key": program.api_key}).status_code == 400

    assert sent == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_entitlements", [False, True])
@pytest.mark.parametrize(
    ("call", "budget"), [("init", 2), ("validate", 1), ("heartbeat", 1), ("logout", 1)]
)
def test_the_first_call_of_a_process_costs_no_more(
    application: Application, call: str, budget: int, has_entitlements: bool
) -> None:
    program = Program(Client(), factories.make_license(application))
    if has_entitlements:
        give_many_entitlements(program.license)
    program.init()
    body = {"api_key": program.api_key, "session_token": program.session_token}
    if call == "init":
        body = {"api_key": program.api_key, "license_key": program.license_key, "hwid": "device-1"}

    status, sent = in_a_new_process(call, body)

    assert status == 200
    assert len(sent) == budget


def in_a_new_process(call: str, body: dict[str, str]) -> tuple[int, list[str]]:
    """Return the status of one call, and the statements that it took where nothing was called before."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sent_statements", call, json.dumps(body)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        stdout=subprocess.PIPE,
        check=True,
    )
    status, sent = json.loads(done.stdout)
    return status, sent


def give_many_entitlements(license: License) -> None:
    for number in range(20):
        feature = factories.make_entitlement(license.application, f"feature-{number}")
        factories.grant(license if number % 2 else license.policy, feature)
    pages = factories.make_entitlement(license.application, "pages", "metered")
    factories.grant(license, pages, 10)
