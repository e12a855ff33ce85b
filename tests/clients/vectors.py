"""Signed answers, honest and forged, in one JSON file: for whoever writes a client in another language.

`./dev manage shell -c "from tests.clients import vectors; vectors.write()"` writes it anew.
"""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing import signatures

PATH = Path(__file__).resolve().parents[2] / "clients" / "test-vectors.json"

# 2027-01-01T00:00:00Z. Keys of which every byte is the same are nobody's.
NOW = 1_798_761_600
CURRENT, NEXT, INSTANCE, ANYBODY = (
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2, 3, 4)
)
APPLICATION_ID = "01940000-0000-7000-8000-000000000001"
NONCE = "dGVzdC12ZWN0b3Itbm9uY2U"
REQUEST_BODY = json.dumps({"api_key": "lck_pk_EXAMPLE", "nonce": NONCE}).encode()


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


def vectors() -> dict[str, Any]:
    cases = [
        _case("an honest yes", _answer(200), "yes"),
        _case("an honest yes by the next key", _answer(200, key=NEXT), "yes"),
        _case("an honest no", _answer(403, code="license_suspended"), "no"),
        _case("an unknown API key, in the installation's name", _unknown_api_key(), "no"),
        *(_case(name, _changed(change), "not an answer") for name, change in FORGERIES.items()),
        _case("an answer by anybody's key", _answer(200, key=ANYBODY), "not an answer"),
        _case(
            "the installation's key on a yes",
            _answer(200, key=INSTANCE, tag=signatures.INSTANCE_TAG),
            "not an answer",
        ),
        _case(
            "the installation's key under the application's tag",
            _answer(200, key=INSTANCE),
            "not an answer",
        ),
        _case("an answer of an hour ago", _answer(200, created=NOW - 3600), "not an answer"),
        _case("an answer of the next hour", _answer(200, created=NOW + 3600), "not an answer"),
        _case("an answer to another path", _answer(200, path="/api/v1/init"), "not an answer"),
        _case(
            "an answer to another host",
            _answer(200, authority="elsewhere.example"),
            "not an answer",
        ),
        _case("an answer to another nonce", _answer(200, nonce="A" * 23), "not an answer"),
        _case("an answer to no nonce", _answer(200, nonce=None), "not an answer"),
        _case(
            "an answer to another request body",
            _answer(200, content_digest=signatures.content_digest(b"{}")),
            "not an answer",
        ),
        _case(
            "an answer that does not cover the request's body",
            _answer(200, content_digest=None),
            "not an answer",
        ),
        _case(
            "an answer of another application",
            _answer(200, application_id="01940000-0000-7000-8000-000000000002"),
            "not an answer",
        ),
    ]
    return {
        "about": (
            "Every case is an answer to the same request. `expected` is what a client must make of it: "
            "yes, no, or not an answer."
        ),
        "now": NOW,
        "application_id": APPLICATION_ID,
        "public_keys": [signatures.public_text(key) for key in (CURRENT, NEXT)],
        "instance_keys": [signatures.public_text(INSTANCE)],
        "request": {
            "method": "POST",
            "url": "https://lockence.example/api/v1/validate",
            "content_digest": signatures.content_digest(REQUEST_BODY),
            "nonce": NONCE,
            "body": REQUEST_BODY.decode(),
        },
        "cases": cases,
    }


def text() -> str:
    return json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    PATH.write_text(text())


def _case(name: str, answer: Answer, expected: str) -> dict[str, Any]:
    return {
        "name": name,
        "status": answer.status,
        "headers": answer.headers,
        "body": answer.body.decode(),
        "expected": expected,
    }


def _answer(
    status: int,
    key: Ed25519PrivateKey = CURRENT,
    tag: str = signatures.APPLICATION_TAG,
    code: str = "ok",
    created: int = NOW,
    nonce: str | None = NONCE,
    application_id: str | None = APPLICATION_ID,
    **request: Any,
) -> Answer:
    members = {"success": status == 200, "code": code, "message": "Session is valid"}
    body = {**members, "application_id": application_id, "nonce": nonce}
    told = {name: value for name, value in body.items() if value is not None}
    content = json.dumps(told, separators=(",", ":")).encode()
    facts = {
        "method": "POST",
        "authority": "lockence.example",
        "path": "/api/v1/validate",
        "content_digest": signatures.content_digest(REQUEST_BODY),
    }
    fields = signatures.sign(
        signer=signatures.Signer(signatures.thumbprint(signatures.public_text(key)), key, tag),
        request=signatures.SignedRequest(**{**facts, **request}),
        status=status,
        content_type="application/json",
        body=content,
        nonce=nonce,
        created=created,
    )
    return Answer(status, content, {"Content-Type": "application/json", **fields})


def _unknown_api_key() -> Answer:
    return _answer(
        401,
        key=INSTANCE,
        tag=signatures.INSTANCE_TAG,
        code="invalid_api_key",
        application_id=None,
    )


def _changed(change: Callable[[Answer], None]) -> Answer:
    answer = _answer(200)
    change(answer)
    return answer


def _without(name: str) -> Callable[[Answer], None]:
    return lambda answer: answer.headers.pop(name) and None


def _with_input(pattern: str, replacement: str) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        before = answer.headers["Signature-Input"]
        answer.headers["Signature-Input"] = re.sub(pattern, replacement, before, count=1)

    return change


def _with_status(status: int) -> Callable[[Answer], None]:
    return lambda answer: setattr(answer, "status", status)


def _with_another_body(answer: Answer) -> None:
    answer.body += b" "


def _with_body_and_digest(answer: Answer) -> None:
    answer.body += b" "
    answer.headers["Content-Digest"] = signatures.content_digest(answer.body)


def _with_two_signatures(answer: Answer) -> None:
    for name in ("Signature-Input", "Signature"):
        value = answer.headers[name]
        answer.headers[name] = f"{value}, {value.replace('lockence=', 'other=', 1)}"


FORGERIES: dict[str, Callable[[Answer], None]] = {
    "no Signature": _without("Signature"),
    "no Signature-Input": _without("Signature-Input"),
    "no Content-Digest": _without("Content-Digest"),
    "another status": _with_status(403),
    "another body": _with_another_body,
    "another body and its digest": _with_body_and_digest,
    "another content type": lambda answer: answer.headers.update({"Content-Type": "text/html"}),
    "another algorithm": _with_input("ed25519", "rsa-v1_5-sha256"),
    "another tag": _with_input("lockence-v1", "lockence-v2"),
    "a later end": _with_input(r"expires=\d+", "expires=9999999999"),
    "a component less": _with_input('"@status" ', ""),
    "two signatures": _with_two_signatures,
}
