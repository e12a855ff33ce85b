"""The switches from the environment, as a fresh process reads them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockence import secrets_env

ROOT = Path(__file__).resolve().parents[2]
PRINT_SETTINGS = """
import json, sys
from lockence import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def production(**changes: str) -> dict[str, str]:
    """The environment of an installation, less the variables that are changed to nothing."""
    secrets = dict(line.split("=", 1) for line in secrets_env.fresh_lines().values())
    environment = {
        **{name: value.strip() for name, value in secrets.items()},
        "PATH": os.environ["PATH"],
        "SITE_URL": "https://lockence.example",
        "DATABASE_URL": "postgres://lockence:pw@db.internal:5433/lockence",
        **changes,
    }
    return {name: value for name, value in environment.items() if value}


def read(environment: dict[str, str], *names: str) -> dict[str, object]:
    process = load(environment, *names)
    assert process.returncode == 0, process.stderr
    values: dict[str, object] = json.loads(process.stdout)
    return values


def load(environment: dict[str, str], *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRINT_SETTINGS, *names],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_production_is_strict_about_https() -> None:
    names = ["SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "DEBUG"]

    values = read(production(), *names, "ALLOWED_HOSTS", "DEFAULT_FROM_EMAIL", "EMAIL_BACKEND")

    assert [values[name] for name in names] == [True, True, True, False]
    assert values["ALLOWED_HOSTS"] == ["lockence.example"]
    assert values["DEFAULT_FROM_EMAIL"] == "Lockence <noreply@lockence.example>"
    assert values["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"


def test_development_serves_plain_http_on_its_port() -> None:
    values = read(
        production(DEVELOPMENT="1", SITE_URL="", PORT="8123"),
        *("SITE_URL", "ALLOWED_HOSTS", "SECURE_SSL_REDIRECT", "EMAIL_BACKEND"),
    )

    assert values["SITE_URL"] == "http://127.0.0.1:8123"
    assert values["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "127.0.0.1"]
    assert values["SECURE_SSL_REDIRECT"] is False
    assert values["EMAIL_BACKEND"] == "lockence.mail.DevelopmentBackend"


@pytest.mark.parametrize("name", ["SECRET_KEY", "SITE_URL", "DATABASE_URL", *secrets_env.KEY_RINGS])
def test_production_refuses_to_start_without(name: str) -> None:
    process = load(production(**{name: ""}))

    assert process.returncode != 0
    assert f"{name} is not set" in process.stderr


def test_a_malformed_key_is_refused_without_being_shown() -> None:
    process = load(production(INDEX_KEYS="first:c2hvcnQ="))

    assert process.returncode != 0
    assert "INDEX_KEYS: key 'first' is not 32 bytes in base64" in process.stderr
    assert "c2hvcnQ" not in process.stderr


def test_production_refuses_to_start_when_two_keys_are_equal() -> None:
    environment = production()

    process = load({**environment, "HWID_KEYS": f"other:{environment['INDEX_KEYS'].split(':')[1]}"})

    assert process.returncode != 0
    assert "are the same key" in process.stderr
    assert environment["INDEX_KEYS"].split(":")[1] not in process.stderr


def test_a_socket_folder_in_the_database_url() -> None:
    environment = production(DATABASE_URL="postgres://me@%2Frun%2Fpg:5432/lockence")

    database = read(environment, "DATABASES")["DATABASES"]

    assert database["default"]["HOST"] == "/run/pg"  # type: ignore[index]


def test_mail_goes_where_email_url_says() -> None:
    environment = production(EMAIL_URL="smtp+tls://me:secret@mail.example:587")

    values = read(environment, "EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_HOST_USER")

    assert list(values.values()) == ["mail.example", 587, True, "me"]


@pytest.mark.parametrize(("query", "seconds"), [("", 5), ("?connect_timeout=30", 30)])
def test_a_database_that_does_not_answer_is_given_up_on(query: str, seconds: int) -> None:
    url = f"postgres://lockence:pw@db.internal:5433/lockence{query}"

    databases = read(production(DATABASE_URL=url), "DATABASES")["DATABASES"]

    assert databases["default"]["OPTIONS"]["connect_timeout"] == seconds
