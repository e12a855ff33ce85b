"""Whatever answers, and whatever stands in it: one line, an exit code, and nothing that a terminal would obey."""

import dataclasses
import json
import os
import pty
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from licensing.models import Application
from licensing.scopes import Scope
from tests import factories
from tests.command_line.conftest import Terminal

TOKEN = "lck_sk_whatever"
HOSTILE = "a\x1b]0;owned\x07\x1b[31mred\x9b2J\u202egnp.exe\u2066\x00\ud800"


@pytest.fixture
def stand_in() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


@pytest.fixture
def facing(terminal: Terminal, stand_in: HTTPServer) -> Terminal:
    """Somebody whose server is the stand-in."""
    url = stand_in.url_for("").rstrip("/")
    return dataclasses.replace(terminal, environment={"LOCKENCE_URL": url, "LOCKENCE_TOKEN": TOKEN})


def problem(status: int, code: str, **headers: str) -> Response:
    body = {"code": code, "detail": "Told so.", "request_id": "r-1", "status": status}
    return Response(json.dumps(body), status, headers, mimetype="application/problem+json")


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (problem(401, "invalid_token"), 4, "Told so. (invalid_token), request r-1"),
        (problem(403, "insufficient_scope"), 4, "insufficient_scope"),
        (problem(404, "not_found"), 1, "not_found"),
        (problem(400, "invalid_request"), 1, "invalid_request"),
        (problem(409, "license_state"), 1, "license_state"),
        (problem(500, "server_error"), 3, "server_error"),
        (problem(429, "rate_limited", **{"Retry-After": "9999"}), 3, "come back in 9999 seconds"),
        (Response("<h1>Log in to this hotel</h1>", 200, mimetype="text/html"), 3, "text/html"),
        (Response("<h1>Forbidden</h1>", 403, mimetype="text/html"), 3, "HTTP 403"),
        (Response("", 302, {"Location": "https://evil.example/"}), 3, "is not followed"),
        (Response("[]", 200, mimetype="application/json"), 3, "not Lockence"),
        (Response('{"data": 1}', 200, mimetype="application/json"), 3, "not like a Lockence"),
        (Response("{" * 9999, 200, mimetype="application/json"), 3, "not Lockence"),
        (Response(b"\xff\xfe{", 200, mimetype="application/json"), 3, "not Lockence"),
    ],
)
def test_whatever_answers_is_one_line_and_an_exit_code(
    facing: Terminal, stand_in: HTTPServer, answer: Response, code: int, told: str
) -> None:
    stand_in.expect_request("/api/v1/applications").respond_with_response(answer)

    run = facing.run("applications", "list")

    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (code, "", 1), run
    assert told in run.stderr
    assert "Traceback" not in run.stderr


def test_a_token_is_not_sent_on_to_where_an_answer_points(
    facing: Terminal, stand_in: HTTPServer
) -> None:
    elsewhere = stand_in.url_for("/elsewhere")
    stand_in.expect_request("/api/v1/applications").respond_with_response(
        Response("", 307, {"Location": elsewhere})
    )

    facing.run("applications", "list")

    assert [request.path for request, _ in stand_in.log] == ["/api/v1/applications"]


