"""docs/models/named-user.md, read out loud: so many people, on any machine."""

import json
import re
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from lockence_client import request_code

from licensing import errors, licenses, named_users, sessions
from licensing.events import SYSTEM, history_of
from licensing.models import Application, License, NamedUser, Session
from tests import factories
from tests.api.runtime.conftest import Program, assert_refused
from tests.api.runtime.test_budgets import statements
from tests.threads import at_once


@pytest.fixture
def application(db: None) -> Application:
    return factories.make_application()


def places(application: Application, count: int, **terms: Any) -> License:
    policy = factories.make_policy(application, devices_max=None, users_max=count)
    return factories.make_license(application, policy=policy, **terms)


def person(license: License, name: str | None, hwid: str = "device-1") -> Program:
    program = Program(Client(), license, hwid)
    program.answer = program.init(user=name)
    return program


def code_of(program: Program) -> str:
    return str(program.answer.json()["code"])


def named(license: License) -> set[str]:
    return set(license.named_users.values_list("name", flat=True))


def test_ten_people_have_a_place_and_the_eleventh_has_none(application: Application) -> None:
    license = places(application, 10)
    people = [f"person-{number}" for number in range(10)]
    assert {code_of(person(license, name)) for name in people} == {"ok"}

    refused = person(license, "somebody else").answer

    assert_refused(refused, 403, "user_limit_reached", "User limit reached")
    assert named(license) == set(people)
    assert code_of(person(license, "person-3", "another machine")) == "ok"


def test_the_body_of_the_page_lets_somebody_in(application: Application) -> None:
    license = places(application, 1)
    page = (settings.BASE_DIR / "docs/models/named-user.md").read_text()
    [body] = re.findall(r"```json The body of init\n(.*?)```", page, re.DOTALL)
    own = {"api_key": factories.api_key_of(application), "license_key": license.reveal()}

    answer = Program(Client(), license).call("init", json.loads(body) | own)

    assert answer.json()["success"]
    assert named(license) == {"ann"}


def test_a_single_license_has_a_number_of_its_own(application: Application) -> None:
    license = places(application, 1, users_max=2)

    assert [code_of(person(license, name)) for name in ("ann", "bob", "cid")] == [
        "ok",
        "ok",
        "user_limit_reached",
    ]


def test_names_are_compared_letter_by_letter(application: Application) -> None:
    license = places(application, 1)
    person(license, "ann")

    assert code_of(person(license, "Ann")) == "user_limit_reached"


def test_who_says_no_name_is_asked_for_one(application: Application) -> None:
    license = places(application, 1)

    refusal = person(license, None).answer.json()

    assert refusal["code"] == "invalid_request"
    assert refusal["message"].startswith("user is required")
    assert not license.devices.exists()


def test_a_refusal_costs_the_license_nothing(application: Application) -> None:
    license = places(application, 1)
    person(license, "ann")

    person(license, "bob", "device-2")

    license.refresh_from_db()
    assert license.devices_used == license.devices.count() == 1
    assert history_of(license).filter(action="license.user_named").count() == 1


@pytest.mark.parametrize(
    ("terms", "code"),
    [({"sessions_max": 1}, "session_limit_reached"), ({"devices_max": 1}, "hwid_mismatch")],
)
def test_nobody_is_named_who_gets_no_seat_and_no_device(
    application: Application, terms: dict[str, int], code: str
) -> None:
    license = places(application, 5, **terms)
    person(license, "ann")

    assert code_of(person(license, "bob", "device-2")) == code

    assert named(license) == {"ann"}


def test_who_leaves_makes_room_and_is_out_at_once(application: Application) -> None:
    license = places(application, 1)
    ann = person(license, "ann")
    user = NamedUser.objects.get()

    removed = [
        named_users.remove_user(user=user, actor=SYSTEM, now=timezone.now()) for _ in range(2)
    ]

    assert removed == [True, False]
    assert ann.heartbeat().json()["code"] == "session_ended"
    assert code_of(person(license, "bob")) == "ok"
    assert code_of(person(license, "ann")) == "user_limit_reached"
    [event] = history_of(license).filter(action="license.user_removed")
    assert (event.before, event.full_before) == ({}, {"username": "ann"})


