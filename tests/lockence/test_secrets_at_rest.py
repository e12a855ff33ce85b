"""A stolen database and its logs hold no usable secret: a service is used with known ones, and then all is searched for them."""

import base64
import codecs
import hashlib
import html
import http.cookiejar
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.cells import RECOVERY_CODES_SEED
from accounts.events import SYSTEM, user_actor
from accounts.models import User
from licensing import management_tokens, webhook_delivery, webhooks
from licensing.key_rotation import SIGNING_KEY
from licensing.keys import normalized_license_key
from licensing.models import Application, License, SigningKey
from licensing.scopes import Scope
from tests import factories
from tests.api.runtime.conftest import Program
from tests.servers import ROOT, Server, database_url, serve

PASSWORD = "an-unguessable-Passw0rd!"
HWID = "BFEBFBFF000906EA-S3Z9NB0K-machine"


@pytest.fixture
def talkative_server(transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    """A server of pages as well, that logs whatever anybody could make it log."""
    static = {"STATIC_ROOT": str(tmp_path)}
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, **static},
        check=True,
    )
    with serve(database_url(), LOG_LEVEL="DEBUG", **static) as server:
        yield server


@pytest.fixture
def developer(transactional_db: None, settings: Settings) -> User:
    # The server knows the real hashers only.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    user = User.objects.create_user("developer@example.com", PASSWORD)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


def test_nothing_that_is_kept_tells_a_secret(talkative_server: Server, developer: User) -> None:
    application = factories.make_application(factories.make_team(developer))
    license, unused = factories.make_licenses(application, 2, username="Ada", devices_max=2)
    secrets = {
        "API key": factories.api_key_of(application),
        "license key": license.reveal(),
        "license key that was never used": unused.reveal(),
        "value of a variable": factories.make_variable(
            application, value="a-value-that-only-programs-know"
        ).reveal(),
        "hwid": HWID,
        "password": PASSWORD,
        "password that was mistyped": "mistyped-Passw0rd!",
        "license key that was mistyped": "ZZZZZ-11111-YYYYY-22222",
        **private_keys(),
        **keys_of_the_installation(),
    }

    token = management_tokens.create_token(
        team=application.team,
        name="Shop",
        scopes=[Scope.LICENSES_READ],
        actor=user_actor(developer),
        now=timezone.now(),
    ).text
    use_as_a_script(talkative_server, token)
    secrets |= have_webhooks_sent(application)
    secrets |= use_as_a_program(talkative_server, license)
    secrets |= use_as_a_person(talkative_server, developer, license)

    kept = {**tables(), "the log": talkative_server.logged().encode()}
    assert b"Ada" in kept["licensing_license"]
    assert b"/api/v1/nowhere" in kept["the log"]
    found = {name: places for name, secret in secrets.items() if (places := found_in(kept, secret))}
    assert found == {}
    # A management token cannot be guessed (160 bits), so its plain SHA-256 may be kept, and is; nothing else of it.
    assert {place.split(" without")[0] for place in found_in(kept, token)} == {
        "licensing_managementtoken, sha256"
    }


@pytest.mark.django_db
def test_whatever_form_a_secret_is_kept_in_it_would_be_found() -> None:
    """What would be written if nobody had thought of it, in the kinds of columns that there are."""
    secret = "ABCDE-12345-FGHJK-67890"
    application = factories.make_application()
    careless = {
        "as text": secret,
        "typed in lower case": secret.lower(),
        "normalized": normalized_license_key(secret),
        "as JSON": json.dumps({"key": secret}),
        "as hex": secret.encode().hex(),
        "as HEX": secret.encode().hex().upper(),
        "in base64, from the beginning": base64.b64encode(f"{secret} and more".encode()).decode(),
        "in base64, one on": base64.b64encode(f"-{secret} and more".encode()).decode(),
        "in base64, two on": base64.b64encode(f"--{secret} and more".encode()).decode(),
        "backwards": secret[::-1],
        "in rot13": codecs.encode(secret, "rot13"),
        "in a URL": urllib.parse.quote(f"key={secret}", safe=""),
        "hashed, without a key": hashlib.sha256(secret.encode()).hexdigest(),
        "hashed, without a key, in base64": base64.b64encode(
            hashlib.md5(secret.encode(), usedforsecurity=False).digest()
        ).decode(),
    }

    for way, text in careless.items():
        license = factories.make_license(application, note=text)
        assert found_in(tables(), secret), way
        license.delete()
    for way, octets in {
        "as octets": secret.encode(),
        "in UTF-16": secret.encode("utf-16"),
        "in UTF-32": secret.encode("utf-32-be"),
        "base64 in octets": base64.b64encode(secret.encode()),
    }.items():
        license = factories.make_license(application)
        License.objects.filter(pk=license.pk).update(key_digest=octets)
        assert found_in(tables(), secret), way
        license.delete()


