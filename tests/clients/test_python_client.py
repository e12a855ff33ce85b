"""The Python client against a real server: honest answers are believed, and nothing that an attacker can do is."""

import base64
import dataclasses
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from lockence_client import Client, CouldNotAsk, No, Yes, ed25519, machine_hwid

from licensing import licenses, signatures
from licensing.events import SYSTEM
from licensing.models import License, Session, SigningKey
from tests import factories
from tests.clients.middle import Exchange, Middle, in_the_middle
from tests.servers import Server

pytestmark = pytest.mark.django_db(transaction=True)


@dataclasses.dataclass
class Scene:
    """A license, the program that uses it, and who stands between the program and the server."""

    license: License
    middle: Middle
    client: Client

    @property
    def key(self) -> str:
        return self.license.reveal()


@pytest.fixture
def scene(transactional_db: None, server: Server) -> Iterator[Scene]:
    license = factories.make_license(username="Ada")
    with in_the_middle(server) as middle:
        yield Scene(license, middle, client_of(license, middle.url))


def client_of(license: License, url: str, **facts: Any) -> Client:
    application = license.application
    known = {
        "url": url,
        "api_key": factories.api_key_of(application),
        "public_keys": pins_of(license),
        "instance_keys": [
            signatures.public_text(signer.private_key) for signer in signatures.instance_signers()
        ],
        "application_id": str(application.pk),
        "deadline_seconds": 0.2,
    }
    return Client(**{**known, **facts})


def pins_of(license: License) -> list[str]:
    keys = license.application.signing_keys.filter(state__in=["current", "next"])
    return [key.public_key for key in keys]


# Honest answers


def test_the_whole_way_of_an_honest_program(scene: Scene) -> None:
    opened = scene.client.init(scene.key, "device-1", device_name="PC", app_version="1.0")

    assert isinstance(opened, Yes)
    assert opened.body["username"] == "Ada"
    assert isinstance(scene.client.validate(), Yes)
    assert isinstance(scene.client.heartbeat(), Yes)
    assert isinstance(scene.client.logout(), Yes)
    assert Session.objects.get().ended_reason == "logout"


def test_what_is_used_up_is_counted_once_and_never_beyond_its_limit(scene: Scene) -> None:
    pages = factories.make_entitlement(scene.license.application, "pages", "metered")
    factories.grant(scene.license, pages, 5)
    scene.client.init(scene.key, "device-1")

    first, again = (scene.client.consume("pages", 3, idempotency_key="job") for _ in range(2))
    beyond = scene.client.consume("pages", 3)
    unknown = scene.client.consume("none")

    assert isinstance(first, Yes)
    assert isinstance(again, Yes)
    assert first.body["remaining"] == again.body["remaining"] == 2
    assert isinstance(beyond, No)
    assert (beyond.code, beyond.body["remaining"]) == ("entitlement_limit_reached", 2)
    assert isinstance(unknown, No)


def test_variables_are_fetched_all_or_by_name(scene: Scene) -> None:
    for name in ("ONE", "TWO"):
        factories.make_variable(scene.license.application, name, name.lower())
    scene.client.init(scene.key, "device-1")

    every, one, none = (
        scene.client.variables(),
        scene.client.variables("ONE"),
        scene.client.variables("ONE", "NONE"),
    )

    assert isinstance(every, Yes)
    assert isinstance(one, Yes)
    assert isinstance(none, No)
    assert every.body["variables"] == {"ONE": "one", "TWO": "two"}
    assert one.body["variables"] == {"ONE": "one"}
    assert none.code == "variable_not_found"


def test_a_signed_refusal_is_a_definite_no(scene: Scene) -> None:
    outcome = scene.client.init("AAAAA-AAAAA-AAAAA-AAAAA", "device-1")

    assert isinstance(outcome, No)
    assert (outcome.code, outcome.message) == ("license_not_found", "Invalid license key")


def test_a_suspension_reaches_the_program_with_its_next_question(scene: Scene) -> None:
    scene.client.init(scene.key, "device-1")
    licenses.suspend_license(license=scene.license, actor=SYSTEM)

    outcome = scene.client.validate()

    assert isinstance(outcome, No)
    assert outcome.code == "license_suspended"


