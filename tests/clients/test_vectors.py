"""The test vectors for clients in other languages are what the server signs and what the Python client makes of it."""

import json
from typing import Any

import pytest
from lockence_client import ed25519, verification

from tests.clients import vectors

DOCUMENT = json.loads(vectors.PATH.read_text())


def test_the_file_is_what_the_server_signs() -> None:
    assert vectors.PATH.read_text() == vectors.text()


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: case["name"])
def test_the_python_client_makes_of_each_what_it_must(case: dict[str, Any]) -> None:
    assert judged(case) == case["expected"]


def test_the_python_client_makes_the_same_of_them_without_any_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ed25519, "Ed25519PublicKey", None)

    outcomes = {case["name"]: judged(case) for case in DOCUMENT["cases"]}

    assert outcomes == {case["name"]: case["expected"] for case in DOCUMENT["cases"]}


def judged(case: dict[str, Any]) -> str:
    asked = DOCUMENT["request"]
    request = verification.Request(asked["url"], asked["body"].encode(), asked["nonce"])
    response = verification.Response(case["status"], case["headers"], case["body"].encode())
    try:
        body = verification.verified_body(
            request,
            response,
            public_keys=DOCUMENT["public_keys"],
            instance_keys=DOCUMENT["instance_keys"],
            application_id=DOCUMENT["application_id"],
            now=DOCUMENT["now"],
        )
    except verification.Unverified:
        return "not an answer"
    return "yes" if body["success"] else "no"
