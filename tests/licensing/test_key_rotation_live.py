"""All keys are changed under a running service, step by step as the handbook has it: no request fails, no row is left behind."""

import base64
import contextlib
import dataclasses
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from pytest_django import Settings

from licensing import key_rotation
from licensing.models import Application
from tests import factories
from tests.servers import Server, database_url, serve

pytestmark = pytest.mark.race

RINGS = ("ENCRYPTION_KEYS", "INDEX_KEYS", "HWID_KEYS")
PROGRAMS = 6
# Long enough that every program calls both servers many times.
BOTH_SERVE_SECONDS = 1.0


@dataclasses.dataclass
class Service:
    """Servers side by side, as behind a load balancer that is told before one of them goes."""

    settings: Settings
    application: Application
    api_key: str
    license_keys: list[str] = dataclasses.field(default_factory=list)
    serving: list[Server] = dataclasses.field(default_factory=list)
    answers: Counter[str] = dataclasses.field(default_factory=Counter)

    @contextlib.contextmanager
    def release(self, **keys: bytes) -> Iterator[None]:
        """Start a server with other keys beside those that serve, let all serve for a while, then it alone."""
        environment = {}
        for number, ring in enumerate(RINGS):
            different = {key_id: bytes([number]) + key[1:] for key_id, key in keys.items()}
            setattr(self.settings, ring, different)
            environment[ring] = ",".join(
                f"{key_id}:{base64.b64encode(key).decode()}" for key_id, key in different.items()
            )
        with serve(database_url(), WEB_CONCURRENCY="1", **environment) as server:
            self.serving.append(server)
            self.issue(1)
            time.sleep(BOTH_SERVE_SECONDS)
            self.serving[:] = [server]
            # What the others were asked already, they answer.
            time.sleep(BOTH_SERVE_SECONDS)
            yield

    def issue(self, count: int) -> None:
        licenses = factories.make_licenses(self.application, count, devices_max=PROGRAMS)
        self.license_keys += [license.reveal() for license in licenses]

    def use(self, number: int, enough: threading.Event) -> None:
        """One program on one device, which starts with every license in turn, on whichever server."""
        for turn in itertools.count(number):
            if enough.is_set():
                return
            body = {
                "api_key": self.api_key,
                "license_key": self.license_keys[turn % len(self.license_keys)],
                "hwid": f"device-{number}",
            }
            for step, call in enumerate(("init", "validate", "heartbeat", "logout")):
                body |= self._ask(turn + step, call, body)

    def _ask(self, turn: int, call: str, body: dict[str, str]) -> dict[str, str]:
        servers = list(self.serving)
        answer = servers[turn % len(servers)].post(f"/api/v1/{call}", json.dumps(body))
        members = answer.json()
        self.answers[f"{call} {answer.status_code} {members['code']}"] += 1
        return {name: members[name] for name in ("session_token",) if name in members}


@pytest.mark.django_db(transaction=True)
def test_changing_every_key_under_load_fails_no_request_and_leaves_no_row_behind(
    settings: Settings,
) -> None:
    old, new = b"o" * 32, b"n" * 32
    for number, ring in enumerate(RINGS):
        setattr(settings, ring, {"old": bytes([number]) + old[1:]})
    application = factories.make_application()
    service = Service(settings, application, factories.api_key_of(application))
    service.issue(20)
    enough = threading.Event()

    with contextlib.ExitStack() as running:
        running.enter_context(service.release(old=old))
        pool = running.enter_context(ThreadPoolExecutor(PROGRAMS))
        running.callback(enough.set)
        programs = [pool.submit(service.use, number, enough) for number in range(PROGRAMS)]

        running.enter_context(service.release(old=old, new=new))
        running.enter_context(service.release(new=new, old=old))
        call_command("keys", rotate=True, batch=5)
        wait_until_every_device_called(service)
        running.enter_context(service.release(new=new))
        call_command("keys", rotate=True, batch=5)

        enough.set()
        for program in programs:
            program.result()

    assert {answer.partition(" ")[2] for answer in service.answers} == {"200 ok"}
    assert service.answers.total() > 200
    assert {use.key_id for use in key_rotation.uses_of_keys()} - {""} == {"new"}


def wait_until_every_device_called(service: Service) -> None:
    """Only a device itself can bring its digest under the new key: each has to start once more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        uses = [use for use in key_rotation.uses_of_keys() if use.ring == "HWID_KEYS"]
        if all(use.is_current for use in uses):
            return
        time.sleep(0.2)
    pytest.fail(f"devices are still under the old key: {service.answers}")
