"""Every verifier of the handbook, run as a reader would run it: on honest and forged answers, and on one of a real server."""

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing import handbook, samples, signatures
from licensing.models import License
from tests import factories
from tests.clients import vectors
from tests.contract.test_samples import Toolchain
from tests.servers import Server

RUN_SECONDS_MAX = 100
NONCE = "0123456789abcdef"


TOOLCHAINS = {
    "python": Toolchain(("python3",), "python3", None, lambda file: [sys.executable, str(file)]),
    "csharp": Toolchain(
        ("mcs", "mono"),
        "mono-mcs mono-runtime libmono-system-numerics4.0-cil libmono-system-runtime-serialization4.0-cil "
        "libmono-system-xml-linq4.0-cil",
        lambda file: [
            *("mcs", "-warnaserror", "-r:System.Numerics", "-r:System.Runtime.Serialization"),
            *("-r:System.Xml", "-r:System.Xml.Linq", str(file), str(file.with_name("ed25519.cs"))),
        ],
        lambda file: ["mono", str(file.with_suffix(".exe"))],
    ),
    "cpp": Toolchain(
        ("g++",),
        "g++ libssl-dev",
        lambda file: [
            *("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", str(file)),
            *("-lcrypto", "-o", str(file.with_suffix(""))),
        ],
        lambda file: [str(file.with_suffix(""))],
    ),
    "javascript": Toolchain(("node",), "nodejs", None, lambda file: ["node", str(file)]),
    "curl": Toolchain(("sh", "jq", "openssl"), "jq openssl", None, lambda file: ["sh", str(file)]),
}


# What a language lacks, and both of its verifiers need.
BESIDE = {"csharp": ["ed25519.cs"], "cpp": ["json.hpp"]}


class Verifier:
    """A verifier that was built: `outcomes` are what it makes of each case of a file of vectors."""

    def __init__(self, language: str, folder: Path, sample: str = "verify") -> None:
        toolchain = TOOLCHAINS[language]
        if missing := [program for program in toolchain.programs if not shutil.which(program)]:
            pytest.skip(f"{', '.join(missing)} not found: apt-get install {toolchain.packages}")
        source = samples.LANGUAGES[language].path(sample)
        file = Path(shutil.copy(source, folder))
        for name in BESIDE.get(language, ()):
            shutil.copy(source.with_name(name), folder)
        if toolchain.build:
            said(toolchain.build(file))
        self.command = toolchain.command(file)

    def outcomes(self, file: Path) -> dict[str, str]:
        lines = said([*self.command, str(file)]).splitlines()
        return dict(line.split("\t") for line in lines)


def said(command: list[str]) -> str:
    run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=RUN_SECONDS_MAX)
    assert (run.returncode, run.stderr) == (0, ""), run
    return run.stdout


@pytest.fixture(scope="module", params=list(TOOLCHAINS))
def verifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    return Verifier(request.param, tmp_path_factory.mktemp(request.param))


def test_every_language_of_the_handbook_has_a_verifier() -> None:
    assert list(TOOLCHAINS) == list(samples.LANGUAGES)


def test_a_verifier_makes_of_each_answer_what_it_must(verifier: Verifier) -> None:
    cases = json.loads(vectors.PATH.read_text())["cases"]

    outcomes = verifier.outcomes(vectors.PATH)

    assert outcomes == {case["name"]: case["expected"] for case in cases}


@pytest.mark.django_db(transaction=True)
def test_a_verifier_believes_a_real_server(
    server: Server, verifier: Verifier, tmp_path: Path
) -> None:
    license = factories.make_license(username="Zoë", metadata={"plan": 'pro "\\ 😀'})
    key = license.reveal()
    let_in = exchange(server, license, license_key=key, hwid="device-1")
    refused = exchange(server, license, license_key="wrong", hwid="device-1")
    mixed_up = let_in | {"cases": refused["cases"]}

    outcomes = []
    for document in (let_in, refused, mixed_up):
        file = tmp_path / "exchange.json"
        file.write_text(json.dumps(document))
        outcomes.append(verifier.outcomes(file))

    assert outcomes == [{"200": "yes"}, {"404": "no"}, {"404": "not an answer"}]


def exchange(server: Server, license: License, **fields: str) -> dict[str, Any]:
    """Call `init` as the page says, and return request and answer as the vectors have them."""
    application = license.application
    facts = {"api_key": factories.api_key_of(application), "nonce": NONCE, **fields}
    body = json.dumps(facts).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Digest": signatures.content_digest(body),
    }
    response = server.request("POST", "/api/v1/init", body, headers)
    return {
        "now": int(time.time()),
        "application_id": str(application.pk),
        "public_keys": [
            application.signing_keys.get(state=state).public_key for state in ("current", "next")
        ],
        "instance_keys": [],
        "request": {
            "method": "POST",
            "authority": f"127.0.0.1:{server.port}",
            "path": "/api/v1/init",
            "nonce": NONCE,
            "body": body.decode(),
        },
        "cases": [
            {
                "name": str(response.status_code),
                "status": response.status_code,
                "headers": response.headers.items(),
                "body": response.content.decode(),
            }
        ],
    }


# The example of the page


def test_the_example_is_the_first_of_the_vectors_byte_for_byte() -> None:
    document = json.loads(vectors.PATH.read_text())
    asked, answer = document["request"], document["cases"][0]
    told = dict(answer["headers"])

    assert block("http Request") == (
        "POST /api/v1/validate HTTP/1.1\n"
        "Host: lockence.example\n"
        "Content-Type: application/json\n"
        f"Content-Digest: {asked['content_digest']}\n"
        f"Content-Length: {len(asked['body'].encode())}\n"
        "\n"
        f"{asked['body']}"
    )
    assert block("http Answer") == (
        "HTTP/1.1 200 OK\n"
        f"Content-Type: {told['Content-Type']}\n"
        f"Content-Digest: {told['Content-Digest']}\n"
        f"Signature-Input: {told['Signature-Input']}\n"
        f"Signature: {told['Signature']}\n"
        f"Content-Length: {len(answer['body'].encode())}\n"
        "\n"
        f"{answer['body']}"
    )
    assert block("text Public key") == document["public_keys"][0]


def test_the_signature_base_on_the_page_is_what_was_signed() -> None:
    answer = block("http Answer")
    signature = re.search("Signature: lockence=:(.+):", answer)
    parameters = re.search("Signature-Input: lockence=(.+)", answer)
    assert signature
    assert parameters
    key = base64.urlsafe_b64decode(block("text Public key") + "=")

    # Raises InvalidSignature when a single byte is another.
    Ed25519PublicKey.from_public_bytes(key).verify(
        base64.b64decode(signature[1]), block("text Signature base").encode()
    )

    assert block("text Signature base").endswith(f'"@signature-params": {parameters[1]}')


def test_the_page_demands_what_the_server_signs() -> None:
    components, parameters = (
        re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)
        for part in page().split("## How a signature is made")[1].split("and these parameters")
    )

    covered, told = block("text Signature base").rpartition("(")[2].split(")")
    assert components == covered.split()
    assert parameters == [part.partition("=")[0] for part in told.split(";")[1:]]


def page() -> str:
    return handbook.sources()["how-to/verify-answers"].read_text()


def block(info: str) -> str:
    """The code block that begins with these words, without the line feed that ends its last line."""
    found = re.search(rf"^```{info}\n(.*?)\n```$", page(), re.MULTILINE | re.DOTALL)
    assert found, info
    return found[1]
