"""Bodies that no honest program sends: each is answered with a documented refusal in JSON, and never with a 500."""

import json
import uuid
from typing import Any

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lockence_client import request_code

from licensing.models import Session
from tests.api.runtime.conftest import Program
from tests.api.runtime.verifier import instance_key, verify
from tests.servers import Response

CALLS = (
    *("init", "validate", "heartbeat", "logout"),
    *("checkout", "offline", "release", "variables", "consume", "borrow"),
)
BODY_MAX_BYTES = 16 * 1024
A_REQUEST_CODE = request_code("00000000-0000-4000-8000-000000000000", "device-1")
DEPTH = 2_000

# DESIGN §5: nothing else may ever come back, whatever was sent.
STATUSES = {
    "invalid_request": 400,
    "invalid_api_key": 401,
    "license_expired": 403,
    "license_suspended": 403,
    "license_revoked": 403,
    "access_denied": 403,
    "user_limit_reached": 403,
    "hwid_mismatch": 403,
    "borrow_not_allowed": 403,
    "entitlement_limit_reached": 403,
    "entitlement_not_found": 404,
    "variable_not_found": 404,
    "entitlement_not_metered": 409,
    "idempotency_key_reused": 422,
    "session_limit_reached": 403,
    "application_disabled": 403,
    "license_not_found": 404,
    "session_not_found": 404,
    "session_expired": 404,
    "session_ended": 404,
    "method_not_allowed": 405,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "rate_limited": 429,
}


def with_field(name: str, value: bytes) -> bytes:
    """Everything that any of the calls asks for, with one field as it should not be."""
    fields = {
        "api_key": b'"lck_pk_0"',
        "license_key": b'"AAAAA-AAAAA-AAAAA-AAAAA"',
        "hwid": b'"device-1"',
        "session_token": b'"00000000-0000-4000-8000-000000000000"',
        "entitlement": b'"pages"',
        "idempotency_key": b'"once"',
        "request_code": b'"%s"' % A_REQUEST_CODE.encode(),
        "until": b'"2099-01-01T00:00:00Z"',
    }
    members = [b'"%s":%s' % (key.encode(), text) for key, text in (fields | {name: value}).items()]
    return b"{%s}" % b",".join(members)


