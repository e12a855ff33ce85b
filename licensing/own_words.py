"""The developer's own words for what programs are refused with, per application and language. Codes never change."""

import datetime as dt
import json
import re
import uuid
from collections.abc import Iterable

from django.db import transaction

from licensing import errors
from licensing.events import Actor, record
from licensing.models import Application
from licensing.signatures import SigningFacts
from licensing.statements import Question, Steps

TEXT_MAX = 500
# So many texts are every code in eight languages.
TEXTS_MAX = 200
LANGUAGE_MAX = 35
# BCP 47 (RFC 5646, section 2.1), as far as people write it: a language, and what narrows it.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
EVERY_OTHER = ""
# Texts by code and then by language.
Words = dict[str, dict[str, str]]

# What is refused once the application is known: before that nobody knows whose words to use.
SAID_BY_APPLICATIONS: dict[str, type[errors.RefusalError]] = {
    refusal.code: refusal
    for refusal in (
        errors.ApplicationDisabledError,
        errors.LicenseNotFoundError,
        errors.LicenseSuspendedError,
        errors.LicenseRevokedError,
        errors.LicenseExpiredError,
        errors.VersionNotAllowedError,
        errors.AccessDeniedError,
        errors.UserLimitReachedError,
        errors.HwidMismatchError,
        errors.TrialUsedError,
        errors.SessionLimitReachedError,
        errors.SessionNotFoundError,
        errors.SessionEndedError,
        errors.SessionExpiredError,
        errors.EntitlementNotFoundError,
        errors.EntitlementNotMeteredError,
        errors.EntitlementLimitReachedError,
        errors.VariableNotFoundError,
        errors.IdempotencyKeyReusedError,
        errors.ReleaseLimitReachedError,
        errors.BorrowNotAllowedError,
        errors.OfflineNotAllowedError,
        errors.RateLimitedError,
    )
}


@transaction.atomic
def choose_words(
    *,
    application: Application,
    code: str,
    language: str,
    text: str,
    actor: Actor,
    now: dt.datetime,
) -> bool:
    """Say a refusal in one's own words (up to 500 characters) from the next one on; return False when it is said so already.

    `language` is a tag such as `de` or `pt-BR`, "" for every language that has no words of its own; an empty text goes back
    to ours. Raises InvalidRequestError when the code is none of `SAID_BY_APPLICATIONS`, the language none, or the text too
    long, and when there are too many texts.
    """
    language, text = language.strip().lower(), text.strip()
    if code not in SAID_BY_APPLICATIONS:
        raise errors.InvalidRequestError("code must be one that programs are refused with")
    if language and not _LANGUAGE.fullmatch(language):
        raise errors.InvalidRequestError("language must be a tag such as de or pt-BR, or empty")
    if len(text) > TEXT_MAX or "\0" in text:
        raise errors.InvalidRequestError(f"text must be at most {TEXT_MAX} characters long")
    held = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    before = held.own_words.get(code, {}).get(language, "")
    if before == text:
        return False
    held.own_words = _changed(held.own_words, code, language, text)
    # Later than any before it, whatever the clock says: by this moment processes know that they have to ask again.
    earliest = (held.own_words_at or now) + dt.timedelta(microseconds=1)
    held.own_words_at = application.own_words_at = max(now, earliest)
    held.save(update_fields=["own_words", "own_words_at"])
    application.own_words = held.own_words
    record(
        "application.words_chosen",
        target=application,
        actor=actor,
        application=application,
        before={"text": before},
        after={"code": code, "language": language, "text": text},
    )
    return True


# What this process has read: each application's words of each moment, and the latest moment by the digest of its API key.
_READ_MAX = 1_024
_texts: dict[tuple[uuid.UUID, dt.datetime], Words] = {}
_moments: dict[bytes, dt.datetime] = {}


def known_at(api_key_digest: bytes) -> dt.datetime | None:
    """Return when the words that this process knows of an application were chosen: later ones come with its next call."""
    return _moments.get(api_key_digest)


def keep(api_key_digest: bytes, facts: SigningFacts) -> None:
    """Keep the words that came with a call, if any did."""
    if facts.own_words is None or facts.own_words_at is None:
        return
    _remember(facts.application_id, facts.own_words_at, facts.own_words)
    _moments[api_key_digest] = facts.own_words_at


def remembering(facts: SigningFacts) -> Steps[None]:
    """See to it that an application's words are known: they may have come with no call, or be forgotten among others."""
    moment = facts.own_words_at
    if moment is None or (facts.application_id, moment) in _texts:
        return
    row = yield Question(_WORDS, {"application_id": facts.application_id})
    _remember(facts.application_id, moment, row[0] if row else "{}")


def _remember(application_id: uuid.UUID, moment: dt.datetime, words: str) -> None:
    if max(len(_moments), len(_texts)) >= _READ_MAX:
        _moments.clear()
        _texts.clear()
    _texts[application_id, moment] = json.loads(words)


def own_words(facts: SigningFacts, code: str, languages: Iterable[str]) -> str | None:
    """Return an application's own words for a refusal in the first of some languages that it has; None: none are known.

    A language counts for what narrows it: `de` answers `de-AT` (lookup, RFC 4647, section 3.4).
    """
    if facts.own_words_at is None:
        return None
    texts = _texts.get((facts.application_id, facts.own_words_at), {}).get(code, {})
    for language in languages:
        wanted = language.lower()
        while wanted:
            if wanted in texts:
                return texts[wanted]
            wanted = wanted.rpartition("-")[0]
    return texts.get(EVERY_OTHER)


_WORDS = "SELECT own_words FROM licensing_application WHERE id = %(application_id)s"


def _changed(words: Words, code: str, language: str, text: str) -> Words:
    texts = {**words.get(code, {}), language: text}
    changed = {**words, code: {name: said for name, said in texts.items() if said}}
    changed = {name: said for name, said in changed.items() if said}
    if sum(map(len, changed.values())) > TEXTS_MAX:
        raise errors.InvalidRequestError(f"there can be at most {TEXTS_MAX} texts")
    return changed
