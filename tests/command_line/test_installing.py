"""What pip makes of clients/python: a library that needs nothing, and a command that says what it needs."""

import dataclasses
import json
import subprocess
import zipfile
from email.parser import Parser
from pathlib import Path

from tests.command_line.conftest import Terminal


def test_the_installed_command_tells_its_version_and_teaches(terminal: Terminal) -> None:
    version, text = terminal.run("--version"), terminal.run("--help")

    assert version.stdout.startswith("lockence, version ")
    assert "Exit codes:" in text.stdout
    assert (version.stderr, text.stderr) == ("", "")


def test_without_its_packages_the_command_says_in_one_line_what_to_install(
    bare_program: Path, terminal: Terminal
) -> None:
    run = dataclasses.replace(terminal, program=bare_program).run("licenses", "find")

    assert run.stderr == "lockence: click is missing, install it with: pip install click rich\n"
    assert (run.stdout, run.returncode) == ("", 2)


def test_the_library_works_without_them(bare_program: Path) -> None:
    python = bare_program.with_name("python")

    subprocess.run(
        [python, "-I", "-c", "import lockence_client; lockence_client.Client"], check=True
    )


def test_only_the_extra_asks_for_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        needed = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])

    assert {one.split(">")[0].split(";")[0] for one in needed if 'extra == "cli"' in one} == {
        "click",
        "rich",
    }
    assert [one for one in needed if "extra" not in one] == []


def test_completion_is_written_for_each_shell_and_completes(terminal: Terminal) -> None:
    for shell in ("bash", "zsh", "fish"):
        run = terminal.run("completion", shell)
        assert "_LOCKENCE_COMPLETE" in run.stdout, run

    words = {"COMP_WORDS": "lockence licenses su", "COMP_CWORD": "2"}
    completed = terminal.run(_LOCKENCE_COMPLETE="bash_complete", **words)
    assert completed.stdout == "plain,suspend\n"


def test_every_command_has_a_help_text_with_a_verb(terminal: Terminal) -> None:
    groups = ["applications", "policies", "licenses", "devices", "sessions"]

    for group in groups:
        listed = terminal.run(group, "--help").stdout.partition("Commands:\n")[2].splitlines()
        assert len(listed) >= 3, group
        assert all(len(line.split()) > 2 for line in listed), listed


def test_the_commands_of_the_wheel_are_all_there(wheel: Path) -> None:
    here = Path(__file__).resolve().parents[2] / "clients/python/lockence_client"
    files = {str(file.relative_to(here.parent)) for file in here.rglob("*.py")}

    with zipfile.ZipFile(wheel) as archive:
        assert files <= set(archive.namelist()), json.dumps(sorted(files))