NO_JSON = {
    "text": b"hello",
    "form": b"api_key=x&license_key=y&hwid=z",
    "xml": b"<api_key>x</api_key>",
    "empty": b"",
    "spaces": b" \n\t ",
    "an open brace": b"{",
    "half an object": b'{"api_key": "x", ',
    "single quotes": b"{'api_key': 'x'}",
    "bare key": b'{api_key: "x"}',
    "trailing comma": b'{"api_key": "x",}',
    "comment": b'{"api_key": "x"} // comment',
    "two documents": b"{}{}",
    "trailing NUL": b"{}\0",
    "raw line break in a text": with_field("hwid", b'"a\nb"'),
    "unknown escape": with_field("hwid", rb'"\x41"'),
    "octal number": with_field("extra", b"007"),
    "plus sign": with_field("extra", b"+1"),
    "Python's None": with_field("extra", b"None"),
}
OTHER_TOPS = {
    "list": b"[]",
    "list of objects": b"[{}]",
    "text": b'"api_key"',
    "null": b"null",
    "true": b"true",
    "number": b"7",
}
ODD_NUMBERS = {
    "NaN": with_field("extra", b"NaN"),
    "Infinity": with_field("extra", b"Infinity"),
    "-Infinity": with_field("extra", b"-Infinity"),
    "5,000 digits": with_field("extra", b"9" * 5_000),
    "5,000 digits below zero": with_field("extra", b"-" + b"9" * 5_000),
    "5,000 digits at the top": b"9" * 5_000,
    "5,000 digits as a key": with_field("api_key", b"9" * 5_000),
    "beyond bigint as a key": with_field("api_key", str(2**63).encode()),
    "beyond double as a key": with_field("api_key", b"1e999"),
}
ODD_TEXTS = {
    "bad UTF-8": with_field("api_key", b'"\xff\xfe"'),
    "cut UTF-8": with_field("api_key", b'"\xe2\x82"'),
    "overlong UTF-8": with_field("api_key", b'"\xc0\xaf"'),
    "UTF-8 that spells a surrogate": with_field("api_key", b'"\xed\xa0\x80"'),
    "UTF-8 BOM": b"\xef\xbb\xbf" + with_field("extra", b"1"),
    "UTF-16": with_field("extra", b"1").decode().encode("utf-16"),
    "UTF-32": with_field("extra", b"1").decode().encode("utf-32"),
    "latin-1": with_field("api_key", '"é"'.encode("latin-1")),
    "raw NUL": with_field("api_key", b'"a\0b"'),
    "NUL": with_field("api_key", rb'"a\u0000b"'),
    "NUL behind backslashes": with_field("api_key", rb'"a\\\\\u0000b"'),
    "NUL in an unknown field": with_field("extra", rb'"\u0000"'),
    "NUL in a key": with_field(r"ex\u0000tra", b"1"),
    "NUL deep inside": with_field("extra", rb'[{"a": ["\u0000"]}]'),
    "lone high surrogate": with_field("api_key", rb'"\ud800"'),
    "lone low surrogate": with_field("api_key", rb'"\udfff"'),
    "surrogates the wrong way round": with_field("api_key", rb'"\udc00\ud800"'),
    "surrogate in an unknown field": with_field("extra", rb'"\ud83d"'),
    "surrogate in a key": with_field(r"ex\ud83dtra", b"1"),
}
ODD_STRUCTURES = {
    "lists, 2,000 deep": b"[" * DEPTH + b"]" * DEPTH,
    "objects, 2,000 deep": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "2,000 deep in an unknown field": with_field("extra", b"[" * DEPTH + b"]" * DEPTH),
    "2,000 deep in a known field": with_field("api_key", b"[" * DEPTH + b"]" * DEPTH),
    "open brackets only": b"[" * 16_000,
    "open braces only": b'{"a":' * 3_000,
    "key twice": b'{"api_key": "a", "api_key": "b"}',
    "key twice, once in disguise": rb'{"api_key": "a", "\u0061pi_key": "b"}',
    "key twice deep inside": with_field("extra", b'[{"a": {"b": 1, "b": 1}}]'),
    "unknown key twice": with_field("extra", b'1, "extra": 1'),
}
WRONG_FIELDS = {
    "no fields": b"{}",
    "no known field": b'{"API_KEY": "x", "api-key": "x"}',
    **{
        f"api_key is {value}": with_field("api_key", value.encode())
        for value in ("null", "true", "0", "1.5", "[]", "{}", '""', '["x"]', '{"$ne": null}')
    },
    "api_key too long": with_field("api_key", b'"%s"' % (b"x" * 257)),
    "management token": with_field("api_key", b'"lck_sk_%s"' % (b"0" * 38)),
    "short nonce": with_field("nonce", b'"short"'),
    "nonce with a line break": with_field("nonce", rb'"aaaaaaaaaaaaaaaa\r\nX-A: 1"'),
    "nonce is a number": with_field("nonce", b"1234567890123456"),
}
REFUSED = NO_JSON | OTHER_TOPS | ODD_NUMBERS | ODD_TEXTS | ODD_STRUCTURES | WRONG_FIELDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_is_limited(settings: LazySettings) -> None:
    settings.INIT_FAILURES_MAX = 1_000_000


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_body_that_says_nothing_sensible_is_an_invalid_request(
    client: Client, body: bytes
) -> None:
    assert refused_by_all(client, body) == {"invalid_request"}


@pytest.mark.parametrize("name", ["license_key", "hwid", "device_name", "platform", "app_version"])
@pytest.mark.parametrize("value", [True, 7, 2**63, 1.5, [], {}, ["x"], "x" * 257, "\0"])
def test_init_names_the_field_that_is_wrong(client: Client, name: str, value: Any) -> None:
    response = post(client, "init", with_field(name, json.dumps(value).encode()))

    assert refused(response) == "invalid_request"
    assert value == "\0" or response.json()["message"].startswith(f"{name} must be ")


@pytest.mark.parametrize("name", ["entitlement", "idempotency_key"])
@pytest.mark.parametrize("value", [None, True, 7, 2**63, 1.5, [], {}, ["x"], "", "x" * 101, "\0"])
def test_consume_names_the_field_that_is_wrong(client: Client, name: str, value: Any) -> None:
    response = post(client, "consume", with_field(name, json.dumps(value).encode()))

    assert refused(response) == "invalid_request"
    assert value == "\0" or response.json()["message"].startswith(f"{name} ")


