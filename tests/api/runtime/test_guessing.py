"""Whoever guesses license keys learns nothing: not from the bytes of an answer, and not from the work behind it."""

import collections
import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from django.conf import LazySettings
from django.db import connection

from api.runtime import answers
from licensing import keys
from licensing.models import Application
from tests import factories
from tests.sent_statements import statements

ANSWERS_PER_KIND = 10_000
Kind = Callable[[Application, int], Iterator[str]]
NONCE = "0123456789abcdef-_AZ"
WRONG = "AAAAA-AAAAA-AAAAA-AAAAA"


@dataclasses.dataclass
class Guesser:
    """Asks as one program would, with whatever license key he is given."""

    api_key: str

    def ask(self, license_key: str) -> answers.Answer:
        body = json.dumps(
            {
                "api_key": self.api_key,
                "license_key": license_key,
                "hwid": "device-1",
                "nonce": NONCE,
            }
        ).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/api/v1/init",
            "HTTP_HOST": "testserver",
            "REMOTE_ADDR": "192.0.2.7",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        return answers.answer("init", environ)


@pytest.fixture
def guesser(settings: LazySettings, db: None) -> Guesser:
    settings.INIT_FAILURES_MAX = 10**9
    return Guesser(factories.api_key_of(factories.make_application()))


def unknown_keys(elsewhere: Application, count: int) -> Iterator[str]:
    """Keys as we make them, none of which was ever issued."""
    return (keys.new_license_key() for _ in range(count))


def foreign_keys(elsewhere: Application, count: int) -> Iterator[str]:
    """Keys of as many licenses of another application, all of them in order."""
    return (license.reveal() for license in factories.make_licenses(elsewhere, count))


def malformed_keys(elsewhere: Application, count: int) -> Iterator[str]:
    shapes = itertools.cycle(["%d", "not a key %d", "Schlüssel %d", "-" * 60 + "%d", f"{WRONG}%d"])
    return (next(shapes) % number for number in range(count))


KINDS = [unknown_keys, foreign_keys, malformed_keys]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_wrong_keys_of_each_kind_answer_with_equal_bytes(
    guesser: Guesser, kind: Kind
) -> None:
    license_keys = set(kind(factories.make_application(), ANSWERS_PER_KIND))
    assert len(license_keys) == ANSWERS_PER_KIND

    told = collections.Counter(told_by(guesser.ask(license_key)) for license_key in license_keys)

    assert told == {told_by(guesser.ask(WRONG)): ANSWERS_PER_KIND}


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_key_of_each_kind_takes_the_same_statements_and_reads_the_same_rows(
    guesser: Guesser, kind: Kind
) -> None:
    one, other = first_of(kind, guesser)

    asked, read = statements_and_rows(guesser, one)

    # The license is looked for, and then the failure is counted.
    assert asked == ["SELECT", "INSERT"]
    assert read == statements_and_rows(guesser, WRONG)[1]
    assert read == statements_and_rows(guesser, other)[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_key_of_each_kind_takes_the_same_steps_through_our_code(
    guesser: Guesser, kind: Kind
) -> None:
    one, other = first_of(kind, guesser)

    steps = steps_of(guesser, one)

    assert steps["licensing.keys.normalized_license_key"] == 1
    assert steps == steps_of(guesser, WRONG) == steps_of(guesser, other)


def first_of(kind: Kind, guesser: Guesser) -> list[str]:
    """Two keys of a kind, when all that is kept in memory from one answer to the next is there."""
    guesser.ask(WRONG)
    return list(kind(factories.make_application(), 2))


def statements_and_rows(guesser: Guesser, license_key: str) -> tuple[list[str], dict[str, object]]:
    """Which statements an answer takes, and what PostgreSQL reads and writes for it, table by table."""
    before = rows_by_table()
    with statements() as asked:
        guesser.ask(license_key)
    after = rows_by_table()
    return asked, {
        table: [now - then for now, then in zip(after[table], before[table], strict=True)]
        for table in after
    }


def rows_by_table() -> dict[str, tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_upd
            FROM pg_stat_xact_user_tables WHERE idx_scan IS NOT NULL
        """)
        return {table: tuple(counts) for table, *counts in cursor.fetchall()}


def steps_of(guesser: Guesser, license_key: str) -> collections.Counter[str]:
    """How often an answer calls each function of ours."""
    steps: collections.Counter[str] = collections.Counter()
    ours = ("accounts", "api", "licensing", "lockence")

    def count(frame: FrameType, event: str, argument: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.partition(".")[0] in ours:
            steps[f"{module}.{frame.f_code.co_qualname}"] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        guesser.ask(license_key)
    finally:
        sys.setprofile(before)
    return steps


def told_by(answer: answers.Answer) -> tuple[object, ...]:
    """All that an answer tells but the time, and what is signed over the time."""
    body = json.loads(answer.body)
    time, headers = body.pop("server_time"), dict(answer.headers)
    del headers["Content-Digest"], headers["Signature-Input"]
    signature = headers.pop("Signature")
    return (
        answer.status,
        json.dumps(body),
        tuple(headers.items()),
        len(time),
        len(signature),
    )