def test_an_unknown_api_key_is_a_no_in_the_servers_own_name(scene: Scene) -> None:
    scene.client.api_key = "lck_pk_unknown"

    outcome = scene.client.init(scene.key, "device-1")

    assert isinstance(outcome, No)
    assert outcome.code == "invalid_api_key"


def test_without_the_servers_own_key_an_unknown_api_key_is_no_answer(scene: Scene) -> None:
    client = client_of(scene.license, scene.middle.url, instance_keys=[], api_key="lck_pk_unknown")

    assert isinstance(client.init(scene.key, "device-1"), CouldNotAsk)


def test_a_program_that_pinned_both_keys_outlives_a_promotion(scene: Scene) -> None:
    factories.promote_next_signing_key(scene.license.application)

    assert isinstance(scene.client.init(scene.key, "device-1"), Yes)


def test_a_mistake_of_the_program_is_not_a_no(scene: Scene) -> None:
    assert isinstance(scene.client.init(scene.key, ""), CouldNotAsk)


def test_honest_answers_are_believed_without_any_library(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ed25519, "Ed25519PublicKey", None)

    assert isinstance(scene.client.init(scene.key, "device-1"), Yes)
    scene.middle.attack = flip_a_bit_of_the_signature
    assert isinstance(scene.client.validate(), CouldNotAsk)


# No network