@pytest.mark.parametrize("value", [True, False, 0, -1, 2**53, 2**63, 1.0, "1", [], {}])
def test_an_amount_that_is_none_is_named(client: Client, value: Any) -> None:
    response = post(client, "consume", with_field("amount", json.dumps(value).encode()))

    assert refused(response) == "invalid_request"
    assert response.json()["message"].startswith("amount must be ")


@pytest.mark.parametrize(
    "call", ["validate", "heartbeat", "logout", "checkout", "variables", "consume"]
)
@pytest.mark.parametrize("value", [None, True, 7, 2**63, [], {}, "", "x", "0" * 32, "x" * 257])
def test_a_token_that_is_no_uuid_is_named(client: Client, call: str, value: Any) -> None:
    response = post(client, call, with_field("session_token", json.dumps(value).encode()))

    assert refused(response) == "invalid_request"
    assert response.json()["message"].startswith("session_token ")


def test_a_body_of_seventeen_kilobytes_is_too_large(client: Client) -> None:
    long_text = b'"%s"' % (b"x" * 17_000)

    assert refused_by_all(client, with_field("x", long_text)) == {"body_too_large"}
    assert refused_by_all(client, b" " * 17_000) == {"body_too_large"}


def test_sixteen_kilobytes_are_read_and_a_byte_more_is_not(client: Client) -> None:
    body = with_field("extra", b"1")
    padding = b" " * (BODY_MAX_BYTES - len(body))

    assert refused_by_all(client, body + padding) == {"invalid_api_key"}
    assert refused_by_all(client, body + padding + b" ") == {"body_too_large"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    for call in CALLS:
        response = client.generic(method, f"/api/v1/{call}")

        assert refused(response) == "method_not_allowed"
        assert response["Allow"] == "POST"


def test_head_is_refused_as_well(client: Client) -> None:
    assert {client.head(f"/api/v1/{call}").status_code for call in CALLS} == {405}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
        "application/json-seq",
        "json",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=utf-8; charset=latin-1",
        "; application/json",
        "\xff",
    ],
)
def test_other_content_types_are_refused(client: Client, content_type: str) -> None:
    refusals = refused_by_all(client, with_field("extra", b"1"), CONTENT_TYPE=content_type)

    assert refusals == {"unsupported_media_type"}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "APPLICATION/JSON",
        "application/json; charset=utf8; x=y",
        "application/json;",
    ],
)
def test_json_under_its_other_spellings_is_read(client: Client, content_type: str) -> None:
    refusals = refused_by_all(client, with_field("extra", b"1"), CONTENT_TYPE=content_type)

    assert refusals == {"invalid_api_key"}


@pytest.mark.parametrize("length", ["", "x", "-1", "+5", "1e3", "0x10", "9" * 5_000, " ", "5,5"])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    refusals = refused_by_all(client, b"{}", CONTENT_LENGTH=length)

    assert len(refusals) == 1
    assert refusals <= {"invalid_request", "body_too_large"}


@pytest.mark.parametrize("host", ["evil.example", ".", "127.0.0.1:80:80", "[::1", "\xff", "a b"])
def test_another_host_is_refused(client: Client, host: str) -> None:
    assert refused_by_all(client, b"{}", HTTP_HOST=host) == {"invalid_request"}


def test_an_address_that_the_database_does_not_know_is_no_reason_to_fail(program: Program) -> None:
    """A neighbour's link-local address comes with the name of our network card."""
    program.client.defaults["REMOTE_ADDR"] = "fe80::1%eth0"

    assert program.init().status_code == 200


def test_fields_that_nobody_knows_are_ignored(program: Program) -> None:
    extras: dict[str, Any] = {
        "x": None,
        "\u00e9": "\U0001d11e",
        "": "",
        "__class__": {"a": [1, 2.5, {"b": None}]},
        "big": 2**200,
        "deep": [[[[[[[[]]]]]]]],
        "session_id": 1,
    }

    assert program.init(**extras).status_code == 200
    assert program.validate(**extras).status_code == 200
    assert program.heartbeat(**extras).status_code == 200
    assert program.logout(**extras).status_code == 200