# Use


def use_as_a_program(server: Server, license: License) -> dict[str, str]:
    program = Program(server, license, HWID)
    tokens = {}
    for number in range(2):
        assert program.init(device_name="PC", nonce="n" * 16).status_code == 200
        tokens[f"session token {number}"] = program.session_token
        assert program.validate().status_code == 200
        assert program.heartbeat().status_code == 200
        if number == 0:
            assert program.logout().status_code == 200
    everything = {
        "api_key": program.api_key,
        "license_key": program.license_key,
        "hwid": HWID,
        "session_token": program.session_token,
    }
    # Every kind of mistake that a program makes with them.
    program.init(license_key="ZZZZZ-11111-YYYYY-22222")
    program.init(api_key=program.license_key, license_key=program.api_key)
    program.init(hwid=HWID * 20)
    program.init(device_name=7, platform=[])
    program.validate(session_token=str(uuid.UUID(int=1)))
    query = urllib.parse.urlencode(everything)
    for path in ("/api/v1/nowhere", f"/api/v1/init?{query}", f"/nowhere?{query}"):
        server.post(path, json.dumps(everything))
        server.post(path, query, "application/x-www-form-urlencoded")
        server.post(path, json.dumps(everything)[:-1])
        server.get(path, Authorization=f"Bearer {program.api_key}")
    return tokens


def use_as_a_script(server: Server, token: str) -> None:
    for path in ("/api/v1/licenses", "/api/v1/nowhere", "/api/v1/init"):
        server.get(path, Authorization=f"Bearer {token}")
        server.get(path, Authorization=f"Bearer {token}x")
        server.get(path, Authorization=token)
        server.get(f"{path}?token={token}")
    server.post("/api/v1/init", json.dumps({"api_key": token, "license_key": token, "hwid": "x"}))


def use_as_a_person(server: Server, developer: User, license: License) -> dict[str, str]:
    """Sign in, on the second try; take a second factor; look at all that shows a key."""
    browser = Browser(server)
    browser.post("/accounts/login/", login=developer.email, password="mistyped-Passw0rd!")
    browser.post("/accounts/login/", login=developer.email, password=PASSWORD)
    secrets = take_a_second_factor(browser)
    page = license.get_absolute_url()
    assert license.key_last5 in browser.get(page)
    browser.post(f"{page}reveal/", browser.get(page))
    browser.get(f"/dashboard/applications/{license.application_id}/settings/")
    browser.get(f"/dashboard/applications/{license.application_id}/licenses/?q={license.reveal()}")
    browser.post("/accounts/password/change/", oldpassword="mistyped-Passw0rd!", password1=PASSWORD)
    return secrets | {"cookie of the sign-in": browser.cookie(django_settings.SESSION_COOKIE_NAME)}


