"""`POST /api/v1/consume`: all that was asked for or nothing, once for each idempotency key, and never beyond the limit."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from licensing import applications, consumption, entitlements, licenses
from licensing.devices import release_device
from licensing.events import SYSTEM, history_of
from licensing.models import Consumption, Entitlement, License, Session, Usage
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused

AN_HOUR = dt.timedelta(hours=1)
NONE_SUCH = "This license does not have this entitlement"


@pytest.fixture
def pages(program: Program) -> Entitlement:
    """A hundred pages a month, in the policy."""
    entitlement = factories.make_entitlement(
        program.license.application, "pages", "metered", period="month"
    )
    factories.grant(program.license.policy, entitlement, 100)
    return entitlement


@pytest.fixture
def program(program: Program) -> Program:
    program.init()
    return program


def test_what_is_used_is_counted_and_told(program: Program, pages: Entitlement) -> None:
    program.consume(amount=30)
    body = program.consume().json()

    next_month = (timezone.now().replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    told = {name: body[name] for name in ("entitlement", "amount", "used", "limit", "remaining")}
    assert body["success"] is True
    assert (body["code"], body["message"]) == ("ok", "Usage counted")
    assert told == {"entitlement": "pages", "amount": 1, "used": 31, "limit": 100, "remaining": 69}
    assert body["resets_at"] == f"{next_month:%Y-%m-%dT00:00:00Z}"
    assert program.validate().json()["license"]["entitlements"]["pages"]["used"] == 31


def test_the_last_may_be_taken_and_not_one_more(program: Program, pages: Entitlement) -> None:
    assert program.consume(amount=100).json()["remaining"] == 0

    response = program.consume()

    assert_refused(response, 403, "entitlement_limit_reached", "Entitlement limit reached")
    body = response.json()
    assert (body["entitlement"], body["used"], body["limit"], body["remaining"]) == (
        *("pages", 100, 100, 0),
    )
    assert body["resets_at"]


def test_what_does_not_fit_counts_nothing(program: Program, pages: Entitlement) -> None:
    assert program.consume(amount=101).status_code == 403
    assert not Usage.objects.exists()
    program.consume(amount=80)

    assert program.consume(amount=21, idempotency_key="k").json()["remaining"] == 20
    # Nothing was counted, so nothing is remembered either.
    assert program.consume(amount=20, idempotency_key="k").json()["used"] == 100


def test_asking_again_counts_once_and_gets_the_same_answer(
    program: Program, pages: Entitlement
) -> None:
    first = program.consume(amount=3, idempotency_key="job").json()
    program.consume(amount=5)
    program.init()

    again = program.consume(amount=3, idempotency_key="job").json()

    assert again | {"server_time": ""} == first | {"server_time": ""}
    assert Usage.objects.get().used == 8


def test_a_key_that_was_for_something_else_is_refused(program: Program, pages: Entitlement) -> None:
    other = factories.make_entitlement(pages.application, "other", "metered")
    factories.grant(program.license, other, 10)
    program.consume(amount=3, idempotency_key="job")

    for fields in ({"amount": 4}, {"amount": 3, "entitlement": "other"}):
        assert_refused(
            program.consume(idempotency_key="job", **fields),
            *(422, "idempotency_key_reused"),
            "This idempotency_key was used for another entitlement or amount",
        )
    assert Usage.objects.get().used == 3


def test_another_license_has_keys_and_counts_of_its_own(
    program: Program, pages: Entitlement
) -> None:
    other = Program(program.client, factories.make_license(pages.application))
    other.init()

    for one in (program, other):
        assert one.consume(amount=60, idempotency_key="job").json()["used"] == 60


def test_without_a_limit_there_is_only_a_count(program: Program, pages: Entitlement) -> None:
    factories.grant(program.license, pages, None)

    body = program.consume(amount=2**53 - 1).json()

    assert (body["used"], body["limit"], body["remaining"]) == (2**53 - 1, None, None)
    assert program.consume().json()["code"] == "entitlement_limit_reached"


def test_what_never_starts_anew_has_no_reset(program: Program) -> None:
    credits = factories.make_entitlement(program.license.application, "credits", "metered")
    factories.grant(program.license, credits, 10)

    assert program.consume(entitlement="credits", amount=4).json()["resets_at"] is None
    assert program.consume(entitlement="credits", amount=7).json()["resets_at"] is None
    assert Usage.objects.get().used == 4


def test_another_period_begins_with_nothing(program: Program, pages: Entitlement) -> None:
    program.consume(amount=100)
    Usage.objects.update(starts_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))

    assert program.consume(amount=100).json()["used"] == 100
    assert Usage.objects.count() == 2


@pytest.mark.parametrize("period", ["day", "week", "month", "year"])
def test_periods_are_those_of_the_calendar(program: Program, period: str) -> None:
    entitlement = factories.make_entitlement(
        program.license.application, "x", "metered", period=period
    )
    factories.grant(program.license, entitlement, 1)

    program.consume(entitlement="x")

    usage = Usage.objects.get()
    now = timezone.now()
    assert usage.starts_at <= now < usage.ends_at
    assert (usage.starts_at.hour, usage.starts_at.minute, usage.starts_at.second) == (0, 0, 0)
    days = {"day": {1}, "week": {7}, "month": {28, 29, 30, 31}, "year": {365, 366}}
    assert (usage.ends_at - usage.starts_at).days in days[period]
    begins = {"week": usage.starts_at.weekday() == 0, "month": usage.starts_at.day == 1}
    assert begins.get(period, True)


def test_what_the_license_does_not_have_cannot_be_used(
    program: Program, pages: Entitlement
) -> None:
    factories.make_entitlement(pages.application, "unsaid", "metered")
    foreign = factories.make_license()
    theirs = factories.make_entitlement(foreign.application, "theirs", "metered")
    factories.grant(foreign, theirs, 10)

    for name in ("unsaid", "theirs", "PAGES", "none", "x" * 64):
        response = program.consume(entitlement=name)
        assert_refused(response, 404, "entitlement_not_found", NONE_SUCH)


def test_what_has_expired_cannot_be_used(program: Program, pages: Entitlement) -> None:
    factories.grant(program.license.policy, pages, 100, expires_at=timezone.now())

    assert_refused(program.consume(), 404, "entitlement_not_found", NONE_SUCH)

    factories.grant(program.license, pages, 100, expires_at=timezone.now() + AN_HOUR)
    assert program.consume().status_code == 200


@pytest.mark.parametrize(("kind", "value"), [("boolean", True), ("integer", 5), ("text", "5")])
def test_what_is_not_metered_is_not_used_up(program: Program, kind: str, value: object) -> None:
    entitlement = factories.make_entitlement(program.license.application, "pages", kind)
    factories.grant(program.license, entitlement, value)

    assert_refused(
        program.consume(),
        *(409, "entitlement_not_metered"),
        "This entitlement is not metered, there is nothing to use up",
    )


def test_refusals_come_in_the_order_of_validate(program: Program, pages: Entitlement) -> None:
    program.consume(amount=1, idempotency_key="job")
    session, now = Session.objects.get(), timezone.now()
    device, license = session.device, program.license
    answers = []

    def ask() -> None:
        code = program.consume(amount=2, idempotency_key="job").json()["code"]
        assert program.validate().json()["code"] in (code, "ok")
        answers.append(code)

    ask()
    release_device(device=device, actor=SYSTEM, now=now)
    Session.objects.update(ended_at=None, ended_reason="")
    ask()
    Session.objects.update(opened_at=now - 2 * AN_HOUR, expires_at=now - AN_HOUR)
    ask()
    Session.objects.update(ended_at=now, ended_reason="logout")
    ask()
    License.objects.update(expires_at=now)
    ask()
    licenses.suspend_license(license=license, actor=SYSTEM)
    ask()
    applications.disable_application(application=license.application, actor=SYSTEM)
    ask()
    program.api_key = "unknown"
    ask()

    assert answers == [
        *("idempotency_key_reused", "hwid_mismatch", "session_expired", "session_ended"),
        *("license_expired", "license_suspended", "application_disabled", "invalid_api_key"),
    ]
    assert Usage.objects.get().used == 1


def test_an_unknown_session_is_not_found(program: Program, pages: Entitlement) -> None:
    response = program.consume(session_token="00000000-0000-4000-8000-000000000000")

    assert_refused(response, 404, "session_not_found", "Session not found")


def test_a_count_is_set_right_and_told(program: Program, pages: Entitlement) -> None:
    program.consume(amount=90)
    facts = {"license": program.license, "entitlement": pages, "actor": SYSTEM}
    for _ in range(2):
        entitlements.set_usage(**facts, used=20, now=timezone.now())

    assert program.consume().json()["used"] == 21
    event, other = history_of(program.license)[:2]
    assert (event.action, event.before["used"], event.after["used"]) == ("usage.set", 90, 20)
    assert other.action != "usage.set"


def test_old_keys_are_forgotten_a_few_at_a_time(program: Program, pages: Entitlement) -> None:
    program.consume(idempotency_key="recent")
    with time_machine.travel(timezone.now() - dt.timedelta(days=8)):
        # The id tells the time, and is made by this process.
        for number in range(5):
            program.consume(idempotency_key=str(number))

    now = timezone.now()
    first = consumption.forget_consumptions(now=now, batch_size=3)
    rest = consumption.forget_old(now=now)

    assert (first, rest) == (3, 2)
    assert Consumption.objects.count() == 1
    assert program.consume(idempotency_key="recent").json()["used"] == 1
    assert Usage.objects.get().used == 6


def test_counts_are_kept_for_more_than_a_year(program: Program, pages: Entitlement) -> None:
    program.consume()
    assert consumption.forget_usage(batch_size=10) == 0

    Usage.objects.update(ends_at=timezone.now() - dt.timedelta(days=401))

    assert consumption.forget_usage(batch_size=10) == 0

    Consumption.objects.all().delete()

    assert consumption.forget_usage(batch_size=10) == 1


def test_an_entitlement_goes_with_all_that_was_said_and_counted(
    program: Program, pages: Entitlement
) -> None:
    factories.grant(program.license, pages, 50)
    program.consume()

    assert entitlements.delete_entitlement(entitlement=pages, actor=SYSTEM)

    assert_refused(program.consume(), 404, "entitlement_not_found", NONE_SUCH)
    assert not Usage.objects.exists()
    assert not Consumption.objects.exists()


def test_a_license_that_has_fallen_back_uses_nothing_up(
    program: Program, pages: Entitlement
) -> None:
    License.objects.update(expires_at=timezone.now(), expiry_strategy="fall_back")
    Session.objects.update(expires_at=timezone.now() + AN_HOUR)

    assert program.validate().status_code == 200
    assert_refused(program.consume(), 404, "entitlement_not_found", NONE_SUCH)