@pytest.mark.parametrize(
    "hwid", ["x" * 256, "\U0001f600" * 256, " ", "\u202e", "a\tb\nc", "\\u0000"]
)
def test_a_hardware_id_is_opaque(program: Program, hwid: str) -> None:
    assert program.init(hwid=hwid).status_code == 200
    assert program.init(hwid=hwid).status_code == 200
    assert program.license.devices.count() == 1


def test_names_of_devices_may_be_in_any_script(program: Program) -> None:
    name = "Ada\u2019s \U0001f5a5 \u0627\u0644\u062d\u0627\u0633\u0648\u0628 \\u0000"

    program.init(device_name=name, platform="\u00e4" * 50, app_version="1.0\u03b2")

    assert program.license.devices.get().name == name


@pytest.mark.parametrize("call", CALLS)
def test_injections_are_only_texts(program: Program, call: str) -> None:
    program.init()
    for text in (
        "' OR 1=1 --",
        "%s%(x)s",
        "{0.__class__}",
        "$where",
        "\\",
        '"',
        "../../etc/passwd",
    ):
        response = program.call(
            call,
            dict.fromkeys(
                [
                    "api_key",
                    "license_key",
                    "hwid",
                    "session_token",
                    "entitlement",
                    "idempotency_key",
                    "until",
                ],
                text,
            ),
        )
        assert refused(response) in {"invalid_request", "invalid_api_key"}
    assert Session.objects.count() == 1


TEXTS = st.text(max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        *("api_key", "license_key", "hwid", "session_token", "nonce", "device_name", "platform"),
        *("entitlement", "amount", "idempotency_key", "until", "user"),
    ]
)
without_end = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@without_end
@given(call=st.sampled_from(CALLS), body=st.binary(max_size=200))
def test_any_bytes_get_a_documented_answer(client: Client, call: str, body: bytes) -> None:
    assert refused(post(client, call, body)) == "invalid_request"


@without_end
@given(call=st.sampled_from(CALLS), document=VALUES, ascii_only=st.booleans())
def test_any_json_gets_a_documented_answer(
    client: Client, call: str, document: Any, ascii_only: bool
) -> None:
    # json writes NaN and lone surrogates, too; as bytes the latter are no UTF-8.
    text = json.dumps(document, ensure_ascii=ascii_only)

    assert refused(post(client, call, text.encode(errors="surrogatepass"))) == "invalid_request"


@without_end
@given(
    call=st.sampled_from(CALLS),
    wrong=st.dictionaries(NAMES, VALUES, max_size=3),
    token=st.uuids() | TEXTS,
)
def test_any_fields_get_a_documented_answer(
    program: Program, call: str, wrong: dict[str, Any], token: uuid.UUID | str
) -> None:
    right = {
        "api_key": program.api_key,
        "license_key": program.license_key,
        "hwid": "x",
        "session_token": str(token),
        "entitlement": "pages",
        "idempotency_key": "once",
        "until": "2099-01-01T00:00:00Z",
    }
    response = program.client.post(
        f"/api/v1/{call}", json.dumps(right | wrong), content_type="application/json"
    )

    assert response.status_code == 200 or refused(response)


def test_the_examples_are_json_but_for_what_is_wrong_with_them() -> None:
    document = json.loads(with_field("extra", b"1"))

    assert document.keys() == {
        *("api_key", "license_key", "hwid", "session_token", "extra"),
        *("entitlement", "idempotency_key", "request_code", "until"),
    }


def post(client: Client, call: str, body: bytes, **environ: str) -> HttpResponse:
    # Django's client tells neither type nor length of an empty body.
    told = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), **environ}
    return client.generic("POST", f"/api/v1/{call}", body, **told)


def refused_by_all(client: Client, body: bytes, **environ: str) -> set[str]:
    """Return the codes with which the calls refuse a body; each refusal is signed."""
    codes = set()
    for call in CALLS:
        response = post(client, call, body, **environ)
        codes.add(refused(response))
        # The library reads no host that is none.
        if "HTTP_HOST" not in environ:
            verify(response, call, instance_key())
    return codes


def refused(response: HttpResponse | Response) -> str:
    """Return the code of a refusal that has everything DESIGN §5 promises."""
    assert response["Content-Type"] == "application/json"
    assert response["Signature"]
    body = response.json()
    assert body["success"] is False
    assert response.status_code == STATUSES[body["code"]]
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["docs"].endswith(f"/docs/errors/{body['code']}/")
    return str(body["code"])
