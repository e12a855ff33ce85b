"""./dev, in a copy of the checkout: what a newcomer does first."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "var", "node_modules", "__pycache__")
START_SECONDS_MAX = 60


@pytest.fixture
def checkout() -> Iterator[Path]:
    """The working tree without its data, sharing the installed packages."""
    folder = Path(tempfile.mkdtemp(prefix="lockence-test-"))
    folder.chmod(0o755)
    checkout = folder / "a checkout"
    shutil.copytree(ROOT, checkout, ignore=NOT_COPIED)
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    yield checkout
    shutil.rmtree(folder)


@contextmanager
def dev_run(checkout: Path) -> Iterator[str]:
    """Run ./dev run on a free port until the block ends; gives what it printed once it serves."""
    port = free_port()
    output = (checkout / "output").open("w+")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with subprocess.Popen(
        ["./dev", "run"],
        cwd=checkout,
        env=environment | {"PORT": str(port)},
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as program:
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz", program)
            yield Path(output.name).read_text()
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(30)
            output.close()
    assert not (checkout / "var" / "postgres" / "postmaster.pid").exists()
    assert not can_connect(port)


def site_of(curl: str) -> str:
    return curl.split("/api/")[0].removeprefix("curl ").strip("'\"")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_connect(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def metrics_with_a_worker(url: str) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        metrics = requests.get(url, timeout=5).text
        if "lockence_workers 1.0" in metrics:
            return metrics
        time.sleep(0.1)
    raise AssertionError("No worker came up")


def wait_for(url: str, program: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while program.poll() is None and time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"./dev run did not come up at {url}")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_first_run_prints_a_curl_line_that_works_and_the_second_keeps_the_data(
    checkout: Path,
) -> None:
    with dev_run(checkout) as printed:
        curl = re.search(r"curl .*", printed)
        assert curl, printed
        answer = json.loads(subprocess.check_output(curl[0], shell=True, stderr=subprocess.DEVNULL))  # noqa: S602
        metrics = metrics_with_a_worker(f"{site_of(curl[0])}/metrics")
        facts = (checkout / "var" / "demo.json").read_text()

    with dev_run(checkout) as printed_again:
        assert json.loads(facts)["license_key"] in printed_again

    assert printed.startswith("Preparing the database")
    assert answer["success"] is True, answer
    # Whichever of the server's processes is asked, it knows what the others did.
    assert (
        'lockence_request_seconds_count{method="POST",route="api/v1/init",status="200"} 1.0'
        in metrics
    )
    assert (checkout / "var" / "demo.json").read_text() == facts
    assert (checkout / "var" / "demo.json").stat().st_mode & 0o777 == 0o600


def test_without_a_command_it_says_how_to_use_it() -> None:
    result = subprocess.run(["./dev"], cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0
    assert all(f"./dev {command}" in result.stdout for command in ("run", "test", "check", "bench"))


def test_an_unknown_command_is_refused() -> None:
    assert subprocess.run(["./dev", "fly"], cwd=ROOT, capture_output=True).returncode == 2


@pytest.mark.parametrize("found", ["echo too old >&2; exit 1", ""])
def test_without_a_python_of_age_it_says_what_to_install(tmp_path: Path, found: str) -> None:
    for name in ("python3.11", "python3.12", "python3.13", "python3") if found else ():
        (tmp_path / name).write_text(f"#!/bin/sh\n{found}\n")
        (tmp_path / name).chmod(0o755)
    for tool in ("sh", "dirname", "cat", "cksum"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    shutil.copy(ROOT / "dev", tmp_path / "dev")
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / lock).touch()

    result = subprocess.run(
        ["./dev", "test"], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert result.returncode == 1
    assert "needs Python 3.11 or newer" in result.stderr
    assert "apt-get install python3 python3-venv" in result.stderr
