"""Refusals in the developer's own words: which of them a program reads, and what never changes."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from licensing import errors, licenses, own_words
from licensing.events import SYSTEM
from licensing.models import Event
from licensing.own_words import SAID_BY_APPLICATIONS, TEXT_MAX, choose_words
from tests import factories
from tests.api.runtime.adaptors import FastLaneClient
from tests.api.runtime.conftest import Program, assert_refused
from tests.api.runtime.test_budgets import statements


def say(program: Program, text: str, language: str = "", code: str = "license_suspended") -> bool:
    return choose_words(
        application=program.license.application,
        code=code,
        language=language,
        text=text,
        actor=SYSTEM,
        now=timezone.now(),
    )


@pytest.fixture
def suspended(program: Program) -> Program:
    licenses.suspend_license(license=program.license, actor=SYSTEM)
    say(program, "Please write to us.")
    say(program, "Bitte schreiben Sie uns.", "de")
    say(program, "Schreibts uns halt.", "de-AT")
    return program


def read(program: Program, accepted: str = "", **fields: Any) -> str:
    headers = {"HTTP_ACCEPT_LANGUAGE": accepted} if accepted else {}
    program.client.defaults = headers
    answer = program.init(**fields).json()
    assert answer["code"] == "license_suspended"
    message: str = answer["message"]
    return message


@pytest.mark.parametrize(
    ("accepted", "language", "expected"),
    [
        ("", None, "Please write to us."),
        ("", "de", "Bitte schreiben Sie uns."),
        ("", "DE-ch", "Bitte schreiben Sie uns."),
        ("", "de-AT", "Schreibts uns halt."),
        ("", "fr", "Please write to us."),
        ("", "∂é", "Please write to us."),
        ("de", None, "Bitte schreiben Sie uns."),
        ("de", "fr", "Please write to us."),
        ("fr;q=0.9, de;q=0.5", None, "Bitte schreiben Sie uns."),
        ("de;q=0.1, de-AT", None, "Schreibts uns halt."),
        ("de;q=0", None, "Please write to us."),
        ("*", None, "Please write to us."),
        (";;;q=,,,-", None, "Please write to us."),
        ("x" * 5_000, None, "Please write to us."),
    ],
)
def test_a_program_reads_the_words_of_its_language(
    suspended: Program, accepted: str, language: str | None, expected: str
) -> None:
    assert read(suspended, accepted, language=language) == expected


def test_a_language_that_is_no_text_is_refused(suspended: Program) -> None:
    message = "language must be a string"
    assert_refused(suspended.init(language=["de"]), 400, "invalid_request", message)


def test_without_words_of_ones_own_ours_are_read(suspended: Program) -> None:
    answer = suspended.validate(session_token="00000000-0000-4000-8000-000000000000")

    assert_refused(answer, 404, "session_not_found", "Session not found")


def test_every_call_is_refused_in_them(suspended: Program) -> None:
    licenses.restore_license(license=suspended.license, actor=SYSTEM)
    suspended.init()
    licenses.suspend_license(license=suspended.license, actor=SYSTEM)
    say(suspended, "Wer bist du?", "de", "session_not_found")

    for call in (suspended.validate, suspended.heartbeat):
        assert call(language="de").json()["message"] == "Bitte schreiben Sie uns."
    unknown = suspended.logout(language="de", session_token="00000000-0000-4000-8000-000000000000")
    assert unknown.json()["message"] == "Wer bist du?"


def test_new_words_are_read_at_once_and_no_words_are_ours_again(suspended: Program) -> None:
    assert read(suspended, language="de") == "Bitte schreiben Sie uns."

    say(suspended, "Rufen Sie an.", "de")
    assert read(suspended, language="de") == "Rufen Sie an."
    say(suspended, "", "de")
    say(suspended, "")
    assert read(suspended, language="de") == "License disabled"


@pytest.mark.parametrize("call", ["validate", "heartbeat", "logout", "consume", "variables"])
def test_they_come_with_the_statement_of_the_call(program: Program, call: str) -> None:
    for text in ("Please start again.", "Please start the program again.", ""):
        say(program, text, code="session_not_found")

        with statements() as sent:
            answer = getattr(program, call)(session_token="00000000-0000-4000-8000-000000000000")

        assert answer.json()["message"] == (text or "Session not found")
        assert len(sent) == 1


def test_they_cost_an_init_no_statement_more(suspended: Program) -> None:
    # What is given up in steps is asked anew.
    suspended.client = FastLaneClient()
    read(suspended)
    say(suspended, "Please write to them.")

    with statements() as sent:
        assert read(suspended) == "Please write to them."

    # The statement that finds the license, and the one that counts the failure.
    assert len(sent) == 2


def test_those_that_were_forgotten_are_asked_for(
    suspended: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(suspended)
    monkeypatch.setattr(own_words, "_texts", {})

    assert read(suspended) == "Please write to us."


def test_another_applications_words_are_never_read(suspended: Program) -> None:
    license = factories.make_license()
    licenses.suspend_license(license=license, actor=SYSTEM)

    assert Program(suspended.client, license).init().json()["message"] == "License disabled"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"code": "invalid_api_key"}, "code must be"),
        ({"code": "x"}, "code must be"),
        ({"language": "deutsch!"}, "language must be"),
        ({"text": "x" * (TEXT_MAX + 1)}, "text must be"),
        ({"text": "nul \0"}, "text must be"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    program: Program, choice: dict[str, str], message: str
) -> None:
    with pytest.raises(errors.InvalidRequestError, match=message):
        say(program, **{"text": "Over.", **choice})


def test_there_is_an_end_to_how_many_there_are(program: Program) -> None:
    application = program.license.application
    application.own_words = {"license_expired": {f"x{number:03}": "x" for number in range(200)}}
    application.save(update_fields=["own_words"])

    with pytest.raises(errors.InvalidRequestError, match="at most 200"):
        say(program, "One more.")


def test_choosing_the_same_words_twice_is_told_once(program: Program) -> None:
    assert say(program, "Over.")
    assert not say(program, "Over.")

    event = Event.objects.get(action="application.words_chosen")
    assert event.after == {"code": "license_suspended", "language": "", "text": "Over."}


# What is wrong with the call and not with its customer, and what happens before anybody knows whose program calls.
NOBODYS_WORDS = {
    "invalid_request",
    "invalid_api_key",
    "not_found",
    "method_not_allowed",
    "body_too_large",
    "unsupported_media_type",
    "server_error",
    "temporarily_unavailable",
}


def test_every_other_code_that_programs_are_told_can_be_worded() -> None:
    page = (settings.BASE_DIR / "docs/api.md").read_text()
    told = set(re.findall(r"^\| [45]\d\d \| \[`(\w+)`\]", page, re.MULTILINE))

    assert all(code == refusal.code for code, refusal in SAID_BY_APPLICATIONS.items())
    assert SAID_BY_APPLICATIONS.keys() == told - NOBODYS_WORDS


def test_a_variable_that_is_not_there_is_told_in_own_words(program: Program) -> None:
    say(program, "That is for the Studio edition.", code="variable_not_found")
    program.init()

    answer = program._in_session("variables", {"names": ["SECRET"]}).json()

    assert (answer["code"], answer["message"]) == (
        "variable_not_found",
        "That is for the Studio edition.",
    )
