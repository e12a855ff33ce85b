"""Every sample of the handbook and every snippet of the dashboard, run against a real server as a reader would run it."""

import contextlib
import dataclasses
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from licensing import handbook, licenses, samples
from licensing.events import SYSTEM
from licensing.models import License, Session
from tests import factories
from tests.servers import Server

TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
RUN_SECONDS_MAX = 60
MONO_SECONDS_MAX = 25
RETRY_AFTER_SECONDS = 1
Run = subprocess.CompletedProcess[str]


@dataclasses.dataclass(frozen=True)
class Toolchain:
    """What a reader needs to run a sample, how they build it, and how they start what was built."""

    programs: tuple[str, ...]
    packages: str
    build: Callable[[Path], list[str]] | None
    command: Callable[[Path], list[str]]


TOOLCHAINS = {
    "python": Toolchain(("python3",), "python3", None, lambda file: [sys.executable, str(file)]),
    "csharp": Toolchain(
        ("mcs", "mono"),
        "mono-mcs mono-runtime libmono-system-net-http4.0-cil "
        "libmono-system-runtime-serialization4.0-cil",
        lambda file: [
            *("mcs", "-warnaserror", "-r:System.Net.Http", "-r:System.Runtime.Serialization"),
            str(file),
        ],
        lambda file: ["mono", str(file.with_suffix(".exe"))],
    ),
    "cpp": Toolchain(
        ("g++", "curl-config"),
        "g++ libcurl4-openssl-dev",
        lambda file: [
            *("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", str(file)),
            *("-lcurl", "-o", str(file.with_suffix(""))),
        ],
        lambda file: [str(file.with_suffix(""))],
    ),
    "javascript": Toolchain(("node",), "nodejs", None, lambda file: ["node", str(file)]),
    "curl": Toolchain(("sh", "curl"), "curl", None, lambda file: ["sh", str(file)]),
}


