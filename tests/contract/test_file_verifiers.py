"""Every verifier of license files of the handbook, run as a reader would run it: on good files, on forged ones, and on a server's own."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from licensing import samples
from licensing.models import License
from tests import factories
from tests.api.runtime.conftest import Program
from tests.clients import license_files
from tests.contract.test_verifiers import TOOLCHAINS, Verifier

HWID = "Zoës 'Rechner' \"1\" \\ 🖥"
THREE_DAYS = 3 * 86_400


@pytest.fixture(scope="module", params=list(TOOLCHAINS))
def verifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    return Verifier(request.param, tmp_path_factory.mktemp(request.param), "verify_file")


def test_a_verifier_makes_of_each_file_what_it_must(verifier: Verifier) -> None:
    cases = json.loads(license_files.PATH.read_text())["cases"]

    outcomes = verifier.outcomes(license_files.PATH)

    assert outcomes == {case["name"]: case["expected"] for case in cases}


@pytest.fixture
def license(db: None) -> License:
    metadata = {"plan": 'pro "\\ 😀', "exp": 9_999_999_999, "aud": "another", "text": "x" * 12_000}
    return factories.make_license(username="Zoë", metadata=metadata)


def test_a_verifier_believes_a_file_of_the_server_here_and_now_alone(
    license: License, verifier: Verifier, tmp_path: Path
) -> None:
    ours = handed_out(license)
    foreign = handed_out(factories.make_license())
    documents = {
        "ours": ours,
        "on another device": ours | {"hwid": HWID + " "},
        "in another application": ours | {"application_id": foreign["application_id"]},
        "of an application that is not ours": ours | {"cases": foreign["cases"]},
        "with no key pinned": ours | {"public_keys": []},
        "with other keys pinned": ours | {"public_keys": foreign["public_keys"]},
        "before it begins, by a clock slow within reason": ours | {"now": ours["now"] - 240},
        "before it begins": ours | {"now": ours["now"] - 360},
        "shortly before its end": ours | {"now": ours["now"] + THREE_DAYS - 60},
        "after its end": ours | {"now": ours["now"] + THREE_DAYS + 1},
    }

    granting = []
    for name, document in documents.items():
        file = tmp_path / "handed-out.json"
        file.write_text(json.dumps(document))
        if verifier.outcomes(file) == {"handed out": "grants"}:
            granting.append(name)

    assert granting == [
        "ours",
        "before it begins, by a clock slow within reason",
        "shortly before its end",
    ]


def handed_out(license: License) -> dict[str, Any]:
    """What a device gets from `init`, as the vectors have it."""
    answer = Program(Client(), license, HWID).init().json()
    return {
        "now": int(time.time()),
        "application_id": str(license.application_id),
        "hwid": HWID,
        "public_keys": [
            license.application.signing_keys.get(state=state).public_key
            for state in ("current", "next")
        ],
        "cases": [{"name": "handed out", "license_file": answer["license_file"]}],
    }


def test_a_verifier_forgives_nothing_around_a_file(verifier: Verifier, tmp_path: Path) -> None:
    forms = (
        "{}",
        "{} ",
        " {}",
        "{}\n",
        "{}\r\n",
        "\ufeff{}",
        "{}.",
        ".{}",
        "{}\0",
        "{}é",
        "{}A",
        "{}====",
    )
    good = license_files.file()

    granting = granted(verifier, {repr(form): form.format(good) for form in forms}, tmp_path)

    assert granting == {"'{}'"}


def test_a_verifier_knows_an_end_in_whole_seconds_alone(verifier: Verifier, tmp_path: Path) -> None:
    whole = license_files.NOW + 1
    ends = (whole, whole + 0.5, True, None, [whole], {"at": whole}, "", -whole)

    files = {str(end): license_files.file(exp=end) for end in ends}

    assert granted(verifier, files, tmp_path) == {str(whole)}


def granted(verifier: Verifier, files: dict[str, str], folder: Path) -> set[str]:
    """The names of those files that let the device of the vectors run at their moment."""
    vectors = json.loads(license_files.PATH.read_text())
    cases = [{"name": name, "license_file": file} for name, file in files.items()]
    document = folder / "files.json"
    document.write_text(json.dumps(vectors | {"cases": cases}))
    outcomes = verifier.outcomes(document)
    assert list(outcomes) == list(files)
    return {name for name, outcome in outcomes.items() if outcome == "grants"}


def test_no_verifier_is_longer_than_somebody_reads() -> None:
    paths = [language.path("verify_file") for language in samples.LANGUAGES.values()]
    paths += [samples.LANGUAGES["csharp"].path("ed25519")]

    lengths = {
        str(path.relative_to(samples.SAMPLES_DIR)): len(path.read_text().splitlines())
        for path in paths
    }

    assert {name: length for name, length in lengths.items() if length > 100} == {}
