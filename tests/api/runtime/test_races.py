"""Many programs at once against a live server: no limit is ever exceeded, and nothing that ended comes back.

Every test here goes red when the guard that it is about is taken out of licensing/*_statements.py or the verb.
"""

import datetime as dt
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.db import connection, transaction
from django.utils import timezone

from licensing import applications, licenses, policies
from licensing.devices import release_device
from licensing.events import SYSTEM
from licensing.models import ApiKey, Application, Device, License, Session
from licensing.sessions import end_session
from licensing.tokens import hwid_digest
from tests import factories
from tests.api.runtime.crowds import (
    Call,
    Crowd,
    crowd,
    hwids,
    in_session,
    inits,
    opened,
    while_calling,
    work,
)
from tests.servers import Response, Server

pytestmark = pytest.mark.race

PROGRAMS = 64
ROUNDS = 20
LIMITS = (1, 3, 10)
AN_HOUR = dt.timedelta(hours=1)


@pytest.fixture
def application(transactional_db: None) -> Application:
    """An application that the server can see."""
    return factories.make_application()


@pytest.fixture
def programs(server: Server) -> Iterator[Crowd]:
    with crowd(server, PROGRAMS) as gathered:
        yield gathered


@pytest.fixture(autouse=True)
def no_deadlocks(transactional_db: None) -> Iterator[None]:
    before = deadlocks()
    yield
    assert deadlocks() == before


@pytest.mark.parametrize("devices_max", LIMITS)
def test_the_last_place_goes_to_one_of_sixty_four_devices(
    programs: Crowd, application: Application, devices_max: int
) -> None:
    for license in factories.make_licenses(application, ROUNDS, devices_max=devices_max):
        answers = programs.call(inits(license, hwids("device", PROGRAMS)))

        assert codes(answers) == {"ok": devices_max, "hwid_mismatch": PROGRAMS - devices_max}
        assert devices_used(license) == bound_devices(license) == devices_max
        assert license.sessions.count() == devices_max


