"""Tell whether an answer is Lockence's own, and to this very request. It needs `pip install cryptography`.

Put `verified` into your program. To try it on answers that are honest and on answers that are not:
python verify.py test-vectors.json
"""

import base64
import hashlib
import hmac
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CLOCK_TOLERANCE_SECONDS = 300
COMPONENTS = '"@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "content-digest";req'
SIGNATURE_INPUT = re.compile(
    rf"lockence=(?P<parameters>\({COMPONENTS}\);created=(?P<created>[0-9]{{1,15}});expires=(?P<expires>[0-9]{{1,15}})"
    r';nonce="(?P<nonce>[A-Za-z0-9_-]{16,64})";keyid="[A-Za-z0-9_-]{43}";alg="ed25519";tag="(?P<tag>lockence-v1|lockence-instance-v1)")'
)
SIGNATURE = re.compile(r"lockence=:([A-Za-z0-9+/]{86}==):")


class NotAnAnswer(Exception):
    """What came is not Lockence's answer to this request. It says nothing about the license."""


def verified(request, response, pinned, now):
    """Return the JSON object of an answer that is to be believed; raise NotAnAnswer for any other.

    `request` has the method, authority (host, and port unless it is the scheme's own), path and nonce as they were sent, and
    the body as bytes; `response` the status, the headers as pairs and the body as bytes; `now` is in seconds since 1970.
    """
    signed = SIGNATURE_INPUT.fullmatch(header(response, "signature-input"))
    signature = SIGNATURE.fullmatch(header(response, "signature"))
    digest = header(response, "content-digest")
    demand(signed and signature, "not signed as Lockence signs")
    demand(same(signed["nonce"], request["nonce"]), "to another question")
    demand(int(signed["created"]) <= now + CLOCK_TOLERANCE_SECONDS, "signed in the future")
    demand(int(signed["expires"]) >= now - CLOCK_TOLERANCE_SECONDS, "too old")
    demand(same(digest, digest_of(response["body"])), "the body is another one")
    base = (
        f'"@status": {response["status"]}\n'
        f'"content-digest": {digest}\n'
        f'"content-type": {header(response, "content-type")}\n'
        f'"@method";req: {request["method"]}\n'
        f'"@authority";req: {request["authority"]}\n'
        f'"@path";req: {request["path"]}\n'
        f'"content-digest";req: {digest_of(request["body"])}\n'
        f'"@signature-params": {signed["parameters"]}'
    )
    keys = keys_for(signed["tag"], response["status"], pinned)
    demand(any(fits(key, base64.b64decode(signature[1]), base.encode()) for key in keys), "a forgery")
    return body_of(request, response, signed["tag"], pinned)


def keys_for(tag, status, pinned):
    if tag == "lockence-v1":
        return pinned["public_keys"]
    # The key of the installation may say that it knows no such API key, and nothing else.
    return pinned["instance_keys"] if status == 401 else []


def fits(public_key, signature, base):
    try:
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public_key + "=")).verify(signature, base)
    except InvalidSignature:
        return False
    return True


def body_of(request, response, tag, pinned):
    try:
        body = json.loads(response["body"])
    except ValueError:
        raise NotAnAnswer("no JSON") from None
    demand(isinstance(body, dict), "no JSON object")
    demand(same(str(body.get("nonce")), request["nonce"]), "to another question")
    demand(body.get("success") is (response["status"] == 200), "body and status do not agree")
    is_ours = body.get("application_id") == pinned["application_id"]
    demand(is_ours or tag != "lockence-v1", "another application's")
    return body


def header(response, name):
    values = [value.strip() for key, value in response["headers"] if key.lower() == name]
    demand(len(values) == 1, f"{name} came {len(values)} times")
    return values[0]


def digest_of(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def same(told, expected):
    return hmac.compare_digest(told.encode("utf-8", "surrogatepass"), expected.encode())


def demand(condition, otherwise):
    if not condition:
        raise NotAnAnswer(otherwise)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    request = {**vectors["request"], "body": vectors["request"]["body"].encode()}
    for case in vectors["cases"]:
        try:
            body = verified(request, {**case, "body": case["body"].encode()}, vectors, vectors["now"])
            outcome = "yes" if body["success"] else "no"
        except NotAnAnswer:
            outcome = "not an answer"
        print(case["name"], outcome, sep="\t")


if __name__ == "__main__":
    main()
