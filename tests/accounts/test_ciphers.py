"""Encryption of what is shown again: a ciphertext opens in its own cell only, and only as it was written."""

import base64
import uuid

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from accounts import ciphers
from accounts.ciphers import UndecipherableError

ROW = uuid.UUID(int=1)
CELL = {"table": "licensing_license", "column": "key_ciphertext", "row": ROW}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens(text: str) -> None:
    assert ciphers.decrypt(ciphers.encrypt(text, **CELL), **CELL) == text


def test_the_same_text_never_looks_the_same() -> None:
    assert len({ciphers.encrypt("text", **CELL) for _ in range(100)}) == 100


def test_the_text_does_not_show() -> None:
    sealed = ciphers.encrypt("a secret text", **CELL)

    assert b"secret" not in base64.urlsafe_b64decode(sealed.split(".")[2])


@pytest.mark.parametrize(
    "other", [{"row": uuid.UUID(int=2)}, {"table": "licensing_apikey"}, {"column": "note"}]
)
def test_a_ciphertext_does_not_open_elsewhere(other: dict[str, object]) -> None:
    sealed = ciphers.encrypt("text", **CELL)

    with pytest.raises(UndecipherableError):
        ciphers.decrypt(sealed, **(CELL | other))


def test_every_changed_bit_shows() -> None:
    version, key_id, encoded = ciphers.encrypt("text", **CELL).split(".")
    sealed = base64.urlsafe_b64decode(encoded)

    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        text = f"{version}.{key_id}.{base64.urlsafe_b64encode(bytes(changed)).decode()}"
        with pytest.raises(UndecipherableError):
            ciphers.decrypt(text, **CELL)


def test_another_key_under_the_same_id_does_not_open_it(settings: LazySettings) -> None:
    sealed = ciphers.encrypt("text", **CELL)
    settings.ENCRYPTION_KEYS = dict.fromkeys(settings.ENCRYPTION_KEYS, b"x" * 32)

    with pytest.raises(UndecipherableError):
        ciphers.decrypt(sealed, **CELL)


def test_a_key_that_is_gone_is_told(settings: LazySettings) -> None:
    sealed = ciphers.encrypt("text", **CELL)
    settings.ENCRYPTION_KEYS = {"another": b"x" * 32}

    with pytest.raises(UndecipherableError):
        ciphers.decrypt(sealed, **CELL)


def test_an_older_key_still_opens_and_the_first_one_seals(settings: LazySettings) -> None:
    old = ciphers.encrypt("text", **CELL)
    settings.ENCRYPTION_KEYS = {"new": b"x" * 32, **settings.ENCRYPTION_KEYS}

    assert ciphers.decrypt(old, **CELL) == "text"
    assert ciphers.key_id_of(ciphers.encrypt("text", **CELL)) == "new"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "v1..", "v1.x.y", "v1.x.y.z", "text", "v1.\u00e9.\u00e9", "v2.{key_id}.AAAA"],
)
def test_what_is_no_ciphertext_does_not_open(settings: LazySettings, text: str) -> None:
    key_id = next(iter(settings.ENCRYPTION_KEYS))

    with pytest.raises(UndecipherableError):
        ciphers.decrypt(text.format(key_id=key_id), **CELL)


@pytest.mark.parametrize("length", [0, 1, 7, 11, 12, 20, 27])
def test_a_ciphertext_that_is_cut_short_does_not_open(settings: LazySettings, length: int) -> None:
    version, key_id, encoded = ciphers.encrypt("", **CELL).split(".")
    cut = base64.urlsafe_b64encode(base64.urlsafe_b64decode(encoded)[:length]).decode()

    with pytest.raises(UndecipherableError):
        ciphers.decrypt(f"{version}.{key_id}.{cut}", **CELL)