class StandIn(http.server.ThreadingHTTPServer):
    """Takes the place of Lockence, and notes what it is asked; `answer_with` decides what comes back."""

    def __init__(self, answer_with: Callable[[list[str]], tuple[int, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _StandInHandler)
        self.answer_with = answer_with
        self.calls: list[str] = []
        self.bodies: list[dict[str, str]] = []
        self.times: list[float] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _StandInHandler(http.server.BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        self.server.times.append(time.monotonic())
        self.server.calls.append(self.path.rpartition("/")[2])
        status, answer = self.server.answer_with(self.server.calls)
        self.send_response(status)
        self.send_header("Retry-After", str(RETRY_AFTER_SECONDS))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def standing_in(answer_with: Callable[[list[str]], tuple[int, str]]) -> Iterator[StandIn]:
    with StandIn(answer_with) as stand_in:
        threading.Thread(target=stand_in.serve_forever, daemon=True).start()
        yield stand_in
        stand_in.shutdown()


class Workshop:
    """Builds code and runs it, each complete program built once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complete: dict[str, list[str]] = {}

    def run(self, code: str, language: str) -> str:
        """Run code as it would be pasted, and return what it says."""
        file = (
            Path(tempfile.mkdtemp(dir=self.folder)) / f"sample{samples.LANGUAGES[language].suffix}"
        )
        file.write_text(code)
        run = ended(started(self._built(file, language)))
        assert (run.returncode, run.stderr) == (0, ""), run
        return run.stdout

    def start_complete(self, language: str, **environment: str) -> subprocess.Popen[str]:
        if language not in self.complete:
            source = samples.LANGUAGES[language].path("complete")
            file = Path(shutil.copy(source, self.folder))
            self.complete[language] = self._built(file, language)
        return started(self.complete[language], **environment)

    def run_complete(
        self, language: str, url: str, license: License, typed: str = "", **environment: str
    ) -> Run:
        facts = {
            "LOCKENCE_URL": url,
            "LOCKENCE_API_KEY": factories.api_key_of(license.application),
            "LOCKENCE_LICENSE_KEY": license.reveal(),
            "LOCKENCE_HWID": "a device",
        }
        return ended(self.start_complete(language, **(facts | environment)), typed)

    def _built(self, file: Path, language: str) -> list[str]:
        toolchain = TOOLCHAINS[language]
        if toolchain.build:
            build = toolchain.build(file)
            built = subprocess.run(build, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
            assert built.returncode == 0, built.stdout + built.stderr
        return toolchain.command(file)


def started(command: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        # What a reader's machine may have set is not asked here.
        # Whatever a program leaves behind, it leaves in the place for such things.
        cwd=tempfile.gettempdir(),
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], typed: str = "") -> Run:
    """Wait until a program is done, and return what it said."""
    mono = process.args[0] == "mono"
    try:
        said, complaint = process.communicate(
            typed, timeout=MONO_SECONDS_MAX if mono else RUN_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        if not mono:
            raise
        # Its work done, Mono 6 rarely hangs in its own shutdown on a busy machine. What it said counts.
        process.kill()
        said, complaint = process.communicate()
        return Run(process.args, 1 if complaint else 0, said, complaint)
    return Run(process.args, process.returncode, said, complaint)


def missing_programs(language: str) -> list[str]:
    return [program for program in TOOLCHAINS[language].programs if not shutil.which(program)]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("samples"))


@pytest.fixture(params=list(TOOLCHAINS))
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if missing := missing_programs(name):
        packages = TOOLCHAINS[name].packages
        pytest.skip(f"{', '.join(missing)} not found: apt-get install {packages}")
    return name


@pytest.fixture
def license(transactional_db: None) -> License:
    return factories.make_license(username="Ada")


@pytest.fixture(scope="module")
def silenced(workshop: Workshop) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Every complete program, all at once, against a gateway that has lost its Lockence: each waits some seconds."""
    with contextlib.ExitStack() as cleanup:
        gateway = cleanup.enter_context(standing_in(lambda calls: (502, "<h1>Bad Gateway</h1>")))
        facts = {"LOCKENCE_URL": gateway.url, "LOCKENCE_LICENSE_KEY": "A", "LOCKENCE_HWID": "B"}
        processes = {
            language: workshop.start_complete(language, **facts)
            for language in TOOLCHAINS
            if not missing_programs(language)
        }
        for process in processes.values():
            cleanup.enter_context(process)
            cleanup.callback(process.kill)
        yield processes


def test_every_language_of_the_handbook_is_run() -> None:
    assert list(TOOLCHAINS) == list(samples.LANGUAGES)


def test_the_snippet_and_the_samples_of_each_call_work_one_after_the_other(
    server: Server, license: License, workshop: Workshop, language: str
) -> None:
    values = {
        samples.SITE_URL: server.url,
        samples.API_KEY: factories.api_key_of(license.application),
    }

    welcome = workshop.run(snippet_of(language, license, server.url), language)
    [values[samples.SESSION_TOKEN]] = TOKEN.findall(welcome.partition('"license"')[0])
    pages = factories.make_entitlement(license.application, "pages", "metered")
    factories.grant(license, pages, 100)
    validated, alive, used, goodbye = (
        workshop.run(sample_of(language, call, values), language)
        for call in ("validate", "heartbeat", "consume", "logout")
    )

    session = Session.objects.get()
    assert "Ada" in welcome
    assert re.search(TIME, validated)
    assert f"{session.expires_at:%Y-%m-%dT%H:%M:%SZ}" in alive
    assert "300" in alive
    assert "99" in used
    assert pages.usage.get().used == 1
    assert "Logged out" in goodbye
    assert session.ended_reason == Session.EndedReason.LOGOUT


def test_a_refused_call_tells_why(
    server: Server, license: License, workshop: Workshop, language: str
) -> None:
    licenses.suspend_license(license=license, actor=SYSTEM)
    values = {
        samples.SITE_URL: server.url,
        samples.API_KEY: factories.api_key_of(license.application),
    }

    assert "license_suspended" in workshop.run(snippet_of(language, license, server.url), language)
    # No session has the token that stands in the sample.
    assert "session_not_found" in workshop.run(sample_of(language, "validate", values), language)


def test_a_snippet_hands_over_whatever_a_key_holds(workshop: Workshop, language: str) -> None:
    odd = "a\"b'c\\d$(id)`id`é😀\u2028\u0085\n\t\x01%s{0}??/0*/#lck_pk_YOUR_API_KEY"

    with standing_in(lambda calls: (401, '{"success":false,"code":"x","message":"y"}')) as stand_in:
        snippet = handbook.snippet(language, api_key=odd, license_key=odd, url=stand_in.url)
        workshop.run(snippet.text, language)

    [body] = stand_in.bodies
    assert body == {"api_key": odd, "license_key": odd, "hwid": "my-first-device"}


def test_the_complete_program_signs_in_and_says_goodbye(
    server: Server, license: License, workshop: Workshop, language: str
) -> None:
    run = workshop.run_complete(language, server.url, license)

    said = f"Welcome, Ada\nValid until {TIME}\nAlive until {TIME}\nLogged out\n"
    assert re.fullmatch(said, run.stdout), run
    assert (run.returncode, run.stderr) == (0, "")
    assert Session.objects.get().ended_reason == Session.EndedReason.LOGOUT


def test_the_complete_program_recognises_its_machine_and_asks_for_the_key(
    server: Server, license: License, workshop: Workshop, language: str
) -> None:
    nothing_set = {"LOCKENCE_LICENSE_KEY": "", "LOCKENCE_HWID": ""}
    typed = f"{license.reveal()}\n"

    runs = [
        workshop.run_complete(language, server.url, license, typed, **nothing_set) for _ in range(2)
    ]

    assert all(run.stdout.startswith("License key: ") for run in runs), runs
    assert [run.returncode for run in runs] == [0, 0], runs
    assert license.devices.count() == 1


@pytest.mark.parametrize("code", ["license_suspended", "hwid_mismatch", "license_not_found"])
def test_the_complete_program_acts_on_the_code_of_a_refusal(
    server: Server, license: License, workshop: Workshop, language: str, code: str
) -> None:
    environment = {}
    if code == "license_suspended":
        licenses.suspend_license(license=license, actor=SYSTEM)
    elif code == "hwid_mismatch":
        factories.open_session(license, "another device")
    else:
        environment["LOCKENCE_LICENSE_KEY"] = "typed-wrong"

    run = workshop.run_complete(language, server.url, license, **environment)

    assert run.stdout == f"Refused: {code}\n", run
    assert run.stderr.strip() in samples.LANGUAGES["python"].path("complete").read_text()
    assert run.returncode == 1


def test_the_complete_program_asks_again_when_the_service_is_busy(
    license: License, workshop: Workshop, language: str
) -> None:
    answer = json.dumps(
        {
            "success": True,
            "message": "Logged out",
            "session_token": "6f1c2a0e-8f0b-4c58-9d07-3a0f6f1f9b52",
            "username": "",
            "metadata": {"success": False, "code": "not mine", "username": "not mine"},
            "expires_at": "2026-03-01T12:00:00Z",
        },
        separators=(",", ":"),
    )

    busy = '{"success":false,"code":"temporarily_unavailable","message":"Try again"}'
    with standing_in(lambda calls: (200, answer) if calls[1:] else (503, busy)) as stand_in:
        run = workshop.run_complete(language, stand_in.url, license)

    assert stand_in.calls == ["init", "init", "validate", "heartbeat", "logout"], run
    assert stand_in.times[1] - stand_in.times[0] > RETRY_AFTER_SECONDS - 0.05
    assert run.stdout.startswith("Welcome, customer\n"), run
    assert run.returncode == 0


def test_the_complete_program_does_not_take_silence_for_a_no(
    silenced: dict[str, subprocess.Popen[str]], language: str
) -> None:
    run = ended(silenced[language])

    assert "Could not ask" in run.stderr
    assert "Refused" not in run.stdout
    assert run.returncode == 1


def snippet_of(language: str, license: License, url: str) -> str:
    snippet = handbook.snippet(
        language,
        api_key=factories.api_key_of(license.application),
        license_key=license.reveal(),
        url=url,
    )
    return snippet.text


def sample_of(language: str, call: str, values: dict[str, str]) -> str:
    return samples.read_sample(samples.LANGUAGES[language], call, values).text