def test_a_server_that_is_not_there_could_not_be_asked(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    outcome = client_of(scene.license, f"http://127.0.0.1:{port}").init(scene.key, "device-1")

    assert isinstance(outcome, CouldNotAsk)


def test_a_server_that_never_answers_is_given_up_after_the_deadline(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = client_of(scene.license, url, timeout_seconds=0.1, deadline_seconds=0.3)
        started = time.monotonic()

        outcome = client.init(scene.key, "device-1")

    assert isinstance(outcome, CouldNotAsk)
    assert time.monotonic() - started < 10


def test_a_passing_failure_is_tried_again(scene: Scene) -> None:
    failures = iter([True, True, False])

    def fail_twice(exchange: Exchange) -> None:
        if next(failures):
            portal(exchange, status=503)

    scene.middle.attack = fail_twice
    client = client_of(scene.license, scene.middle.url, deadline_seconds=20)

    assert isinstance(client.init(scene.key, "device-1"), Yes)
    assert len(scene.middle.seen) == 3


@pytest.mark.parametrize("told", ["nan", "inf", "-1", "1e999", "9" * 400, "soon", "0"])
def test_a_nonsensical_time_to_wait_harms_no_program(scene: Scene, told: str) -> None:
    def fail(exchange: Exchange) -> None:
        portal(exchange, status=503)
        exchange.headers.append(("Retry-After", told))

    scene.middle.attack = fail

    assert isinstance(scene.client.init(scene.key, "device-1"), CouldNotAsk)


def test_every_try_has_a_nonce_of_its_own(scene: Scene) -> None:
    scene.client.init(scene.key, "device-1")
    scene.client.validate()

    first, second = (json.loads(exchange.request_body)["nonce"] for exchange in scene.middle.seen)
    assert first != second


# Heartbeats in the background


def test_heartbeats_go_on_by_themselves_until_a_no(scene: Scene) -> None:
    scene.client.init(scene.key, "device-1")
    outcomes: list[Any] = []
    ended = threading.Event()

    def on_outcome(outcome: Any) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 2:
            licenses.suspend_license(license=scene.license, actor=SYSTEM)
            connection.close()
        if isinstance(outcome, No):
            ended.set()
        raise RuntimeError("a mistake in the program must not stop its heartbeats")

    hurry(scene)
    scene.client.start_heartbeats(on_outcome)

    assert ended.wait(20)
    scene.client.stop_heartbeats()
    assert [type(outcome) for outcome in outcomes] == [Yes, Yes, No]


def test_an_outage_does_not_stop_the_heartbeats(scene: Scene) -> None:
    scene.client.init(scene.key, "device-1")
    seen: list[type] = []
    enough = threading.Event()

    def on_outcome(outcome: Any) -> None:
        seen.append(type(outcome))
        scene.middle.attack = lambda exchange: None
        if len(seen) == 2:
            enough.set()

    hurry(scene)
    scene.middle.attack = portal
    scene.client.start_heartbeats(on_outcome)

    assert enough.wait(20)
    scene.client.logout()
    assert seen[:2] == [CouldNotAsk, Yes]


def hurry(scene: Scene) -> None:
    """Let heartbeats come every twentieth of a second, whatever interval the server tells."""
    scene.client._heartbeat_seconds = 0.05
    scene.client._note_interval = lambda outcome: None


# Attacks: each of them is refused, whatever was asked


def portal(exchange: Exchange, status: int = 200) -> None:
    """A captive portal, or a proxy that is out of order."""
    exchange.status, exchange.headers = status, [("Content-Type", "text/html")]
    exchange.body = b"<h1>Welcome to our hotel</h1>"


def strip_the_signature(exchange: Exchange) -> None:
    exchange.remove("Signature")


def strip_the_signature_input(exchange: Exchange) -> None:
    exchange.remove("Signature-Input")


def strip_the_digest(exchange: Exchange) -> None:
    exchange.remove("Content-Digest")


def strip_everything(exchange: Exchange) -> None:
    for name in ("Signature", "Signature-Input", "Content-Digest"):
        exchange.remove(name)


def flip_a_bit_of_the_signature(exchange: Exchange) -> None:
    raw = bytearray(base64.b64decode(exchange.get("Signature")[len("lockence=:") : -1]))
    raw[0] ^= 1
    exchange.set("Signature", f"lockence=:{base64.b64encode(raw).decode()}:")


def swap_the_status(exchange: Exchange) -> None:
    exchange.status = 200 if exchange.status != 200 else 403


def swap_the_body(exchange: Exchange) -> None:
    exchange.body = exchange.body.replace(b'"username":"Ada"', b'"username":"Eve"') + b" "


def swap_body_and_digest(exchange: Exchange) -> None:
    exchange.body += b" "
    exchange.set("Content-Digest", signatures.content_digest(exchange.body))


def a_digest_beyond_ascii(exchange: Exchange) -> None:
    exchange.set("Content-Digest", "sha-256=:é:")


def swap_the_content_type(exchange: Exchange) -> None:
    exchange.set("Content-Type", "text/html")


def another_nonce(exchange: Exchange) -> None:
    change_the_input(exchange, r'nonce="[^"]+"', 'nonce="AAAAAAAAAAAAAAAAAAAA"')


def another_algorithm(exchange: Exchange) -> None:
    change_the_input(exchange, "ed25519", "hmac-sha256")


def no_algorithm(exchange: Exchange) -> None:
    change_the_input(exchange, r';alg="ed25519"', "")


def another_tag(exchange: Exchange) -> None:
    change_the_input(exchange, "lockence-v1", "lockence-v2")


def another_key_id(exchange: Exchange) -> None:
    change_the_input(exchange, r'keyid="[^"]+"', f'keyid="{"A" * 43}"')


def later_expiry(exchange: Exchange) -> None:
    change_the_input(exchange, r"expires=\d+", "expires=9999999999")


def fewer_components(exchange: Exchange) -> None:
    change_the_input(exchange, r'"@status" ', "")


def components_in_another_order(exchange: Exchange) -> None:
    change_the_input(exchange, '"@status" "content-digest"', '"content-digest" "@status"')


def two_signatures(exchange: Exchange) -> None:
    for name in ("Signature-Input", "Signature"):
        value = exchange.get(name)
        exchange.set(name, f"{value}, {value.replace('lockence=', 'other=', 1)}")


def the_header_twice(exchange: Exchange) -> None:
    exchange.headers.append(("Signature", exchange.get("Signature")))


def another_label(exchange: Exchange) -> None:
    for name in ("Signature-Input", "Signature"):
        exchange.set(name, exchange.get(name).replace("lockence=", "sig1=", 1))


def forged_by_anybody(exchange: Exchange) -> None:
    sign_again(exchange, Ed25519PrivateKey.generate(), signatures.APPLICATION_TAG)


def forged_under_the_pinned_key_id(exchange: Exchange) -> None:
    key_id = re.search(r'keyid="([^"]+)"', exchange.get("Signature-Input"))
    assert key_id is not None
    sign_again(exchange, Ed25519PrivateKey.generate(), signatures.APPLICATION_TAG, key_id=key_id[1])


def the_installations_key_on_a_yes(exchange: Exchange) -> None:
    signer = signatures.instance_signer()
    exchange.status = 200
    sign_again(exchange, signer.private_key, signatures.INSTANCE_TAG)


def the_installations_key_under_the_applications_tag(exchange: Exchange) -> None:
    sign_again(exchange, signatures.instance_signer().private_key, signatures.APPLICATION_TAG)


def a_key_of_another_application(exchange: Exchange) -> None:
    other = factories.make_application()
    sign_again(exchange, private_key_of(other.signing_keys.get(state="current")), "lockence-v1")


def signed_an_hour_ago(exchange: Exchange) -> None:
    sign_again(exchange, own_key(), "lockence-v1", created=int(time.time()) - 3600)


def signed_in_an_hour(exchange: Exchange) -> None:
    sign_again(exchange, own_key(), "lockence-v1", created=int(time.time()) + 3600)


def signed_for_another_path(exchange: Exchange) -> None:
    sign_again(exchange, own_key(), "lockence-v1", path="/api/v1/logout")


def signed_for_another_host(exchange: Exchange) -> None:
    sign_again(exchange, own_key(), "lockence-v1", authority="lockence.example")


def signed_for_another_method(exchange: Exchange) -> None:
    sign_again(exchange, own_key(), "lockence-v1", method="GET")


def signed_for_another_request_body(exchange: Exchange) -> None:
    """What another device sent: the answer to it is good for that device alone."""
    digest = signatures.content_digest(exchange.request_body + b" ")
    sign_again(exchange, own_key(), "lockence-v1", content_digest=digest)


def a_body_for_another_nonce(exchange: Exchange) -> None:
    change_the_body(exchange, nonce="AAAAAAAAAAAAAAAAAAAA")


def a_body_of_another_application(exchange: Exchange) -> None:
    change_the_body(exchange, application_id="00000000-0000-7000-8000-000000000000")


def a_yes_in_a_no(exchange: Exchange) -> None:
    change_the_body(exchange, success=exchange.status != 200)


def a_redirect(exchange: Exchange) -> None:
    exchange.status = 307
    exchange.headers.append(("Location", "http://127.0.0.1:9/"))


ATTACKS = [
    portal,
    strip_the_signature,
    strip_the_signature_input,
    strip_the_digest,
    strip_everything,
    flip_a_bit_of_the_signature,
    swap_the_status,
    swap_the_body,
    swap_body_and_digest,
    a_digest_beyond_ascii,
    swap_the_content_type,
    another_nonce,
    another_algorithm,
    no_algorithm,
    another_tag,
    another_key_id,
    later_expiry,
    fewer_components,
    components_in_another_order,
    two_signatures,
    the_header_twice,
    another_label,
    forged_by_anybody,
    forged_under_the_pinned_key_id,
    the_installations_key_on_a_yes,
    the_installations_key_under_the_applications_tag,
    a_key_of_another_application,
    signed_an_hour_ago,
    signed_in_an_hour,
    signed_for_another_path,
    signed_for_another_host,
    signed_for_another_method,
    signed_for_another_request_body,
    a_body_for_another_nonce,
    a_body_of_another_application,
    a_yes_in_a_no,
    a_redirect,
]


def test_no_attack_on_a_yes_is_believed(scene: Scene) -> None:
    scene.client.init(scene.key, "device-1")

    assert attacks_that_are_believed(scene) == []


def test_no_attack_on_a_no_is_believed(scene: Scene) -> None:
    """Turning a refusal into a yes opens the program; forging one locks an honest customer out."""
    scene.client.init(scene.key, "device-1")
    licenses.suspend_license(license=scene.license, actor=SYSTEM)

    assert attacks_that_are_believed(scene) == []


def attacks_that_are_believed(scene: Scene) -> list[str]:
    believed = []
    for attack in ATTACKS:
        scene.middle.attack = attack
        if not isinstance(scene.client.validate(), CouldNotAsk):
            believed.append(attack.__name__)
    # An attack that breaks the answer altogether would prove nothing: the honest one must still pass.
    scene.middle.attack = lambda exchange: None
    assert isinstance(scene.client.validate(), Yes | No)
    assert len(scene.middle.seen) >= len(ATTACKS)
    return believed


def test_an_old_answer_is_no_answer_to_a_new_question(scene: Scene) -> None:
    scene.client.init(scene.key, "device-1")
    scene.client.validate()
    old = scene.middle.seen[-1]
    licenses.suspend_license(license=scene.license, actor=SYSTEM)

    def replay(exchange: Exchange) -> None:
        exchange.status, exchange.headers, exchange.body = old.status, old.headers, old.body

    scene.middle.attack = replay

    assert isinstance(scene.client.validate(), CouldNotAsk)


def test_an_answer_to_another_device_is_no_answer_to_this_one(scene: Scene) -> None:
    License.objects.update(devices_max=1)
    scene.client.init(scene.key, "device-1")
    to_the_first = scene.middle.seen[-1]

    def pass_it_on(exchange: Exchange) -> None:
        exchange.status, exchange.headers = to_the_first.status, to_the_first.headers
        exchange.body = to_the_first.body

    scene.middle.attack = pass_it_on

    assert isinstance(scene.client.init(scene.key, "device-2"), CouldNotAsk)


def test_a_retired_key_signs_nothing_that_a_newer_program_believes(scene: Scene) -> None:
    factories.promote_next_signing_key(scene.license.application)
    newer = client_of(scene.license, scene.middle.url)
    old = private_key_of(SigningKey.objects.get(state="previous"))

    scene.middle.attack = lambda exchange: sign_again(exchange, old, "lockence-v1")

    assert isinstance(newer.init(scene.key, "device-1"), CouldNotAsk)


def test_the_machines_id_stays_and_differs_between_programs() -> None:
    assert machine_hwid("one") == machine_hwid("one")
    assert machine_hwid("one") != machine_hwid("two")
    assert re.fullmatch(r"[0-9a-f]{64}", machine_hwid("one"))


def change_the_input(exchange: Exchange, pattern: str, replacement: str) -> None:
    before = exchange.get("Signature-Input")
    after = re.sub(pattern, lambda match: replacement, before, count=1)
    assert after != before
    exchange.set("Signature-Input", after)


def change_the_body(exchange: Exchange, **members: Any) -> None:
    """Sign another body with the right key: only what the body says can give it away."""
    exchange.body = json.dumps(json.loads(exchange.body) | members).encode()
    sign_again(exchange, own_key(), "lockence-v1")


def sign_again(
    exchange: Exchange,
    private_key: Ed25519PrivateKey,
    tag: str,
    key_id: str = "",
    created: int = 0,
    **request: str,
) -> None:
    honest = {
        "method": "POST",
        "authority": exchange.request_headers["Host"],
        "path": exchange.path,
        "content_digest": exchange.request_headers["Content-Digest"],
    }
    public = signatures.public_text(private_key)
    fields = signatures.sign(
        signer=signatures.Signer(key_id or signatures.thumbprint(public), private_key, tag),
        request=signatures.SignedRequest(**{**honest, **request}),
        status=exchange.status,
        content_type=exchange.get("Content-Type"),
        body=exchange.body,
        nonce=json.loads(exchange.request_body)["nonce"],
        created=created or int(time.time()),
    )
    for name, value in fields.items():
        exchange.set(name, value)


def own_key() -> Ed25519PrivateKey:
    """The application's own key, which no attacker has: for answers that are wrong in one thing alone."""
    return private_key_of(SigningKey.objects.filter(state="current").earliest("created_at"))


def private_key_of(key: SigningKey) -> Ed25519PrivateKey:
    facts = signatures.SigningFacts(key.application_id, key.pk, key.private_ciphertext)
    return signatures.application_signer(facts).private_key
