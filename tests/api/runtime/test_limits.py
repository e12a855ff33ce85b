"""Failed inits are limited per network and application, and known devices never pay for somebody else's failures."""

import pytest
from django.conf import LazySettings
from django.http import HttpResponse

from licensing.models import Device, License
from tests import factories
from tests.api.runtime.conftest import Program

WRONG = "AAAAA-AAAAA-AAAAA-AAAAA"


@pytest.fixture(autouse=True)
def three_failures_are_allowed(settings: LazySettings) -> None:
    settings.INIT_FAILURES_MAX = 3


def test_failures_up_to_the_limit_are_told_and_then_none(program: Program) -> None:
    statuses = [program.init(license_key=WRONG).status_code for _ in range(5)]

    assert statuses == [404, 404, 404, 429, 429]


def test_a_limited_answer_says_when_to_come_back(program: Program) -> None:
    response = fail(program, times=4)

    body = response.json()
    assert (response.status_code, body["code"], body["success"]) == (429, "rate_limited", False)
    assert 1 <= int(response["Retry-After"]) <= 600
    assert response["RateLimit-Policy"] == '"init";q=3;w=600'
    assert response["RateLimit"] == f'"init";r=0;t={response["Retry-After"]}'
    assert body["application_id"] == str(program.license.application_id)


def test_a_fresh_key_for_each_guess_gains_nothing(program: Program) -> None:
    for guess in range(3):
        program.init(license_key=f"AAAAA-AAAAA-AAAAA-AAAA{guess}", hwid=f"device-{guess}")

    right_guess = program.init(hwid="a-new-device")

    assert right_guess.status_code == 429
    assert not Device.objects.exists()


@pytest.mark.parametrize("status", ["suspended", "revoked"])
def test_a_guesser_does_not_learn_that_a_disabled_license_exists(
    program: Program, status: str
) -> None:
    License.objects.update(status=status)
    fail(program, times=3)

    assert program.init().status_code == 429


def test_a_known_device_is_never_shut_out_by_somebody_elses_failures(program: Program) -> None:
    program.init(hwid="known")
    fail(program, times=10)

    assert program.init(hwid="known").status_code == 200
    assert program.validate().status_code == 200


def test_a_known_device_with_a_session_limit_is_never_shut_out_either(program: Program) -> None:
    License.objects.update(sessions_max=2)
    program.init(hwid="known")
    fail(program, times=10)

    assert program.init(hwid="known").status_code == 200


def test_devices_that_do_not_belong_count_as_failures(program: Program) -> None:
    program.init(hwid="known")

    statuses = [program.init(hwid=f"other-{number}").status_code for number in range(4)]

    assert statuses == [403, 403, 403, 429]


def test_one_applications_failures_are_not_anothers(program: Program) -> None:
    fail(program, times=4)

    other = Program(program.client, factories.make_license())

    assert other.init().status_code == 200


def test_unknown_applications_are_counted_together(program: Program) -> None:
    statuses = [program.init(api_key=f"lck_pk_{number}").status_code for number in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_an_ipv6_network_counts_as_one(program: Program) -> None:
    for host in range(3):
        program.client.defaults["REMOTE_ADDR"] = f"2001:db8:1:2::{host}"
        program.init(license_key=WRONG)

    program.client.defaults["REMOTE_ADDR"] = "2001:db8:1:2:ffff::1"
    assert program.init(license_key=WRONG).status_code == 429
    program.client.defaults["REMOTE_ADDR"] = "2001:db8:1:3::1"
    assert program.init(license_key=WRONG).status_code == 404


def fail(program: Program, times: int) -> HttpResponse:
    responses = [program.init(license_key=WRONG) for _ in range(times)]
    return responses[-1]
