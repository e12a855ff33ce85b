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


# The server's own rules, for it writes one form only: to a stock library both are license files as good as any.
_OUR_RULES_ALONE = {
    # RFC 7519, section 4.1.3: an audience may be a list.
    "applications in a list",
    # RFC 7515, section 4: a header may hold white space.
    "spaces in the header",
}


def test_a_stock_library_refuses_fifteen_attacks_and_more() -> None:
    attacks = {name for name, _, expected in CASES if expected != "grants"}

    assert len(attacks - _OUR_RULES_ALONE) >= 15
    assert attacks - _OUR_RULES_ALONE >= {
        "algorithm none, no signature",
        "another key",
        "another application's",
        "another device's",
        "another type",
        "ended a second ago",
        "not yet valid",
    }


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[name for name, *_ in CASES])
def test_the_client_makes_of_each_what_it_must(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    assert judged(text) == expected
    monkeypatch.setattr(ed25519, "Ed25519PublicKey", None)
    assert judged(text) == expected


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[name for name, *_ in CASES])
def test_a_stock_library_makes_the_same_of_them(name: str, text: str, expected: str) -> None:
    assert judged_by_joserfc(text) == ("grants" if name in _OUR_RULES_ALONE else expected)


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
    try:
        token = jwt.decode(text, keys, algorithms=["EdDSA"])
        _HEADER.validate(token.header)
        _CLAIMS.validate(token.claims)
        _END.validate({"exp": token.claims["exp"]})
    except JoseError:
        return "not a license file"
    return "grants"


_HEADER = jwt.BaseClaimsRegistry(
    typ={"essential": True, "value": "license+jwt"}, kid={"essential": True}
)
_CLAIMS = jwt.JWTClaimsRegistry(
    now=DOCUMENT["now"],
    leeway=license_file.CLOCK_TOLERANCE_SECONDS,
    iss={"essential": True, "value": vectors.CLAIMS["iss"]},
    aud={"essential": True, "value": DOCUMENT["application_id"]},
    device={"essential": True, "value": vectors.device(DOCUMENT["hwid"])},
    exp={"essential": True},
    nbf={"essential": True},
    iat={"essential": True},
)
# The library's tolerance is for either end, and none of ours prolongs a file.
_END = jwt.JWTClaimsRegistry(now=DOCUMENT["now"], leeway=0)