def take_a_second_factor(browser: "Browser") -> dict[str, str]:
    activate = "/accounts/2fa/totp/activate/"
    page = browser.get(activate)
    totp_secret = re.search(r"\b[A-Z2-7]{32}\b", page)[0]
    # RFC 6238: the HOTP value of the number of half minutes since 1970.
    code = format_hotp_value(hotp_value(totp_secret, int(time.time()) // 30))
    browser.post(activate, page, code=code)
    codes = re.findall(r"\b\d{8}\b", browser.get("/accounts/2fa/recovery-codes/"))
    assert len(codes) == 10
    seeded = Authenticator.objects.get(type="recovery_codes")
    return {
        "TOTP secret": totp_secret,
        # One code is too short to be told from chance; who kept them kept them in a row.
        **{
            f"recovery codes, between them {between!r}": between.join(codes[:2])
            for between in (",", ", ", " ", "\n", '","', '", "', "', '")
        },
        "seed of the recovery codes": RECOVERY_CODES_SEED.decrypt(
            seeded.data["seed"], seeded.user_id
        ),
    }


class Browser:
    """Cookies and hidden fields, no more."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        return self._open(path, None)

    def post(self, path: str, page: str = "", **fields: str) -> str:
        """Fill in the form of a page, or of the one at the same address."""
        hidden = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page or self.get(path))
        token = {"csrfmiddlewaretoken": html.unescape(hidden[1])} if hidden else {}
        return self._open(path, urllib.parse.urlencode({**token, **fields}).encode())

    def cookie(self, name: str) -> str:
        return next(str(cookie.value) for cookie in self.cookies if cookie.name == name)

    def _open(self, path: str, data: bytes | None) -> str:
        try:
            with self.opener.open(f"{self.server.url}{path}", data) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return str(refusal.read().decode())


def private_keys() -> dict[str, str]:
    return {
        f"{key.state} signing key": SIGNING_KEY.decrypt(key.private_ciphertext, key.pk)
        for key in SigningKey.objects.all()
    }


def have_webhooks_sent(application: Application) -> dict[str, str]:
    """Two secrets sign, an attempt is kept, and jobs wait for more."""
    endpoint = factories.make_endpoint(application)
    webhooks.rotate_secret(endpoint=endpoint, actor=SYSTEM, now=timezone.now())
    webhook_delivery.deliver_due(endpoint.pk)
    webhooks.send_test(endpoint=endpoint, actor=SYSTEM, now=timezone.now())
    kept = tables()
    assert b"deliver_webhooks" in kept["procrastinate_jobs"]
    assert b"webhook-signature" in kept["licensing_webhookattempt"]
    return {
        f"webhook key {number}-{kind}": key
        for number, secret in enumerate(endpoint.secrets.all())
        for kind, key in enumerate(secret.signing_keys())
    }


def keys_of_the_installation() -> dict[str, str]:
    rings = ("ENCRYPTION_KEYS", "INDEX_KEYS", "HWID_KEYS", "INSTANCE_SIGNING_KEYS")
    return {
        f"{ring} {key_id}": base64.b64encode(key).decode()
        for ring in rings
        for key_id, key in getattr(django_settings, ring).items()
    } | {"SECRET_KEY": django_settings.SECRET_KEY}


# Search


def tables() -> dict[str, bytes]:
    """Every table of the database as COPY writes it, and what PostgreSQL keeps of statements."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename), tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        names = cursor.fetchall()
        kept = {name: _copied(cursor, f"COPY {table} TO STDOUT") for table, name in names}
        kept["pg_stat_activity"] = _copied(
            cursor,
            "COPY (SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()) TO STDOUT",
        )
    return kept


def _copied(cursor: object, statement: str) -> bytes:
    with cursor.copy(statement) as rows:
        return b"".join(rows)


def found_in(kept: dict[str, bytes], secret: str) -> list[str]:
    return [
        f"{place}, {form}"
        for form, needle in forms_of(secret).items()
        for place, content in kept.items()
        if needle in content
    ]


def forms_of(secret: str) -> dict[str, bytes]:
    """Return the octets by which a secret would be known, whichever way somebody wrote it down."""
    texts = {
        "as it is": secret,
        "lower": secret.lower(),
        "upper": secret.upper(),
        "without dashes": secret.replace("-", ""),
        "lower without dashes": secret.replace("-", "").lower(),
        "normalized": normalized_license_key(secret),
        "backwards": secret[::-1],
        "rot13": codecs.encode(secret, "rot13"),
        "in a URL": urllib.parse.quote(secret, safe=""),
        "in HTML": html.escape(secret),
        "in JSON": json.dumps(secret)[1:-1],
    }
    octets = {form: text.encode() for form, text in texts.items()}
    octets |= {
        f"{encoding}": secret.encode(encoding)
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    }
    octets |= _what_it_stands_for(secret)
    # A digest without a key is as good as the thing itself where that can be guessed, as a hardware id can.
    octets |= {
        f"{name} without a key": hashlib.new(name, secret.encode(), usedforsecurity=False).digest()
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256")
    }
    octets["compressed"] = zlib.compress(secret.encode())[2:-4]
    return {
        f"{form}, {written}": needle
        for form, plain in octets.items()
        for written, needle in _writings(plain).items()
        if len(needle) >= 8
    }


def _what_it_stands_for(secret: str) -> dict[str, bytes]:
    """The octets behind a text: of a UUID, of hex, of base64."""
    meant = {}
    for name, read in (
        ("UUID", lambda: uuid.UUID(secret).bytes),
        ("UUID, mixed-endian", lambda: uuid.UUID(secret).bytes_le),
        ("hex", lambda: bytes.fromhex(secret)),
        ("base64", lambda: base64.b64decode(secret, validate=True)),
        ("base64url", lambda: base64.urlsafe_b64decode(secret)),
        ("base32", lambda: base64.b32decode(secret)),
    ):
        try:
            meant[f"octets of its {name}"] = read()
        except ValueError:
            continue
    return meant


def _writings(plain: bytes) -> dict[str, bytes]:
    """Octets as they are, in hex and in base64; in base64 at each of the three places where they may begin."""
    writings = {"plain": plain, "hex": plain.hex().encode(), "HEX": plain.hex().upper().encode()}
    for offset in range(3):
        # Only the symbols that depend on nothing before or after.
        encoded = base64.b64encode(b"\0" * offset + plain)
        inside = encoded[
            -(-offset * 8 // 6) : len(encoded) - 4 if (offset + len(plain)) % 3 else None
        ]
        writings[f"base64 at {offset}"] = inside
        writings[f"base64url at {offset}"] = inside.translate(bytes.maketrans(b"+/", b"-_"))
        writings[f"base32 at {offset}"] = base64.b32encode(b"\0" * (offset + 2) + plain)[8:-8]
    # A column of octets is written in hex.
    writings |= {f"{name}, in octets": text.hex().encode() for name, text in writings.items()}
    return writings
