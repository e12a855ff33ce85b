"""Whoever guesses license keys learns nothing: not from the bytes of an answer, and not from the work behind it."""

import collections
import dataclasses
import io
import itertools
import json
import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings

from api.runtime import answers
from licensing import client_calls, opening_statements, statements
from licensing.models import Application
from tests import factories

ANSWERS_PER_KIND = 10_000
Kind = Callable[[Application], Iterator[str]]
NONCE = "0123456789abcdef-_AZ"


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
        )
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/api/v1/init",
            "HTTP_HOST": "testserver",
            "REMOTE_ADDR": "192.0.2.7",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body.encode()),
        }
        return answers.answer("init", environ)


@pytest.fixture
def guesser(transactional_db: None, settings: LazySettings) -> Guesser:
    settings.INIT_FAILURES_MAX = 10**9
    return Guesser(factories.api_key_of(factories.make_application()))


def unknown_keys(application: Application) -> Iterator[str]:
    for number in range(ANSWERS_PER_KIND):
        yield f"AAAAA-AAAAA-AAAAA-{number:05}"


def foreign_keys(application: Application) -> Iterator[str]:
    foreign = [license.reveal() for license in factories.make_licenses(application, 100)]
    for number in range(ANSWERS_PER_KIND):
        yield foreign[number % len(foreign)]


def malformed_keys(application: Application) -> Iterator[str]:
    for number in range(ANSWERS_PER_KIND):
        yield f"not a key {number}"


@pytest.mark.race
@pytest.mark.timeout(300)
def test_ten_thousand_wrong_keys_of_each_kind_answer_with_equal_bytes_in_equal_time(
    guesser: Guesser,
) -> None:
    elsewhere = factories.make_application()
    kinds = {kind: kind(elsewhere) for kind in (unknown_keys, foreign_keys, malformed_keys)}
    told: collections.Counter[tuple[object, ...]] = collections.Counter()
    took: dict[Kind, list[int]] = {kind: [] for kind in kinds}

    # In turn, so that whatever else the machine does meets all three alike.
    for _ in range(ANSWERS_PER_KIND):
        for kind, license_keys in kinds.items():
            license_key = next(license_keys)
            began = time.perf_counter_ns()
            answer = guesser.ask(license_key)
            took[kind].append(time.perf_counter_ns() - began)
            told[told_by(answer)] += 1

    assert list(told.values()) == [3 * ANSWERS_PER_KIND]
    for one, other in itertools.combinations(took.values(), 2):
        # One half is a guess by coin. One statement more is 0.85, and ten answers would tell.
        assert 0.4 < how_often_longer(one, other) < 0.6


@pytest.mark.parametrize("kind", [unknown_keys, foreign_keys, malformed_keys])
def test_a_wrong_key_of_each_kind_takes_the_same_statements(
    guesser: Guesser,
    kind: Kind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    license_key = next(kind(factories.make_application()))
    asked = spy_on_statements(monkeypatch)

    guesser.ask(license_key)

    assert asked == ["FIND_LICENSE"]


def how_often_longer(one: list[int], other: list[int]) -> float:
    """How likely one answer of the first kind takes longer than one of the second (the U of Mann and Whitney, by its ranks)."""
    ranked = sorted([(time, True) for time in one] + [(time, False) for time in other])
    ranks = sum(rank for rank, (_, is_of_the_first) in enumerate(ranked, 1) if is_of_the_first)
    return (ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))


def told_by(answer: answers.Answer) -> tuple[object, ...]:
    """All that an answer tells but the time, and what is signed over the time."""
    body = json.loads(answer.body)
    time, headers = body.pop("server_time"), dict(answer.headers)
    del headers["Content-Digest"], headers["Signature-Input"]
    signature = headers.pop("Signature")
    return (
        answer.status,
        tuple(body.items()),
        tuple(headers.items()),
        len(time),
        len(signature),
    )


def spy_on_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    one_probe = client_calls.with_one_probe(
        opening_statements.FIND_LICENSE, "api_key_digest", "license_key_digest"
    )
    names = {one_probe: "FIND_LICENSE"}
    asked: list[str] = []
    run = statements._run

    def spy(statement: str, parameters: dict[str, object]) -> statements.Row | None:
        asked.append(names[statement])
        return run(statement, parameters)

    monkeypatch.setattr(statements, "_run", spy)
    return asked
