"""The command as pip installs it, in an environment of its own, and a terminal to call it from."""

import dataclasses
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from licensing.models import Application
from tests import factories
from tests.servers import ROOT, Server

RUN_SECONDS_MAX = 60
Run = subprocess.CompletedProcess[str]


@dataclasses.dataclass(frozen=True)
class Terminal:
    """Somebody who calls the command; `home` is where it keeps its log-in, `environment` what it finds set."""

    program: Path
    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str, typed: str = "", **environment: str) -> Run:
        """Run the command to its end, with `typed` on its standard input."""
        return subprocess.run(
            [self.program, *arguments],
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=RUN_SECONDS_MAX,
            **self.facts(environment),
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **self.facts(environment),
        )

    def facts(self, environment: dict[str, str]) -> dict[str, Any]:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        return {"cwd": self.home, "env": {**kept, **self.environment, **environment}}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """clients/python, built as pip builds it; with the setuptools that is here, so that nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--no-deps", "-w", str(folder), source_copy(folder))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def bare_program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command where the library alone was installed."""
    return installed(wheel, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command with what its extra brings: click, rich and theirs, of which the ones here are lent to it."""
    folder = tmp_path_factory.mktemp("installed")
    found = installed(wheel, folder)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return found


@pytest.fixture
def terminal(program: Path, tmp_path: Path) -> Terminal:
    """Somebody who has not logged in."""
    return Terminal(program, tmp_path, {})


@pytest.fixture
def application(transactional_db: None) -> Application:
    return factories.make_application(name="Painter")


@pytest.fixture
def at_work(terminal: Terminal, application: Application, server: Server) -> Terminal:
    """Somebody with a token for everything of one application."""
    token = factories.make_token(application).text
    return dataclasses.replace(
        terminal, environment={"LOCKENCE_URL": server.url, "LOCKENCE_TOKEN": token}
    )


def installed(wheel: Path, folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip("--python", str(python), "install", "--no-index", "--no-deps", str(wheel))
    return folder / "bin" / "lockence"


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    assert run.returncode == 0, run.stdout + run.stderr


def source_copy(folder: Path) -> str:
    """A copy, for building leaves its traces in the folder that it builds."""
    copy = folder / "source"
    subprocess.run(["cp", "-r", str(ROOT / "clients" / "python"), str(copy)], check=True)
    return str(copy)
