"""Many programs at once use something up: exactly as much as there is goes, and a call that is repeated counts once.

The first goes red when the guard on `used` is taken out of CONSUME, the second without `consumption_is_counted_once`.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from licensing import entitlements
from licensing.events import SYSTEM
from licensing.models import Application, Consumption, Entitlement, License
from tests import factories
from tests.api.runtime.conftest import Program
from tests.api.runtime.crowds import Call, Crowd, crowd, opened
from tests.servers import Response, Server

pytestmark = pytest.mark.race

PROGRAMS = 64
ROUNDS = 10


@pytest.fixture
def application(transactional_db: None) -> Application:
    """An application that the server can see."""
    return factories.make_application()


@pytest.fixture
def pages(application: Application) -> Entitlement:
    return factories.make_entitlement(application, "pages", "metered", period="month")


@pytest.fixture
def programs(server: Server) -> Iterator[Crowd]:
    with crowd(server, PROGRAMS) as gathered:
        yield gathered


def consume(program: Program, key: str, amount: int = 1) -> Call:
    body = {"api_key": program.api_key, "session_token": program.session_token}
    return Call(
        "consume", body | {"entitlement": "pages", "amount": amount, "idempotency_key": key}
    )


def codes(answers: list[Response]) -> Counter[str]:
    return Counter(answer.json()["code"] for answer in answers)


@pytest.mark.parametrize(("limit", "amount"), [(1, 1), (10, 1), (25, 3)])
def test_sixty_four_programs_use_up_exactly_what_there_is(
    programs: Crowd,
    server: Server,
    application: Application,
    pages: Entitlement,
    limit: int,
    amount: int,
) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        factories.grant(license, pages, limit)
        program = opened(server, license)

        answers = programs.call([consume(program, f"k{n}", amount) for n in range(PROGRAMS)])

        fit = limit // amount
        assert codes(answers) == {"ok": fit, "entitlement_limit_reached": PROGRAMS - fit}
        assert license.usage.get().used == fit * amount
        told = sorted(answer.json()["used"] for answer in answers if answer.status_code == 200)
        assert told == [amount * (number + 1) for number in range(fit)]
        left = {answer.json()["remaining"] for answer in answers if answer.status_code == 403}
        assert left
        assert max(left) < amount


@pytest.mark.parametrize("limit", [3, 100])
def test_one_call_repeated_by_sixty_four_counts_once(
    programs: Crowd, server: Server, application: Application, pages: Entitlement, limit: int
) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        factories.grant(license, pages, limit)
        program = opened(server, license)

        answers = programs.call([consume(program, "the-same", 3)] * PROGRAMS)

        assert codes(answers) == {"ok": PROGRAMS}
        assert {answer.json()["used"] for answer in answers} == {3}
        assert license.usage.get().used == 3
        assert Consumption.objects.filter(license=license).count() == 1


def test_a_count_that_is_set_meanwhile_loses_nothing(
    programs: Crowd, server: Server, application: Application, pages: Entitlement
) -> None:
    license = factories.make_license(application)
    factories.grant(license, pages, 1_000)
    program = opened(server, license)

    def set_right() -> None:
        entitlements.set_usage(
            license=License.objects.get(),
            entitlement=pages,
            used=500,
            actor=SYSTEM,
            now=license.created_at,
        )

    calls = [consume(program, f"k{number}") for number in range(PROGRAMS - 1)]
    programs.do([set_right, *(lambda call=call: programs.send(call) for call in calls)])

    used = license.usage.get().used
    assert 500 <= used <= 500 + PROGRAMS - 1
    told = {row.used for row in Consumption.objects.all()}
    assert len(told) == PROGRAMS - 1
