"""Signed answers, honest and forged, in one JSON file: for whoever writes a client in another language.

`./dev manage shell -c "from tests.clients import vectors; vectors.write()"` writes it anew.
"""

import base64
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
REQUEST = signatures.SignedRequest(
    method="POST",
    authority="lockence.example",
    path="/api/v1/validate",
    content_digest=signatures.content_digest(REQUEST_BODY),
)
REQUEST_FACTS = {field.name for field in dataclasses.fields(REQUEST)}
# Honest metadata may hold anything; nothing in it is the answer's own.
METADATA = {"success": False, "nonce": "A" * 23, "application_id": "", "note": 'Zoë 😀 "\\'}
# The order of the group that Ed25519 signs in (RFC 8032, section 5.1): added to S, it makes a second signature that fits.
_ORDER = 2**252 + 27742317777372353535851937790883648493


@dataclasses.dataclass
class Answer:
    """Headers are a list, as they come: a name that comes twice is one of the attacks."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        [value] = [value for key, value in self.headers if key == name]
        return value

    def set(self, name: str, value: str) -> None:
        self.headers = [(key, value if key == name else old) for key, old in self.headers]

    def remove(self, name: str) -> None:
        self.headers = [pair for pair in self.headers if pair[0] != name]


def vectors() -> dict[str, Any]:
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
            "method": REQUEST.method,
            "url": f"https://{REQUEST.authority}{REQUEST.path}",
            "authority": REQUEST.authority,
            "path": REQUEST.path,
            "content_digest": REQUEST.content_digest,
            "nonce": NONCE,
            "body": REQUEST_BODY.decode(),
        },
        "cases": [
            *(_case(name, answer, "yes") for name, answer in _honest_yeses().items()),
            *(_case(name, answer, "no") for name, answer in _honest_noes().items()),
            *(_case(name, _changed(change)) for name, change in FORGERIES.items()),
            *(_case(name, answer) for name, answer in _of_the_wrong_key().items()),
            *(_case(name, answer) for name, answer in _to_another_question().items()),
            *(_case(name, answer) for name, answer in _that_say_something_else().items()),
        ],
    }


def _honest_yeses() -> dict[str, Answer]:
    return {
        "an honest yes": _answer(200),
        "an honest yes by the next key": _answer(200, key=NEXT),
        "an honest yes with all sorts of metadata": _answer(200, metadata=METADATA),
        "an honest yes with header names in lower case": _changed(_with_lower_case_names),
        "an honest yes by a clock that is five minutes fast": _answer(200, created=NOW + 300),
        "an honest yes by a clock that is five minutes slow": _answer(200, created=NOW - 360),
    }


def _honest_noes() -> dict[str, Answer]:
    return {
        "an honest no": _answer(403, code="license_suspended"),
        "an honest no by the next key": _answer(404, key=NEXT, code="session_ended"),
        "an unknown API key, in the installation's name": _of_the_installation(401),
    }


def _of_the_wrong_key() -> dict[str, Answer]:
    """Answers that an attacker signed with a key of their own, or that were signed with one for something else."""
    return {
        "an answer by anybody's key": _answer(200, key=ANYBODY),
        "an answer by anybody's key under a pinned key's id": _answer(
            200, key=ANYBODY, key_id=_key_id(CURRENT)
        ),
        "the installation's key on a yes": _of_the_installation(200),
        "the installation's key on another no": _of_the_installation(403),
        "the installation's key on a 404": _of_the_installation(404),
        "the installation's key under the application's tag": _answer(200, key=INSTANCE),
        "the installation's key on a 401 under the application's tag": _answer(401, key=INSTANCE),
        "the application's key under the installation's tag": _answer(
            401, tag=signatures.INSTANCE_TAG
        ),
        "anybody's key under the installation's tag": _answer(
            401, key=ANYBODY, tag=signatures.INSTANCE_TAG
        ),
        "an answer for another purpose": _answer(200, tag="lockence-v2"),
    }


def _to_another_question() -> dict[str, Answer]:
    """Answers with the right signature of the right key, to a request that was not this one."""
    return {
        "an answer of an hour ago": _answer(200, created=NOW - 3600),
        "an answer of the next hour": _answer(200, created=NOW + 3600),
        "an answer by a clock that is too fast": _answer(200, created=NOW + 301),
        "an answer by a clock that is too slow": _answer(200, created=NOW - 361),
        "an answer to another path": _answer(200, path="/api/v1/init"),
        "an answer to the path with a slash": _answer(200, path=f"{REQUEST.path}/"),
        "an answer to another host": _answer(200, authority="elsewhere.example"),
        "an answer to another port": _answer(200, authority="lockence.example:8443"),
        "an answer to another method": _answer(200, method="GET"),
        "an answer to another nonce": _answer(200, nonce="A" * 23),
        "an answer to another nonce that tells this one": _answer(
            200, nonce="A" * 23, told_nonce=NONCE
        ),
        "an answer to no nonce": _answer(200, nonce=None),
        "an answer to another request body": _answer(
            200, content_digest=signatures.content_digest(b"{}")
        ),
        "an answer that does not cover the request's body": _answer(200, content_digest=None),
    }


def _that_say_something_else() -> dict[str, Answer]:
    """Answers with the right signature to the right request, whose body belongs to something else."""
    return {
        "an answer of another application": _answer(
            200, application_id="01940000-0000-7000-8000-000000000002"
        ),
        "an answer of no application": _answer(200, application_id=None),
        "a body for another nonce": _answer(200, told_nonce="A" * 23),
        "a body for no nonce": _answer(200, told_nonce=None),
        "a body whose nonce is in the metadata": _answer(
            200, told_nonce=None, metadata={"nonce": NONCE}
        ),
        "a yes in a no": _answer(403, success=True),
        "a yes in a 201": _answer(201, success=True),
        "a no in a yes": _answer(200, success=False),
        "a yes in the installation's 401": _of_the_installation(401, success=True),
        "a yes as a text": _answer(200, success="true"),
        "a body that is no JSON": _answer(200, content=b"<h1>Welcome to our hotel</h1>"),
        "a body that is a list": _answer(200, content=b"[]"),
        "an empty body": _answer(200, content=b""),
    }


def text() -> str:
    return json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    PATH.write_text(text())


def _case(name: str, answer: Answer, expected: str = "not an answer") -> dict[str, Any]:
    return {
        "name": name,
        "status": answer.status,
        "headers": answer.headers,
        "body": answer.body.decode(),
        "expected": expected,
    }


def _body(status: int, **told: Any) -> bytes:
    members = {
        "success": status == 200,
        "code": "ok",
        "message": "Session is valid" if status == 200 else "License disabled",
        "metadata": {},
        "application_id": APPLICATION_ID,
        "nonce": NONCE,
    } | told
    told = {name: value for name, value in members.items() if value is not None}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _answer(
    status: int,
    *,
    key: Ed25519PrivateKey = CURRENT,
    key_id: str = "",
    tag: str = signatures.APPLICATION_TAG,
    created: int = NOW,
    nonce: str | None = NONCE,
    content: bytes | None = None,
    **others: Any,
) -> Answer:
    """Sign an answer to REQUEST; `others` are facts of another request, or what the body tells."""
    asked = {name: others.pop(name) for name in REQUEST_FACTS & others.keys()}
    told = {"nonce": others.pop("told_nonce", nonce), **others}
    body = _body(status, **told) if content is None else content
    fields = signatures.sign(
        signer=signatures.Signer(key_id or _key_id(key), key, tag),
        request=dataclasses.replace(REQUEST, **asked),
        status=status,
        content_type="application/json",
        body=body,
        nonce=nonce,
        created=created,
    )
    return Answer(status, body, [("Content-Type", "application/json"), *fields.items()])


def _of_the_installation(status: int, **told: Any) -> Answer:
    facts = {"code": "invalid_api_key", "message": "Invalid API key", "application_id": None}
    return _answer(status, key=INSTANCE, tag=signatures.INSTANCE_TAG, **(facts | told))


def _key_id(key: Ed25519PrivateKey) -> str:
    return signatures.thumbprint(signatures.public_text(key))


def _changed(change: Callable[[Answer], None]) -> Answer:
    answer = _answer(200)
    change(answer)
    return answer


def _without(name: str) -> Callable[[Answer], None]:
    return lambda answer: answer.remove(name)


def _twice(name: str) -> Callable[[Answer], None]:
    return lambda answer: answer.headers.append((name.lower(), answer.get(name)))


def _with(name: str, value: str) -> Callable[[Answer], None]:
    return lambda answer: answer.set(name, value)


def _with_input(pattern: str, replacement: str) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        before = answer.get("Signature-Input")
        after = re.sub(pattern, replacement, before, count=1)
        assert after != before, pattern
        answer.set("Signature-Input", after)

    return change


def _with_signature(change: Callable[[bytes], bytes]) -> Callable[[Answer], None]:
    def change_field(answer: Answer) -> None:
        before = base64.b64decode(answer.get("Signature").removeprefix("lockence=:")[:-1])
        answer.set("Signature", f"lockence=:{base64.b64encode(change(before)).decode()}:")

    return change_field


def _with_status(status: int) -> Callable[[Answer], None]:
    return lambda answer: setattr(answer, "status", status)


def _with_lower_case_names(answer: Answer) -> None:
    """As HTTP/2 and HTTP/3 have them."""
    answer.headers = [(name.lower(), value) for name, value in answer.headers]


def _with_another_body(answer: Answer) -> None:
    answer.body += b" "


def _with_body_and_digest(answer: Answer) -> None:
    answer.body += b" "
    answer.set("Content-Digest", signatures.content_digest(answer.body))


def _with_another_message(answer: Answer) -> None:
    answer.body = answer.body.replace(b"Session is valid", b"Session is VALID")
    answer.set("Content-Digest", signatures.content_digest(answer.body))


def _with_two_signatures(answer: Answer) -> None:
    for name in ("Signature-Input", "Signature"):
        value = answer.get(name)
        answer.set(name, f"{value}, {value.replace('lockence=', 'other=', 1)}")


def _with_a_signature_more(answer: Answer) -> None:
    value = answer.get("Signature")
    answer.set("Signature", f"{value}, {value.replace('lockence=', 'other=', 1)}")


def _with_another_label(answer: Answer) -> None:
    for name in ("Signature-Input", "Signature"):
        answer.set(name, answer.get(name).replace("lockence=", "sig1=", 1))


def _of_a_captive_portal(answer: Answer) -> None:
    answer.headers = [("Content-Type", "text/html")]
    answer.body = b"<h1>Welcome to our hotel</h1>"


def _of_a_gateway(answer: Answer) -> None:
    _of_a_captive_portal(answer)
    answer.status, answer.body = 502, b"<h1>Bad Gateway</h1>"


def _unsigned_no(answer: Answer) -> None:
    answer.status, answer.body = 403, _body(403, success=False, code="license_revoked")
    answer.headers = [("Content-Type", "application/json")]


def _another_signature_that_fits(signature: bytes) -> bytes:
    number = int.from_bytes(signature[32:], "little") + _ORDER
    return signature[:32] + number.to_bytes(32, "little")


FORGERIES: dict[str, Callable[[Answer], None]] = {
    "a captive portal": _of_a_captive_portal,
    "a gateway's 502": _of_a_gateway,
    "an unsigned no": _unsigned_no,
    "no Signature": _without("Signature"),
    "no Signature-Input": _without("Signature-Input"),
    "no Content-Digest": _without("Content-Digest"),
    "no Content-Type": _without("Content-Type"),
    "Signature twice": _twice("Signature"),
    "Signature-Input twice": _twice("Signature-Input"),
    "Content-Digest twice": _twice("Content-Digest"),
    "Content-Type twice": _twice("Content-Type"),
    "another status": _with_status(403),
    "another body": _with_another_body,
    "another body and its digest": _with_body_and_digest,
    "another body of the same length and its digest": _with_another_message,
    "a digest beyond ASCII": _with("Content-Digest", "sha-256=:é:"),
    "a digest by another algorithm": _with("Content-Digest", "sha-512=:AAAA:"),
    "another content type": _with("Content-Type", "text/html"),
    "another algorithm": _with_input("ed25519", "rsa-v1_5-sha256"),
    "no algorithm": _with_input(';alg="ed25519"', ""),
    "another tag": _with_input("lockence-v1", "lockence-v2"),
    "the installation's tag": _with_input("lockence-v1", "lockence-instance-v1"),
    "another key id": _with_input('keyid="[^"]+"', f'keyid="{_key_id(NEXT)}"'),
    "a later end": _with_input(r"expires=\d+", "expires=9999999999"),
    "a later beginning": _with_input(r"created=\d+", f"created={NOW + 1}"),
    "a beginning that is no number": _with_input(r"created=\d+", "created=?1"),
    "another nonce in the parameters": _with_input('nonce="[^"]+"', f'nonce="{"A" * 23}"'),
    "a parameter more": _with_input("$", ";more=1"),
    "the parameters in another order": _with_input(r";(created=\d+);(expires=\d+)", r";\2;\1"),
    "a component less": _with_input('"@status" ', ""),
    "a component more": _with_input(r"\(", '("date" '),
    "the components in another order": _with_input(
        '"@status" "content-digest"', '"content-digest" "@status"'
    ),
    "a component of the answer instead of the request": _with_input('"@method";req', '"@method"'),
    "two signatures": _with_two_signatures,
    "two signatures for one input": _with_a_signature_more,
    "another label": _with_another_label,
    "a wrong signature": _with_signature(lambda signature: signature[::-1]),
    "another signature that fits": _with_signature(_another_signature_that_fits),
    "a signature of nothing but zeros": _with_signature(lambda signature: bytes(64)),
    "a signature that is too short": _with("Signature", "lockence=:AAAA:"),
    "a signature that is no base64": _with("Signature", f"lockence=:{'?' * 86}==:"),
}
