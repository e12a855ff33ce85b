"""The README of the Python client: what it shows is run as it stands, with the reader's own values."""

import re
import subprocess
import sys

import pytest

from licensing import handbook
from tests import factories
from tests.servers import ROOT, Server

README = (ROOT / "clients/python/README.md").read_text()


@pytest.mark.django_db(transaction=True)
def test_the_first_program_of_the_readme_is_let_in(server: Server) -> None:
    license = factories.make_license()
    application = license.application
    program = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]
    keys = [application.signing_keys.get(state=state).public_key for state in ("current", "next")]
    for shown, own in (
        ("https://licenses.example.com", server.url),
        ("lck_pk_…", factories.api_key_of(application)),
        ('["…", "…"]', repr(keys)),
        ('application_id="…"', f'application_id="{application.pk}"'),
    ):
        assert shown in program
        program = program.replace(shown, own)
    program = f"license_key = {license.reveal()!r}\n{program}\nprint(type(outcome).__name__)\n"

    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "clients/python")},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (run.stdout, run.stderr) == ("Yes\n", "")


def test_what_the_readme_shows_of_the_command_is_what_the_handbook_shows() -> None:
    page = handbook.sources()["how-to/command-line"].read_text()
    shown = re.findall(r"^(?:lockence|pip install) .+\[?.*$", README, re.MULTILINE)

    words = [" ".join(line.split()[:3]) for line in shown if line.startswith("lockence")]
    assert "pip install './clients/python[cli]'" in shown
    assert words
    assert [line for line in words if line.rsplit(" https")[0] not in page] == []