def test_a_server_that_is_away_is_asked_again_and_then_told(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    run = terminal.run(
        "applications", "list", LOCKENCE_URL=f"http://127.0.0.1:{port}", LOCKENCE_TOKEN=TOKEN
    )

    assert (run.returncode, run.stderr.count("\n")) == (3, 1)
    assert f"could not reach 127.0.0.1:{port}: Connection refused" in run.stderr


def test_who_is_busy_is_asked_again_with_the_same_idempotency_key(
    facing: Terminal, stand_in: HTTPServer
) -> None:
    path = "/api/v1/applications/01900000-0000-7000-8000-000000000000/licenses"
    keys = []

    def answer(request: Request) -> Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            return Response("<h1>Bad Gateway</h1>", 502, mimetype="text/html")
        if len(keys) == 2:
            return problem(409, "idempotency_key_in_use", **{"Retry-After": "0"})
        return Response('{"data": [{"key": "A"}]}', 201, mimetype="application/json")

    stand_in.expect_request(path).respond_with_handler(answer)

    run = facing.run("licenses", "issue", "-a", path.split("/")[4])

    assert (run.returncode, run.stdout) == (0, "A\n"), run
    assert len(keys) == 3
    assert len(set(keys)) == 1


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_names_cannot_play_with_the_terminal(
    facing: Terminal, stand_in: HTTPServer, form: list[str]
) -> None:
    row = {"id": "1", "name": HOSTILE, "enabled": True, "first_init_at": HOSTILE, "created_at": ""}
    body = json.dumps({"data": [row], "next_cursor": None})
    stand_in.expect_request("/api/v1/applications").respond_with_data(
        body, content_type="application/json"
    )

    run = facing.run("applications", "list", *form)

    assert run.returncode == 0, run
    assert not set(run.stdout) & set(HOSTILE.replace("\n", "")) - set("aowned;]0[31mr2Jgp.x")
    if form:
        assert json.loads(run.stdout)["name"] == HOSTILE


def test_neither_can_complaints_nor_what_was_typed(facing: Terminal, stand_in: HTTPServer) -> None:
    told = json.dumps({"code": "not_found", "detail": HOSTILE, "request_id": HOSTILE})
    stand_in.expect_request("/api/v1/applications").respond_with_data(
        told, 404, content_type="application/problem+json"
    )

    for run in (facing.run("applications", "list"), facing.run("\x1b[31mnope\x07")):
        assert run.stderr.count("\n") == 1
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & set(run.stderr), run


def test_wide_letters_keep_the_columns_in_line(at_work: Terminal, application: Application) -> None:
    for name in ("東京タワー", "Zoë", "👩‍🚀 astronaut", "[bold]no markup[/]"):
        factories.make_policy(application, name=name)

    run = at_work.run("policies", "list")

    assert run.returncode == 0
    # Five letters of two columns each, in a column as wide as the longest name.
    assert "東京タワー" + " " * 10 + "for ever" in run.stdout
    assert "[bold]no markup[/]" in run.stdout


def test_a_terminal_of_another_time_gets_escapes(
    at_work: Terminal, application: Application
) -> None:
    factories.make_policy(application, name="東京")

    run = at_work.run("policies", "list", LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii")

    assert run.returncode == 0, run
    assert r"\u6771\u4eac" in run.stdout


def test_formulas_do_not_run_in_a_spreadsheet(at_work: Terminal, transactional_db: None) -> None:
    run = at_work.run("licenses", "issue", "--csv", "--username", '=HYPERLINK("http://x")')

    assert "\"'=HYPERLINK" in run.stdout


def test_a_token_that_may_not_do_this_is_told_which_scope_it_lacks(
    at_work: Terminal, application: Application
) -> None:
    reader = factories.make_token(application, Scope.LICENSES_READ, Scope.APPLICATIONS_READ).text

    run = at_work.run("licenses", "issue", LOCKENCE_TOKEN=reader)

    assert (run.returncode, run.stderr.count("\n")) == (4, 1), run
    assert "licenses:write" in run.stderr


def test_a_pipe_that_is_closed_early_is_no_error(
    at_work: Terminal, application: Application
) -> None:
    factories.make_licenses(application, 3)

    with at_work.start("licenses", "find", "--json") as run:
        assert run.stdout
        assert run.stderr
        run.stdout.close()
        said = run.stderr.read()

    assert (run.returncode, said) == (141, "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_is_told_in_one_line_and_loses_no_license(
    at_work: Terminal, application: Application
) -> None:
    issue = f"'{at_work.program}' licenses issue --count 2"
    facts = at_work.facts({})

    full, closed = (
        subprocess.run(["sh", "-c", f"{issue} {to}"], capture_output=True, text=True, **facts)
        for to in ("> /dev/full", ">&-")
    )

    [how_to_go_on, told] = full.stderr.splitlines()
    assert full.returncode == 70
    assert told == "lockence: could not write: No space left on device"
    assert "--idempotency-key" in how_to_go_on
    assert (closed.returncode, closed.stderr) == (0, "Issued 2 licenses.\n")
    assert application.licenses.count() == 4


def test_a_real_terminal_gets_a_table_of_its_width_and_a_bar(
    at_work: Terminal, application: Application
) -> None:
    shown = on_a_terminal(at_work, ["licenses", "issue", "--count", "2", "--json"], columns=60)
    listed = on_a_terminal(at_work, ["policies", "list"], columns=60)

    assert "Issuing" in shown
    assert shown.count('"key"') == 2
    assert "Standard" in listed
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", listed).splitlines()) <= 60


def test_keys_go_into_a_file_and_the_bar_to_the_terminal(
    at_work: Terminal, application: Application, tmp_path: Path
) -> None:
    with (tmp_path / "keys.txt").open("w") as file:
        shown = on_a_terminal(at_work, ["licenses", "issue", "--count", "2"], 60, output=file)

    keys = (tmp_path / "keys.txt").read_text().splitlines()
    assert set(keys) == {license.reveal() for license in application.licenses.all()}
    assert "Issuing" in shown
    assert keys[0] not in shown


def test_a_list_of_more_than_a_page_shows_how_far_it_is(
    at_work: Terminal, application: Application
) -> None:
    licenses = factories.make_licenses(application, 202)

    shown = on_a_terminal(at_work, ["licenses", "find", "--all", "--json"], columns=60)
    short = on_a_terminal(at_work, ["licenses", "find", "--json"], columns=60)

    assert "Reading" in shown
    assert "Reading" not in short
    told = re.findall(r'{"id": "(\S+)", .*}\r\n', shown)
    assert set(told) == {str(license.pk) for license in licenses}


def test_acts_on_many_show_how_far_they_are(at_work: Terminal, application: Application) -> None:
    ids = [str(license.pk) for license in factories.make_licenses(application, 3)]

    shown = on_a_terminal(at_work, ["licenses", "suspend", *ids], columns=80)

    assert "3/3" in shown
    assert [id for id in ids if f"Suspended {id}" not in shown] == []


def on_a_terminal(
    terminal: Terminal, arguments: list[str], columns: int, output: IO[str] | None = None
) -> str:
    """Everything that the command writes to a terminal that is so wide; `output` is where its standard output goes instead."""
    outside, inside = pty.openpty()
    facts = terminal.facts({"COLUMNS": str(columns), "TERM": "xterm"})
    with subprocess.Popen(
        [terminal.program, *arguments],
        stdin=inside,
        stdout=inside if output is None else output,
        stderr=inside,
        **facts,
    ):
        os.close(inside)
        pieces = list(iter(lambda: _read(outside), b""))
    os.close(outside)
    return b"".join(pieces).decode()


def _read(number: int) -> bytes:
    try:
        return os.read(number, 65_536)
    except OSError:
        # Linux tells so that the other side of a terminal is closed.
        return b""
