"""What license files are worth: to the Python client, to a stock JOSE library, and by the vectors for all other languages."""

import json

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from lockence_client import ed25519, license_file

from tests.clients import license_files as vectors

DOCUMENT = json.loads(vectors.PATH.read_text())
CASES = [(case["name"], case["license_file"], case["expected"]) for case in DOCUMENT["cases"]]


def test_the_vectors_are_what_this_makes_of_them() -> None:
    assert vectors.PATH.read_text() == vectors.text()


def test_there_are_fifteen_attacks_and_more() -> None:
    attacks = {name for name, _, expected in CASES if expected != "grants"}

    # Those that a stock library refuses as well are enough.
    assert len(attacks - _FORGIVEN) >= 15
    assert attacks - _FORGIVEN >= {
        "algorithm none, no signature",
        "another key",
        "another application's",
        "another device's",
        "ended a second ago",
    }


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[name for name, *_ in CASES])
def test_the_client_makes_of_each_what_it_must(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    assert judged(text) == expected
    monkeypatch.setattr(ed25519, "Ed25519PublicKey", None)
    assert judged(text) == expected


# What the library has no opinion of, because it is the server's own rule to write one form only; or forgives on purpose.
_FORGIVEN = {
    "no type",
    "another type",
    "no key id",
    "spaces in the header",
    "applications in a list",
    "a clock that is two minutes slow",
    "a signature in another form",
    "a header twice",
    "padding",
    "a line feed behind",
    "our id, another key brought along",
}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [case for case in CASES if case[0] not in _FORGIVEN],
    ids=[name for name, *_ in CASES if name not in _FORGIVEN],
)
def test_a_stock_library_makes_the_same_of_them(name: str, text: str, expected: str) -> None:
    assert judged_by_joserfc(text) == expected


def test_a_claim_that_comes_twice_is_refused() -> None:
    twice = vectors.written(vectors.CLAIMS)[:-1] + b',"exp":9999999999}'

    text = vectors.signed(vectors.OURS, vectors.written(vectors.head()), twice)

    assert judged(text) == "not a license file"


def test_texts_without_end_are_refused_at_once() -> None:
    for text in ("." * 10_000_000, "A" * 10_000_000, "é.é.é", "\ud800.a.b", "a.b.c"):
        assert judged(text) == "not a license file"


def judged(text: str) -> str:
    try:
        license_file.verified_claims(
            text,
            public_keys=DOCUMENT["public_keys"],
            application_id=DOCUMENT["application_id"],
            hwid=DOCUMENT["hwid"],
            now=DOCUMENT["now"],
        )
    except license_file.NotALicenseFile:
        return "not a license file"
    return "grants"


def judged_by_joserfc(text: str) -> str:
    keys = KeySet(
        [
            OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key, "kid": keyid})
            for key, keyid in zip(
                DOCUMENT["public_keys"],
                (vectors.keyid(vectors.OURS), vectors.keyid(vectors.NEXT)),
                strict=True,
            )
        ]
    )
    demanded = jwt.JWTClaimsRegistry(
        now=DOCUMENT["now"],
        leeway=0,
        aud={"essential": True, "value": DOCUMENT["application_id"]},
        device={"essential": True, "value": vectors.device(DOCUMENT["hwid"])},
        exp={"essential": True},
    )
    try:
        token = jwt.decode(text, keys, algorithms=["EdDSA"])
        demanded.validate(token.claims)
    except (JoseError, ValueError):
        return "not a license file"
    return "grants"
