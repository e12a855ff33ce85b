"""The commands of README and of the hosting guide, run as a reader would run them."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from licensing import samples
from tests.lockence.test_dev import dev_run, free_port

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "var", "node_modules", "__pycache__")
NEEDS_A_MACHINE_OF_ITS_OWN = ("docker compose ", "sudo ")
INSTALLS_FROM_THE_NETWORK = ("python3 -m venv ", ".venv/bin/pip install ")


@pytest.fixture
def checkout() -> Iterator[Path]:
    """The working tree without its data, sharing the installed packages."""
    folder = Path(tempfile.mkdtemp(prefix="lockence-test-"))
    folder.chmod(0o755)
    checkout = folder / "checkout"
    shutil.copytree(ROOT, checkout, ignore=NOT_COPIED)
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    yield checkout
    shutil.rmtree(folder)


def blocks_of(document: str) -> list[str]:
    """The shell blocks of a Markdown file, in order."""
    return re.findall(r"^```sh[^\n]*\n(.*?)^```", (ROOT / document).read_text(), re.M | re.S)


def test_the_readmes_commands_let_a_program_in_after_the_printed_curl_line(checkout: Path) -> None:
    serve, let_in = blocks_of("README.md")
    assert serve == "./dev run\n"

    with dev_run(checkout) as printed:
        site, api_key, license_key = (
            found[1]
            for found in (
                re.search(rf"{label}\s+(\S+)", printed)
                for label in ("Lockence", "API key", "license key")
            )
            if found
        )
        [curl] = re.findall(r"^  (curl .*)$", printed, re.M)
        subprocess.run(["sh", "-euc", curl], check=True, capture_output=True, timeout=60)
        let_in = let_in.replace("http://127.0.0.1:8000", site)
        let_in = let_in.replace(samples.API_KEY, api_key).replace(samples.LICENSE_KEY, license_key)
        run = subprocess.run(
            ["sh", "-euc", let_in], cwd=checkout, capture_output=True, text=True, timeout=60
        )

    assert run.stdout.startswith("Welcome, Ada\n"), run
    assert run.stdout.endswith("Logged out\n")


def test_the_readme_names_no_other_command_than_those_of_dev() -> None:
    inline = set(re.findall(r"`(\./[^`]+)`", (ROOT / "README.md").read_text()))

    assert inline == {"./dev test", "./dev check"}


@pytest.mark.skipif(sys.platform != "linux", reason="the guide is for Linux")
def test_the_hosting_guides_commands_bring_the_site_up(checkout: Path) -> None:
    port = free_port()
    blocks = blocks_of("docs/how-to/self-hosting.md")
    script = "\n".join(block for block in blocks if not is_left_out(block))
    assert "check --deploy" in script
    assert "createsuperuser" in script
    # What the reader fills in; the guide's own values stand for machines that are not here.
    script = script.replace("DATABASE_URL=postgres:///lockence\n", "")
    script = script.replace("gunicorn --config", "gunicorn --daemon --pid gunicorn.pid --config")
    script = script.replace("procrastinate worker", "procrastinate worker --one-shot")
    environment = {name: os.environ[name] for name in A_LOGINS_OWN if name in os.environ} | {
        "BIND": f"127.0.0.1:{port}",
        "DJANGO_SUPERUSER_PASSWORD": "correct horse battery staple",
    }
    script = script.replace("createsuperuser", "createsuperuser --no-input --email me@example.com")
    command = ["-m", "lockence.embedded_postgres", "--temporary", "--", "sh", "-euc"]

    ready = f"curl --silent --retry 9 --retry-connrefused http://127.0.0.1:{port}/readyz"
    run = subprocess.run(
        [sys.executable, *command, f"{script}\n{ready}\nkill $(cat gunicorn.pid)"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith('{"status": "ok"}'), run.stdout
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600


# The guide's values decide, and nothing that the tests themselves have set.
A_LOGINS_OWN = ("PATH", "HOME", "LANG", "TMPDIR")


def is_left_out(block: str) -> bool:
    """What would change the machine that the tests run on, or download everything once more."""
    return block.startswith((*NEEDS_A_MACHINE_OF_ITS_OWN, *INSTALLS_FROM_THE_NETWORK))
