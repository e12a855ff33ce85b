"""`lockence doctor`: it finds what is wrong, says what to do, and binds no device that it was not told to."""

import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from licensing import licenses
from licensing.events import SYSTEM
from licensing.models import Application, Device, License, Session
from tests import factories
from tests.clients.middle import Exchange, Middle, in_the_middle
from tests.command_line.conftest import Run, Terminal
from tests.servers import Server


@pytest.fixture
def license(application: Application) -> License:
    return factories.make_license(application)


@pytest.fixture
def middle(server: Server, transactional_db: None) -> Iterator[Middle]:
    with in_the_middle(server) as found:
        yield found


def examine(terminal: Terminal, *arguments: str) -> tuple[dict[str, tuple[str, str]], Run]:
    """What was found, and what was advised, by check."""
    run = terminal.run("doctor", *arguments, "--json")
    found = [json.loads(line) for line in run.stdout.splitlines()]
    return {
        one["check"]: (one["outcome"], f"{one['told']} → {one['remedy']}") for one in found
    }, run


def test_where_all_is_well_it_says_so(at_work: Terminal, license: License) -> None:
    api_key = factories.api_key_of(license.application)

    run = at_work.run("doctor", "--api-key", api_key, "--license-key", license.reveal())

    assert run.returncode == 0, run
    assert [line.split()[0] for line in run.stdout.splitlines()] == ["ok"] * 6, run.stdout
    assert "verified with a published key" in run.stdout
    assert "active, ends never, 0 devices bound" in run.stdout
    assert not Device.objects.exists()
    assert not Session.objects.exists()


def test_a_stranger_learns_as_much_as_there_is_to_know(
    terminal: Terminal, server: Server, transactional_db: None
) -> None:
    found, run = examine(terminal, server.url)

    assert run.returncode == 0, run
    assert found["signature"] == ("good", "verified with the installation's key → ")
    assert found["clock"][0] == "good"
    assert (found["API key"][0], found["license key"][0]) == ("not asked", "not asked")


@pytest.mark.parametrize(
    ("state", "told", "advised"),
    [
        ("suspended", "is suspended", "licenses restore"),
        ("revoked", "is revoked", "issue another one"),
        ("unknown", "no application that you see has it", "typed right"),
    ],
)
def test_a_license_that_is_not_good_is_told_with_what_to_do(
    at_work: Terminal, license: License, state: str, told: str, advised: str
) -> None:
    key = license.reveal()
    if state == "suspended":
        licenses.suspend_license(license=license, actor=SYSTEM)
    elif state == "revoked":
        licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())
    else:
        key = "AAAAA-AAAAA-AAAAA-AAAAA"

    found, run = examine(at_work, "--license-key", key)

    assert run.returncode == 1
    assert told in found["license key"][1]
    assert advised in found["license key"][1]


def test_a_session_is_opened_and_closed_when_it_is_told_to_bind(
    at_work: Terminal, license: License
) -> None:
    api_key = factories.api_key_of(license.application)
    arguments = ("--api-key", api_key, "--license-key", license.reveal(), "--bind")

    let_in, first = examine(at_work, *arguments, "device-1")
    refused, second = examine(at_work, *arguments, "device-2")

    assert let_in["license key"][0] == "good", first
    assert (first.returncode, second.returncode) == (0, 1)
    assert "HWID mismatch (hwid_mismatch) → All its places are taken" in refused["license key"][1]
    assert Session.objects.get().ended_at


def test_an_api_key_that_nobody_has_is_told(
    terminal: Terminal, server: Server, license: License
) -> None:
    found, run = examine(terminal, server.url, "--api-key", "lck_pk_mistyped")

    assert run.returncode == 1
    assert "Invalid API key (invalid_api_key) → Copy it anew" in found["API key"][1]


def test_pinned_keys_are_what_a_program_believes(
    terminal: Terminal, server: Server, license: License
) -> None:
    application = license.application
    pinned = application.signing_keys.get(state="current").public_key
    other = factories.make_application().signing_keys.get(state="current").public_key
    arguments = (server.url, "--api-key", factories.api_key_of(application), "--public-key")

    believed, good = examine(terminal, *arguments, pinned)
    doubted, bad = examine(terminal, *arguments, other)

    assert (good.returncode, bad.returncode) == (0, 1)
    assert believed["signature"][1].startswith("verified with a pinned key")
    assert "the signing key is not a pinned one → Pin the current" in doubted["signature"][1]


def test_an_answer_that_was_changed_on_the_way_is_told(
    terminal: Terminal, server: Server, license: License, middle: Middle
) -> None:
    def forge(exchange: Exchange) -> None:
        exchange.body = exchange.body.replace(b"session", b"seSSion")

    middle.attack = forge
    found, run = examine(
        terminal, middle.url, "--api-key", factories.api_key_of(license.application)
    )

    assert run.returncode in (1, 3), run
    assert found["signature"][0] == "bad"


def test_a_clock_that_is_wrong_is_told(
    terminal: Terminal, server: Server, license: License
) -> None:
    shift = Path(terminal.home) / "sitecustomize.py"
    shift.write_text("import time\nright = time.time\ntime.time = lambda: right() - 3600\n")
    run = terminal.run("doctor", server.url, "--json", PYTHONPATH=str(terminal.home))

    [clock] = [one for one in map(json.loads, run.stdout.splitlines()) if one["check"] == "clock"]
    assert run.returncode == 1
    assert clock["outcome"] == "bad"
    assert re.search("3(599|600|601) s behind", clock["told"])
    assert "NTP" in clock["remedy"]


def test_a_name_that_nobody_has_is_told(terminal: Terminal) -> None:
    found, run = examine(terminal, "https://lockence.invalid")

    assert run.returncode == 3
    assert list(found) == ["name"]
    assert "spelled right" in found["name"][1]


def test_a_port_where_nobody_listens_is_told(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    found, run = examine(terminal, f"http://127.0.0.1:{port}")

    assert run.returncode == 3
    assert found["connection"][0] == "bad"


def test_a_certificate_that_nobody_vouches_for_is_told(terminal: Terminal, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_shake_hands, args=(listener, context), daemon=True)
        thread.start()
        found, run = examine(terminal, f"https://localhost:{listener.getsockname()[1]}")
        thread.join()

    assert run.returncode == 3
    assert found["certificate"][0] == "bad"
    assert "SSL_CERT_FILE" in found["certificate"][1]


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Twice: for who looks whether the port answers, and for who asks for the certificate."""
    for _ in range(2):
        plain, _address = listener.accept()
        with plain:
            plain.settimeout(10)
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                continue
