"""Logging in: the token is tried, kept for its owner's eyes only, and sent to no other server."""

import dataclasses
import json
from pathlib import Path

import pytest

from licensing.models import Application
from licensing.scopes import Scope
from tests import factories
from tests.command_line.conftest import Terminal
from tests.servers import Server


@pytest.fixture
def token(application: Application) -> str:
    return factories.make_token(application, name="Shop").text


def kept(terminal: Terminal) -> Path:
    return terminal.home / ".config" / "lockence" / "login.json"


def test_a_token_that_was_pasted_is_used_from_then_on(
    terminal: Terminal, server: Server, token: str
) -> None:
    login = terminal.run("login", server.url, typed=f"{token}\n")
    listed = terminal.run("applications", "list")

    assert login.returncode == 0, login
    assert f"Logged in to {server.url}, for Painter." in login.stderr
    assert token not in login.stderr + login.stdout
    assert "Painter" in listed.stdout


def test_only_its_owner_may_read_the_file(terminal: Terminal, server: Server, token: str) -> None:
    terminal.run("login", server.url, typed=token)

    assert kept(terminal).stat().st_mode & 0o777 == 0o600
    assert kept(terminal).parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in kept(terminal).parent.iterdir()] == ["login.json"]


def test_logging_out_forgets_it(terminal: Terminal, server: Server, token: str) -> None:
    terminal.run("login", server.url, typed=token)

    assert terminal.run("logout").returncode == 0
    assert not kept(terminal).exists()
    assert terminal.run("applications", "list").returncode == 4


def test_whoami_tells_the_token_and_what_it_may_do(
    terminal: Terminal, server: Server, token: str
) -> None:
    terminal.run("login", server.url, typed=token)

    people, script = terminal.run("whoami"), terminal.run("whoami", "--json")

    assert "Shop" in people.stdout
    told = json.loads(script.stdout)
    assert told["url"] == server.url
    assert set(told["scopes"]) == set(Scope)
    assert token not in people.stdout + script.stdout


def test_the_environment_goes_before_the_file(
    terminal: Terminal, server: Server, token: str
) -> None:
    other = factories.make_token(factories.make_application(name="Sculptor")).text
    terminal.run("login", server.url, typed=token)

    listed = terminal.run("applications", "list", LOCKENCE_URL=server.url, LOCKENCE_TOKEN=other)

    assert "Sculptor" in listed.stdout
    assert "Painter" not in listed.stdout


def test_a_kept_token_goes_to_its_own_server_only(
    terminal: Terminal, server: Server, token: str
) -> None:
    terminal.run("login", server.url, typed=token)

    run = terminal.run("applications", "list", LOCKENCE_URL=f"http://localhost:{server.port}")

    assert run.returncode == 4
    assert "no token for http://localhost" in run.stderr


def test_a_token_of_few_scopes_is_a_good_one_too(
    terminal: Terminal, server: Server, application: Application
) -> None:
    few = factories.make_token(application, Scope.EVENTS_READ).text

    login = terminal.run("login", server.url, typed=few)

    assert login.returncode == 0, login
    assert terminal.run("whoami").returncode == 0


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("lck_sk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA00", "invalid_token"),
        ("lck_pk_AAAAAAAAAAAAAAAAAAAAAAAAAA00", "that is an API key"),
        ("", "that is no management token"),
        ("lck_sk_é\x1b[31m", "no token has"),
    ],
)
def test_what_is_no_token_is_not_kept(
    terminal: Terminal, server: Server, transactional_db: None, typed: str, told: str
) -> None:
    run = terminal.run("login", server.url, typed=f"{typed}\n")

    assert run.returncode == 4, run
    assert told in run.stderr
    assert run.stderr.count("\n") == 1
    assert not kept(terminal).exists()


@pytest.mark.parametrize(
    "url", ["lockence.example", "ftp://lockence.example", "http://", "https://a b", "http://x:y"]
)
def test_what_is_no_address_is_told(terminal: Terminal, url: str) -> None:
    run = terminal.run("login", url, typed="lck_sk_A")

    assert run.returncode == 2
    assert "is no address of a server" in run.stderr


def test_a_damaged_file_is_told_and_mended_by_logging_in_again(
    terminal: Terminal, server: Server, token: str
) -> None:
    kept(terminal).parent.mkdir(parents=True)
    kept(terminal).write_text("{")

    damaged = terminal.run("applications", "list")
    again = terminal.run("login", server.url, typed=token)

    assert (damaged.returncode, damaged.stderr.count("\n")) == (4, 1)
    assert again.returncode == 0, again


def test_a_folder_that_cannot_be_written_is_told(
    terminal: Terminal, server: Server, token: str
) -> None:
    (terminal.home / "file").write_text("")
    elsewhere = dataclasses.replace(
        terminal, environment={"XDG_CONFIG_HOME": str(terminal.home / "file")}
    )

    run = elsewhere.run("login", server.url, typed=token)

    assert (run.returncode, run.stderr.count("\n")) == (4, 1), run
    assert "could not write" in run.stderr