def test_the_history_tells_who_was_named_and_can_forget_it(application: Application) -> None:
    license = places(application, 1)
    person(license, "ann")

    [event] = history_of(license).filter(action="license.user_named")

    assert (event.after, event.full_after) == ({}, {"username": "ann"})
    assert (event.actor_kind, event.target_id) == ("program", NamedUser.objects.get().pk)


def test_fewer_places_shut_nobody_out_who_has_one(application: Application) -> None:
    license = places(application, 2)
    people = [person(license, name) for name in ("ann", "bob")]

    licenses.change_some_terms(license=license, changes={"users_max": 1}, actor=SYSTEM)

    assert {
        each.init(user=name).json()["code"]
        for each, name in zip(people, ("ann", "bob"), strict=True)
    } == {"ok"}
    assert code_of(person(license, "cid")) == "user_limit_reached"


def test_an_allow_list_says_beforehand_who_they_are(application: Application) -> None:
    license = places(application, 5)
    factories.make_access_rule(application, "user", "ann", license=license)

    assert code_of(person(license, "bob")) == "access_denied"
    assert code_of(person(license, "ann")) == "ok"
    assert named(license) == {"ann"}


def test_a_device_without_network_names_its_user(application: Application) -> None:
    license = places(application, 1)
    program = Program(Client(), license)
    body = {
        "api_key": program.api_key,
        "license_key": program.license_key,
        "request_code": request_code(str(application.pk), "machine"),
    }

    assert program.call("offline", body).json()["code"] == "invalid_request"
    assert program.call("offline", body | {"user": "ann"}).json()["success"]
    page = {"request_code": body["request_code"], "license_key": program.license_key}
    assert (
        "User limit reached." in Client().post("/offline/", page | {"user": "bob"}).content.decode()
    )
    assert named(license) == {"ann"}


def test_the_page_for_request_codes_asks_for_the_name() -> None:
    assert '<input type="text" name="user"' in Client().get("/offline/").content.decode()


def test_names_cost_no_statement(application: Application) -> None:
    program = Program(Client(), places(application, 5))

    with statements() as new:
        assert program.init(user="ann").status_code == 200
    with statements() as known:
        assert program.init(user="ann").status_code == 200
    with statements() as another:
        assert program.init(user="bob").status_code == 200

    assert (len(new), len(known), len(another)) == (6, 3, 3)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_last_place_goes_to_one_of_sixteen_people() -> None:
    application = factories.make_application()
    api_key = factories.api_key_of(application)
    for round in range(5):
        license = places(application, 3)
        key = license.reveal()
        for name in ("ann", "bob"):
            factories.open_session(license, "shared", user_name=name)

        def start(name: str, hwid: str, key: str = key) -> str:
            try:
                program = sessions.Program(hwid=hwid, user_name=name)
                sessions.open_session(api_key=api_key, license_key=key, program=program)
            except errors.RefusalError as refusal:
                return refusal.code
            return "ok"

        # Half of them on a machine that is known, and half on new ones.
        outcomes = at_once(
            [
                partial(start, f"person-{number}", "shared" if number % 2 else f"new-{number}")
                for number in range(16)
            ]
        )

        assert sorted(outcomes) == ["ok"] + ["user_limit_reached"] * 15, round
        assert license.named_users.count() == 3
        assert Session.objects.filter(license=license).count() == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_name_is_written_once() -> None:
    license = places(factories.make_application(), 5)

    at_once(
        [partial(factories.open_session, license, f"device-{n}", user_name="ann") for n in range(8)]
    )

    assert named(license) == {"ann"}
    assert history_of(license).filter(action="license.user_named").count() == 1
