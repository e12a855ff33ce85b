"""The Python client's calls beyond the four, against a real server; and what a bad network may not cost a customer."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from lockence_client import Client, CouldNotAsk, No, Yes, YesOffline, request_code

from licensing import offline, request_codes
from licensing.callers import UNKNOWN
from licensing.models import Device, License, Policy, Session
from licensing.versions import version_key
from tests import factories
from tests.clients.middle import Exchange, in_the_middle
from tests.clients.test_python_client import client_of as any_client_of
from tests.servers import Server

pytestmark = pytest.mark.django_db(transaction=True)

# A server on a busy machine takes its time.
PATIENCE = 20
PARTS = {"mac": "3c:52:82:aa:10:7f", "board": "PF2XK9", "disk": "S4EWNX0"}
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def license(transactional_db: None) -> License:
    return factories.make_license()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "license.json"


@pytest.fixture
def online(license: License, server: Server, kept: Path) -> Client:
    client = client_of(license, server.url, offline_path=kept)
    assert type(client.init(license.reveal(), "device-1")) is Yes
    return client


def client_of(license: License, url: str, **facts: Any) -> Client:
    return any_client_of(license, url, **{"deadline_seconds": PATIENCE, **facts})


def cut_off(client: Client) -> None:
    client.url, client.deadline_seconds = NOWHERE, 0.2


def lose(exchange: Exchange) -> None:
    """As a proxy does that gives up: the server has answered, and nobody gets to know what."""
    exchange.status, exchange.body = 504, b"<h1>Gateway timeout</h1>"


def believe(exchange: Exchange) -> None:
    """Pass the answer on as it is."""


def test_an_init_whose_answer_was_lost_takes_no_second_seat(server: Server) -> None:
    license = factories.make_license(sessions_max=1)
    with in_the_middle(server) as middle:
        client = client_of(license, middle.url, deadline_seconds=0.2)
        while not Session.objects.exists():
            middle.attack = lose
            assert isinstance(client.init(license.reveal(), "device-1"), CouldNotAsk)
        middle.attack, client.deadline_seconds = believe, PATIENCE

        assert isinstance(client.init(license.reveal(), "device-1"), Yes)
        assert isinstance(client.validate(), Yes)

    assert Session.objects.count() == 1


def test_a_try_within_one_call_takes_no_second_seat(server: Server) -> None:
    license = factories.make_license(sessions_max=1)
    with in_the_middle(server) as middle:
        client = client_of(license, middle.url)

        def lose_the_first(exchange: Exchange) -> None:
            if len(middle.seen) == 1:
                lose(exchange)

        middle.attack = lose_the_first

        assert isinstance(client.init(license.reveal(), "device-1"), Yes)

    assert Session.objects.count() == 1


def test_every_start_that_was_answered_is_a_session_of_its_own(
    online: Client, license: License
) -> None:
    first = online.session_token

    assert isinstance(online.init(license.reveal(), "device-1"), Yes)

    assert online.session_token != first
    assert Session.objects.count() == 2


def test_a_machine_in_parts_is_known_again_with_another_disk(
    license: License, server: Server
) -> None:
    assert isinstance(client_of(license, server.url).init(license.reveal(), PARTS), Yes)

    changed = client_of(license, server.url).init(license.reveal(), PARTS | {"disk": "NEW"})

    assert isinstance(changed, Yes)
    assert sorted(Device.objects.get().parts) == ["board", "disk", "mac"]
    stranger = client_of(license, server.url).init(license.reveal(), {"board": "1", "disk": "2"})
    assert isinstance(stranger, No)
    assert stranger.code == "hwid_mismatch"


def test_a_machine_in_parts_rides_out_an_outage(
    license: License, server: Server, kept: Path
) -> None:
    client = client_of(license, server.url, offline_path=kept)
    client.init(license.reveal(), PARTS)
    cut_off(client)

    assert isinstance(client.heartbeat(), YesOffline)
    other_disk = any_client_of(license, NOWHERE, offline_path=kept)
    assert isinstance(other_disk.init(license.reveal(), PARTS | {"disk": "NEW"}), CouldNotAsk)


def test_a_machine_in_parts_without_network_is_the_same_with_one(
    license: License, server: Server, kept: Path
) -> None:
    grant = offline.exchange(
        code=request_codes.read(request_code(str(license.application_id), PARTS)),
        api_key=factories.api_key_of(license.application),
        license_key=license.reveal(),
        caller=UNKNOWN,
    )
    assert grant.license.id == license.pk

    assert isinstance(client_of(license, server.url).init(license.reveal(), PARTS), Yes)
    assert sorted(Device.objects.get().parts) == ["board", "disk", "mac"]


def test_a_request_code_has_no_room_for_more_than_the_server_reads(license: License) -> None:
    with pytest.raises(ValueError, match="too long"):
        request_code(str(license.application_id), {"board": "x" * 250})


def test_seats_are_counted_for_the_user_that_is_told(server: Server) -> None:
    application = factories.make_application()
    policy = factories.make_policy(application, sessions_max=1, sessions_per="user")
    key = factories.make_license(application, policy=policy).reveal()
    license = License.objects.get()

    ada, again, grace = (
        client_of(license, server.url).init(key, "device-1", user=user)
        for user in ("Ada", "Ada", "Grace")
    )

    assert isinstance(ada, Yes)
    assert isinstance(again, No)
    assert isinstance(grace, Yes)


def test_a_released_machine_gives_up_its_place_and_its_file(
    online: Client, license: License, server: Server, kept: Path
) -> None:
    Policy.objects.update(license_file_seconds=None)
    released = online.release()

    assert isinstance(released, Yes)
    assert released.body["releases_left"] == 2
    assert not Device.objects.get().is_bound()
    assert online.session_token is None
    assert "license_file" not in json.loads(kept.read_text())
    cut_off(online)
    assert isinstance(online.heartbeat(), CouldNotAsk)


def test_a_release_beyond_the_budget_is_a_no_and_changes_nothing(
    online: Client, kept: Path
) -> None:
    Policy.objects.update(releases_max=0)

    refused = online.release()

    assert isinstance(refused, No)
    assert refused.code == "release_limit_reached"
    assert online.session_token
    assert "license_file" in json.loads(kept.read_text())


def test_a_seat_is_borrowed_until_the_moment_that_is_named(online: Client) -> None:
    Policy.objects.update(borrow_max_seconds=14 * 86_400)
    until = dt.datetime.now(dt.timezone(dt.timedelta(hours=2))) + dt.timedelta(days=7)

    borrowed = online.borrow(until)

    assert isinstance(borrowed, Yes)
    assert Session.objects.get().borrowed_until == until
    beyond = online.borrow(until + dt.timedelta(days=8))
    assert isinstance(beyond, No)
    assert beyond.code == "borrow_not_allowed"
    with pytest.raises(ValueError, match="time zone"):
        online.borrow(dt.datetime(2030, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (
            {"app_version_min": "2.0", "app_version_min_key": version_key("2.0")},
            "version_not_allowed",
        ),
        ({"license_file_seconds": None}, "offline_not_allowed"),
    ],
)
def test_every_refusal_of_the_license_is_a_definite_no(
    online: Client, policy: dict[str, object], code: str
) -> None:
    Policy.objects.update(**policy)

    refused = online.checkout()

    assert isinstance(refused, No)
    assert refused.code == code