@pytest.mark.parametrize("sessions_max", LIMITS)
def test_the_last_seat_goes_to_one_of_sixty_four_programs(
    programs: Crowd, application: Application, sessions_max: int
) -> None:
    policy = factories.make_policy(application, devices_max=None, sessions_max=sessions_max)
    for license in factories.make_licenses(application, ROUNDS // 2, policy=policy):
        answers = programs.call(inits(license, hwids("device", PROGRAMS)))

        refused = PROGRAMS - sessions_max
        assert codes(answers) == {"ok": sessions_max, "session_limit_reached": refused}
        assert open_sessions(license) == license.sessions.count() == sessions_max
        assert devices_used(license) == bound_devices(license) == sessions_max


@pytest.mark.parametrize("sessions_max", LIMITS)
def test_the_last_seat_goes_to_one_of_sixty_four_known_devices(
    programs: Crowd, application: Application, sessions_max: int
) -> None:
    policy = factories.make_policy(application, devices_max=None, sessions_max=sessions_max)
    for license in factories.make_licenses(application, ROUNDS // 2, policy=policy):
        bind(license, hwids("device", PROGRAMS))

        answers = programs.call(inits(license, hwids("device", PROGRAMS)))

        refused = PROGRAMS - sessions_max
        assert codes(answers) == {"ok": sessions_max, "session_limit_reached": refused}
        assert open_sessions(license) == license.sessions.count() == sessions_max
        assert devices_used(license) == bound_devices(license) == PROGRAMS


@pytest.mark.parametrize("sessions_max", [None, 1, 3])
@pytest.mark.parametrize("known", [True, False])
def test_one_init_sent_sixty_four_times_opens_one_session(
    programs: Crowd, application: Application, sessions_max: int | None, known: bool
) -> None:
    policy = factories.make_policy(application, sessions_max=sessions_max)
    for license in factories.make_licenses(application, ROUNDS // 2, policy=policy):
        if known:
            bind(license, ["device"])
        [call] = inits(license, ["device"])
        call.body["idempotency_key"] = "once"

        answers = programs.call([call] * PROGRAMS)

        assert codes(answers) == {"ok": PROGRAMS}
        assert open_sessions(license) == license.sessions.count() == 1
        assert len({answer.json()["session_token"] for answer in answers}) == 1
        assert devices_used(license) == bound_devices(license) == 1


@pytest.mark.parametrize("sessions_max", LIMITS)
@pytest.mark.parametrize("known", [True, False])
def test_where_the_oldest_has_to_go_everybody_gets_in_and_few_remain(
    programs: Crowd, application: Application, sessions_max: int, known: bool
) -> None:
    policy = factories.make_policy(
        application,
        devices_max=None,
        sessions_max=sessions_max,
        sessions_overflow="end_oldest",
    )
    for license in factories.make_licenses(application, ROUNDS // 2, policy=policy):
        if known:
            bind(license, hwids("device", PROGRAMS))

        answers = programs.call(inits(license, hwids("device", PROGRAMS)))

        assert codes(answers) == {"ok": PROGRAMS}
        assert open_sessions(license) == sessions_max
        assert license.sessions.filter(ended_reason="replaced").count() == PROGRAMS - sessions_max
        assert devices_used(license) == bound_devices(license) == PROGRAMS


@pytest.mark.parametrize("known", [True, False])
def test_the_overdraft_goes_to_as_many_as_it_says(
    programs: Crowd, application: Application, known: bool
) -> None:
    policy = factories.make_policy(
        application, devices_max=None, sessions_max=3, sessions_overdraft=2
    )
    for license in factories.make_licenses(application, ROUNDS // 2, policy=policy):
        if known:
            bind(license, hwids("device", PROGRAMS))

        answers = programs.call(inits(license, hwids("device", PROGRAMS)))

        assert codes(answers) == {"ok": 5, "session_limit_reached": PROGRAMS - 5}
        flagged = [answer for answer in answers if answer.json().get("overdraft")]
        assert len(flagged) == license.sessions.filter(is_overdraft=True).count() == 2


def test_each_user_has_as_many_seats_as_the_policy_says(
    programs: Crowd, application: Application
) -> None:
    policy = factories.make_policy(
        application, devices_max=None, sessions_max=2, sessions_per="user"
    )
    for license in factories.make_licenses(application, ROUNDS // 2, policy=policy):
        calls = inits(license, hwids("device", PROGRAMS))
        for number, call in enumerate(calls):
            call.body["user"] = f"user-{number % 4}"

        answers = programs.call(calls)

        assert codes(answers) == {"ok": 8, "session_limit_reached": PROGRAMS - 8}
        names = Counter(license.sessions.values_list("user_name", flat=True))
        assert set(names.values()) == {2}


def test_a_seat_that_is_borrowed_at_that_moment_is_never_given_to_another(
    programs: Crowd, application: Application
) -> None:
    policy = factories.make_policy(
        application,
        devices_max=None,
        sessions_max=1,
        sessions_overflow="end_oldest",
        borrow_max_seconds=3600,
    )
    until = (timezone.now() + dt.timedelta(minutes=30)).isoformat()
    for license in factories.make_licenses(application, ROUNDS, policy=policy):
        session = opened(programs.server, license)
        borrow = in_session("borrow", session)
        borrow.body["until"] = until

        lent, *others = programs.call([borrow, *inits(license, hwids("device", 15))])

        assert open_sessions(license) == 1
        if lent.status_code == 200:
            assert session.validate().status_code == 200
        else:
            assert lent.json()["code"] == "session_ended"
            assert "ok" in codes(others)


def test_no_more_devices_are_released_than_the_budget_holds(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, 5, devices_max=16):
        sessions = [opened(programs.server, license, hwid) for hwid in hwids("device", 16)]

        answers = programs.call([in_session("release", session) for session in sessions])

        assert codes(answers) == {"ok": 3, "release_limit_reached": 13}
        assert devices_used(license) == bound_devices(license) == 13


def test_a_place_that_is_let_go_under_a_running_file_goes_to_nobody(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        session = opened(programs.server, license)

        let_go, *others = programs.call(
            [in_session("release", session), *inits(license, hwids("other", 15))]
        )

        assert codes([let_go]) == {"ok": 1}
        assert codes(others) == {"hwid_mismatch": 15}
        assert devices_used(license) == bound_devices(license) == 0


def test_a_device_that_is_released_many_times_at_once_is_released_once(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, 5):
        session = opened(programs.server, license)

        answers = programs.call([in_session("release", session)] * 16)

        assert codes(answers) == {"ok": 16}
        assert {answer.json()["releases_left"] for answer in answers} == {2}
        assert devices_used(license) == 0


@pytest.mark.parametrize("sessions_max", [None, 64])
def test_two_views_of_one_machine_at_once_are_one_device(
    programs: Crowd, application: Application, sessions_max: int | None
) -> None:
    before = {"board": "b", "disk": "d", "mac": "m"}
    for license in factories.make_licenses(application, 5, sessions_max=sessions_max):
        calls = inits(license, [""] * PROGRAMS)
        for number, call in enumerate(calls):
            call.body["hwid"] = before | ({"mac": "new"} if number % 2 else {})

        answers = programs.call(calls)

        assert codes(answers) == {"ok": PROGRAMS}
        assert devices_used(license) == license.devices.count() == 1


def test_of_many_machines_in_parts_as_many_get_in_as_there_are_places(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, 5, devices_max=3):
        calls = inits(license, [""] * PROGRAMS)
        for number, call in enumerate(calls):
            call.body["hwid"] = {"board": f"b{number}", "disk": f"d{number}", "mac": "the same"}

        answers = programs.call(calls)

        assert codes(answers) == {"ok": 3, "hwid_mismatch": PROGRAMS - 3}
        assert devices_used(license) == bound_devices(license) == 3


def test_one_device_has_no_more_seats_than_many(programs: Crowd, application: Application) -> None:
    for license in factories.make_licenses(application, ROUNDS, devices_max=1, sessions_max=3):
        answers = programs.call(inits(license, ["the-same"] * 16))

        assert codes(answers) == {"ok": 3, "session_limit_reached": 13}
        assert open_sessions(license) == 3


@pytest.mark.parametrize("devices_max", [1, 2, 10])
@pytest.mark.parametrize("sessions_max", [None, 10])
def test_a_device_that_starts_its_program_many_times_at_once_is_one_device(
    programs: Crowd, application: Application, devices_max: int, sessions_max: int | None
) -> None:
    terms = {"devices_max": devices_max, "sessions_max": sessions_max}
    for license in factories.make_licenses(application, ROUNDS, **terms):
        answers = programs.call(inits(license, ["the-same"] * 8))

        assert codes(answers) == {"ok": 8}
        assert devices_used(license) == license.devices.count() == 1


def test_the_clock_of_a_first_use_license_starts_once(
    programs: Crowd, application: Application
) -> None:
    policy = factories.make_policy(
        application, devices_max=None, duration_seconds=3600, clock_start="first_use"
    )
    for license in factories.make_licenses(application, ROUNDS, policy=policy):
        answers = programs.call(inits(license, hwids("device", 16)))

        assert codes(answers) == {"ok": 16}
        assert len({answer.json()["license"]["expires_at"] for answer in answers}) == 1
        license.refresh_from_db()
        assert license.expires_at == license.first_used_at + AN_HOUR


def test_a_license_that_ends_while_programs_wait_for_it_gives_away_no_place(
    programs: Crowd, application: Application
) -> None:
    license = factories.make_license(application, devices_max=10)

    def hold_the_license_until_it_has_ended() -> None:
        with transaction.atomic():
            end = timezone.now() + dt.timedelta(milliseconds=200)
            License.objects.filter(pk=license.pk).update(expires_at=end)
            time.sleep(0.3)

    _, *answers = programs.do(
        [
            hold_the_license_until_it_has_ended,
            *(lambda call=call: late(programs, call) for call in inits(license, hwids("new", 4))),
        ]
    )

    assert codes(answers) == {"license_expired": 4}
    assert devices_used(license) == license.devices.count() == 0


def test_a_logout_is_the_last_word_among_heartbeats(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        session = opened(programs.server, license)

        answers = programs.call(
            [in_session("logout", session), *[in_session("heartbeat", session)] * 15]
        )

        assert answers[0].status_code == 200
        assert codes(answers).keys() <= {"ok", "session_ended"}
        assert session.heartbeat().json()["code"] == "session_ended"
        assert license.sessions.get().ended_reason == "logout"


def test_a_suspension_holds_from_the_moment_it_is_written(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, 5):
        session = opened(programs.server, license)

        sent = while_calling(
            programs,
            [in_session("heartbeat", session), in_session("validate", session)] * 4,
            lambda license=license: licenses.suspend_license(license=license, actor=SYSTEM),
        )

        assert sent.before_the_act == {"ok"}
        assert sent.after_the_act == {"license_suspended"}


def test_a_revocation_lets_nobody_in_afterwards(programs: Crowd, application: Application) -> None:
    for license in factories.make_licenses(application, 5, sessions_max=1000):
        sent = while_calling(
            programs,
            inits(license, ["device-1"] * 8),
            lambda license=license: licenses.revoke_license(
                license=license, actor=SYSTEM, now=timezone.now()
            ),
        )

        assert sent.before_the_act == {"ok"}
        assert sent.after_the_act == {"license_revoked"}
        assert open_sessions(license) == 0


def test_rotating_the_api_key_refuses_nobody(programs: Crowd, application: Application) -> None:
    session = opened(programs.server, factories.make_license(application))

    sent = while_calling(
        programs,
        [in_session("heartbeat", session), in_session("validate", session)] * 4,
        lambda: applications.rotate_api_key(
            application=application, overlap=AN_HOUR, actor=SYSTEM, now=timezone.now()
        ),
    )

    assert sent.before_the_act | sent.after_the_act == {"ok"}


def test_rotating_many_times_at_once_leaves_one_current_key(
    programs: Crowd, application: Application
) -> None:
    programs.do(
        [
            lambda: applications.rotate_api_key(
                application=application, overlap=AN_HOUR, actor=SYSTEM, now=timezone.now()
            )
        ]
        * 8
    )

    assert ApiKey.objects.current().count() == 1
    assert ApiKey.objects.count() == 9


def test_a_released_place_is_given_away_once(programs: Crowd, application: Application) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        opened(programs.server, license, "old")
        device = license.devices.get()

        newcomers = inits(license, hwids("new", 15))
        released, *answers = programs.do(
            [
                lambda device=device: release_device(
                    device=device, actor=SYSTEM, now=timezone.now()
                ),
                *(lambda call=call: programs.send(call) for call in newcomers),
            ]
        )

        assert released
        assert codes(answers)["ok"] <= 1
        assert devices_used(license) == bound_devices(license) <= 1
        assert_no_session_without_its_device(license)


def test_a_device_that_comes_back_while_it_is_released_is_counted_right(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, ROUNDS, devices_max=2):
        opened(programs.server, license, "old")
        device = license.devices.get()
        again = inits(license, ["old"] * 8)

        programs.do(
            [
                *[
                    lambda device=device: release_device(
                        device=device, actor=SYSTEM, now=timezone.now()
                    )
                ]
                * 2,
                *(lambda call=call: programs.send(call) for call in again),
            ]
        )

        assert devices_used(license) == bound_devices(license) <= 1
        assert_no_session_without_its_device(license)


def test_a_license_that_is_cut_short_among_heartbeats_is_told_short(
    programs: Crowd, application: Application
) -> None:
    for license in factories.make_licenses(application, ROUNDS):
        session = opened(programs.server, license)
        end = timezone.now() + AN_HOUR

        programs.do(
            [
                lambda license=license, end=end: licenses.extend_license(
                    license=license, expires_at=end, actor=SYSTEM, now=timezone.now()
                ),
                *[lambda session=session: programs.send(in_session("heartbeat", session))] * 15,
            ]
        )

        assert session.validate().json()["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_a_session_may_be_ended_while_its_license_is_cut_short(
    programs: Crowd, application: Application
) -> None:
    """The one holds the session and its event needs the license; the other holds the license and needs the session."""
    license = factories.make_license(application)
    opened(programs.server, license)
    session = license.sessions.get()
    end = timezone.now() + AN_HOUR
    has_ended_it = threading.Event()

    def end_the_session() -> bool:
        with transaction.atomic():
            ended = end_session(session=session, actor=SYSTEM, now=timezone.now())
            has_ended_it.set()
            time.sleep(0.2)
        return ended

    def cut_the_license_short() -> License:
        has_ended_it.wait(10)
        return licenses.extend_license(
            license=license, expires_at=end, actor=SYSTEM, now=timezone.now()
        )

    ended, cut = programs.do([end_the_session, cut_the_license_short])

    assert ended
    assert cut.expires_at == end


def test_a_working_day_in_three_seconds_ends_with_true_counts(
    programs: Crowd, application: Application
) -> None:
    """Everything that anybody can do to one license, all at once and over and over: no error, no deadlock."""
    policy = factories.make_policy(
        application, devices_max=3, sessions_max=4, sessions_overflow="end_oldest"
    )
    license = factories.make_license(application, policy=policy)
    people = [act for act in peoples_acts(license) for _ in range(2)]
    starts = inits(license, hwids("device", 6) * 4)
    until = time.monotonic() + 3

    answers = programs.do(
        [
            *(lambda act=act: repeat(act, until) for act in people),
            *(lambda start=start: work(programs, start, until) for start in starts),
        ]
    )

    statuses = {status for program in answers[len(people) :] for status in program}
    assert 200 in statuses
    assert statuses <= {200, 403, 404}
    assert devices_used(license) == bound_devices(license) <= 3
    assert_no_session_without_its_device(license)


# What people do


def peoples_acts(license: License) -> list[Callable[[], object]]:
    ends = itertools.cycle([AN_HOUR, 2 * AN_HOUR])
    limits = itertools.cycle([4, 2])

    def release() -> None:
        for device in license.devices.bound()[:1]:
            release_device(device=device, actor=SYSTEM, now=timezone.now())

    def end() -> None:
        for session in license.sessions.open(timezone.now())[:1]:
            end_session(session=session, actor=SYSTEM, now=timezone.now())

    def suspend_and_restore() -> None:
        licenses.suspend_license(license=license, actor=SYSTEM)
        licenses.restore_license(license=license, actor=SYSTEM)

    def extend() -> None:
        now = timezone.now()
        licenses.extend_license(license=license, expires_at=now + next(ends), actor=SYSTEM, now=now)

    def change_policy() -> None:
        rules = policies.Rules(
            name=license.policy.name,
            devices_max=3,
            sessions_max=next(limits),
            sessions_overflow="end_oldest",
        )
        policies.change_policy(policy=license.policy, rules=rules, actor=SYSTEM)

    def rotate() -> None:
        applications.rotate_api_key(
            application=license.application, overlap=AN_HOUR, actor=SYSTEM, now=timezone.now()
        )

    return [release, end, suspend_and_restore, extend, change_policy, rotate]


def late(programs: Crowd, call: Call) -> Response:
    time.sleep(0.1)
    return programs.send(call)


def repeat(act: Callable[[], object], until: float) -> None:
    while time.monotonic() < until:
        act()
        time.sleep(0.02)


def bind(license: License, hwids: Sequence[str]) -> None:
    """Bind devices as if their programs had been here before."""
    now = timezone.now()
    Device.objects.bulk_create(
        Device(
            application_id=license.application_id,
            license=license,
            hwid_digest=hwid_digest(license.application_id, hwid),
            first_seen_at=now,
            last_seen_at=now,
        )
        for hwid in hwids
    )
    License.objects.filter(pk=license.pk).update(devices_used=len(hwids))


# What is true afterwards


def codes(answers: Sequence[Response]) -> Counter[str]:
    return Counter(answer.json()["code"] for answer in answers)


def devices_used(license: License) -> int:
    return License.objects.get(pk=license.pk).devices_used


def bound_devices(license: License) -> int:
    return license.devices.bound().count()


def open_sessions(license: License) -> int:
    return license.sessions.open(timezone.now()).count()


def assert_no_session_without_its_device(license: License) -> None:
    released = Device.objects.filter(license=license).exclude(released_at=None)
    assert not Session.objects.filter(device__in=released).open(timezone.now()).exists()


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]
