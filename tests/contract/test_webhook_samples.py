"""Every receiver of the handbook, built and run as a reader would: it believes what is signed, and nothing else."""

import base64
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from licensing import handbook, samples, webhook_signatures
from tests.contract.test_samples import Toolchain

RUN_SECONDS_MAX = 100
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret, of other letters").decode()
ID = "019a8f5e-7c1d-7a35-9d52-5f0c1f6f9b52"
BODY = '{"type":"license.suspended","data":{"username":"Zoë 😀\\u0000"}}'

TOOLCHAINS = {
    "python": Toolchain(("python3",), "python3", None, lambda file: [sys.executable, str(file)]),
    "javascript": Toolchain(("node",), "nodejs", None, lambda file: ["node", str(file)]),
    "csharp": Toolchain(
        ("mcs", "mono"),
        "mono-mcs mono-runtime",
        lambda file: ["mcs", "-warnaserror", str(file)],
        lambda file: ["mono", str(file.with_suffix(".exe"))],
    ),
    "go": Toolchain(
        ("go",),
        "golang-go",
        lambda file: ["go", "build", "-o", str(file.with_suffix("")), str(file)],
        lambda file: [str(file.with_suffix(""))],
    ),
    "php": Toolchain(("php",), "php-cli", None, lambda file: ["php", str(file)]),
}


class Receiver:
    """A sample that was built."""

    def __init__(self, language: str, folder: Path) -> None:
        toolchain = TOOLCHAINS[language]
        file = Path(shutil.copy(samples.EVERY_LANGUAGE[language].path("webhook"), folder))
        if toolchain.build:
            said(toolchain.build(file), b"", GOCACHE=str(folder / "cache"), GOFLAGS="-mod=mod")
        self.command = toolchain.command(file)

    def judges(self, *facts: str, body: str = BODY) -> str:
        return said([*self.command, *facts], body.encode())


def said(command: list[str], typed: bytes, **environment: str) -> str:
    run = subprocess.run(
        command,
        input=typed,
        capture_output=True,
        timeout=RUN_SECONDS_MAX,
        env={**os.environ, **environment},
    )
    assert run.stderr == b"", run
    return run.stdout.decode().strip()


@pytest.fixture(scope="module", params=list(TOOLCHAINS))
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Receiver:
    toolchain = TOOLCHAINS[request.param]
    if missing := [program for program in toolchain.programs if not shutil.which(program)]:
        pytest.skip(f"{', '.join(missing)} not found: apt-get install {toolchain.packages}")
    return Receiver(request.param, tmp_path_factory.mktemp(request.param))


def signature(secret: str = SECRET, *, seconds: int = 0, body: str = BODY) -> tuple[str, str]:
    """Timestamp and signature, by the library of Standard Webhooks itself."""
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return str(int(at.timestamp())), Webhook(secret).sign(ID, at, body)


def test_every_language_of_the_page_is_run() -> None:
    assert set(TOOLCHAINS) == set(samples.RECEIVERS)


def test_the_example_on_the_page_is_signed_with_the_secret_beside_it() -> None:
    page = handbook.sources()["how-to/verify-webhooks"].read_text()
    [example] = re.findall(r"^```http Webhook\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    head, _, body = example.partition("\n\n")
    told = dict(re.findall(r"^(webhook-\w+): (.+)$", head, re.MULTILINE))
    [secret] = re.findall(r"`(whsec_\S{10,})`", page)

    at = dt.datetime.fromtimestamp(int(told["webhook-timestamp"]), dt.UTC)
    assert Webhook(secret).sign(told["webhook-id"], at, body) == told["webhook-signature"]


def test_what_is_signed_is_believed(receiver: Receiver) -> None:
    timestamp, told = signature()
    _, other = signature(OTHER_SECRET)

    assert receiver.judges(SECRET, ID, timestamp, told) == "genuine"
    # While the secret is changed, and beside a signature of another kind.
    assert receiver.judges(SECRET, ID, timestamp, f"v1a,AAAA {other} {told}") == "genuine"


def test_what_lockence_signs_is_believed(receiver: Receiver) -> None:
    secret, next_secret = webhook_signatures.new_secret(), webhook_signatures.new_secret()
    keys = [secret, webhook_signatures.new_private_key(), next_secret]
    now = int(time.time())

    told = webhook_signatures.signatures(keys, id=ID, timestamp=now, body=BODY.encode())

    assert receiver.judges(secret, ID, str(now), told) == "genuine"
    assert receiver.judges(next_secret, ID, str(now), told) == "genuine"
    assert receiver.judges(SECRET, ID, str(now), told) == "not genuine"


def test_anything_else_is_not(receiver: Receiver) -> None:
    timestamp, told = signature()
    old, signed_then = signature(seconds=-400)
    coming, signed_early = signature(seconds=400)
    [version, mac] = told.split(",")

    forgeries = {
        "other secret": (OTHER_SECRET, ID, timestamp, told),
        "other id": (SECRET, "019a8f5e", timestamp, told),
        "other time": (SECRET, ID, str(int(timestamp) - 1), told),
        "too old": (SECRET, ID, old, signed_then),
        "of the future": (SECRET, ID, coming, signed_early),
        "no version": (SECRET, ID, timestamp, mac),
        "other version": (SECRET, ID, timestamp, f"v2,{mac}"),
        "cut off": (SECRET, ID, timestamp, told[:-1]),
        "nothing": (SECRET, ID, timestamp, ""),
        "no time": (SECRET, ID, "", told),
        "no number": (SECRET, ID, f"{timestamp}\n", told),
        "long number": (SECRET, ID, "9" * 40, told),
    }
    judged = {name: receiver.judges(*facts) for name, facts in forgeries.items()}

    assert judged == dict.fromkeys(forgeries, "not genuine")
    assert receiver.judges(SECRET, ID, timestamp, told, body=f"{BODY} ") == "not genuine"
    assert version == "v1"
