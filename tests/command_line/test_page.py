"""The page about the command line: all that it shows is run, and nothing that the command has is left out."""

import datetime as dt
import json
import os
import re
import subprocess

from licensing import handbook, samples
from licensing.models import Application
from tests import factories
from tests.command_line.conftest import Terminal
from tests.servers import Server

PATH = "how-to/command-line"
PAGE = handbook.sources()[PATH].read_text()
BLOCKS = re.findall(r"^```sh[^\n]*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
# What the fixtures have done already, and without a network.
INSTALLS = "pip install './clients/python[cli]'\n"


def test_every_command_of_the_page_works(
    terminal: Terminal, application: Application, server: Server
) -> None:
    ends = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    license = factories.make_license(application, expires_at=ends)
    yearly = factories.make_policy(application, duration_seconds=365 * 86_400)
    session = factories.make_session(license)
    script = "".join(BLOCKS).replace(INSTALLS, "").replace(samples.SITE_URL, server.url)
    script = script.replace(samples.API_KEY, factories.api_key_of(application))
    script = script.replace(samples.LICENSE_KEY, license.reveal())
    user = factories.make_named_user(application)
    token = factories.make_token(application).text
    values = {
        "PATH": f"{terminal.program.parent}:{os.environ['PATH']}",
        "TOKEN": token,
        "LICENSE": str(license.pk),
        "OTHER_LICENSE": str(factories.make_license(application, policy=yearly).pk),
        "DEVICE": str(session.device_id),
        "SESSION": str(session.pk),
        "USER": str(user.pk),
        "RULE": str(factories.make_access_rule(application).pk),
        "EVENT": "01900000-0000-7000-8000-000000000000",
    }

    run = subprocess.run(
        ["sh", "-euc", script.replace("lck_sk_YOUR_TOKEN", token)],
        capture_output=True,
        text=True,
        timeout=100,
        **terminal.facts(values),
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("suspended\n")
    assert len((terminal.home / "keys.csv").read_text().splitlines()) == 501
    assert len((terminal.home / "gifts.txt").read_text().splitlines()) == 10


def test_the_page_and_the_help_tell_the_same_exit_codes(terminal: Terminal) -> None:
    on_the_page = set(re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE))
    in_the_help = set(re.findall(r"^ +(\d+)  ", terminal.run("--help").stdout, re.MULTILINE))

    assert in_the_help == on_the_page


def test_the_page_names_every_command(terminal: Terminal) -> None:
    listed = terminal.run("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    commands = [line.split()[0] for line in listed.splitlines()]

    assert len(commands) >= 14, json.dumps(commands)
    assert [name for name in commands if f"lockence {name}" not in PAGE] == []
