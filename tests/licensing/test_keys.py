"""The written forms of keys."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licensing import keys


def with_check_symbols(body: str) -> str:
    """The form told anew: 18 symbols are a number in base 32, and its remainder by 1021 makes two more."""
    remainder = sum(keys.SYMBOLS.index(s) * 32**n for n, s in enumerate(reversed(body))) % 1021
    return keys.grouped(body + keys.SYMBOLS[remainder // 32] + keys.SYMBOLS[remainder % 32])


license_keys = st.text(keys.SYMBOLS, min_size=18, max_size=18).map(with_check_symbols)
API_KEYS = [(keys.new_api_key, "lck_pk_", 26), (keys.new_management_token, "lck_sk_", 32)]


def test_a_license_key_is_four_groups_of_five_symbols() -> None:
    symbols = f"[{keys.SYMBOLS}]{{5}}"

    assert re.fullmatch("-".join([symbols] * 4), keys.new_license_key())


def test_symbols_are_those_that_nobody_mistakes() -> None:
    assert len(set(keys.SYMBOLS)) == 32
    assert not set(keys.SYMBOLS) & set("ILOU")


def test_no_key_comes_twice() -> None:
    assert len({keys.new_license_key() for _ in range(1_000)}) == 1_000
    assert len({keys.new_api_key() for _ in range(1_000)}) == 1_000


def test_a_fresh_license_key_has_its_check_symbols() -> None:
    key = keys.new_license_key()

    assert keys.is_well_formed_license_key(key)
    assert with_check_symbols(key.replace("-", "")[:18]) == key


@given(license_keys)
def test_every_key_of_the_form_is_well_formed(key: str) -> None:
    assert keys.is_well_formed_license_key(key)


@given(key=license_keys, place=st.integers(0, 19), wrong=st.sampled_from(keys.SYMBOLS))
def test_every_single_wrong_symbol_shows(key: str, place: int, wrong: str) -> None:
    symbols = key.replace("-", "")
    assume(symbols[place] != wrong)

    assert not keys.is_well_formed_license_key(symbols[:place] + wrong + symbols[place + 1 :])


@given(key=license_keys, place=st.integers(0, 18))
def test_every_swap_of_neighbours_shows(key: str, place: int) -> None:
    symbols = key.replace("-", "")
    assume(symbols[place] != symbols[place + 1])
    swapped = symbols[:place] + symbols[place + 1] + symbols[place] + symbols[place + 2 :]

    assert not keys.is_well_formed_license_key(swapped)


@settings(max_examples=20)
@given(license_keys)
def test_no_single_mistake_in_a_whole_key_goes_unseen(key: str) -> None:
    symbols = key.replace("-", "")
    mistakes = {
        symbols[:place] + wrong + symbols[place + 1 :]
        for place in range(20)
        for wrong in keys.SYMBOLS
    } - {symbols}

    assert len(mistakes) == 20 * 31
    assert not any(keys.is_well_formed_license_key(mistake) for mistake in mistakes)


@pytest.mark.parametrize(
    "typed",
    ["", "-", "AAAAA", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", "UUUUU-UUUUU-UUUUU-UUUUU", "é" * 20],
)
def test_other_forms_are_not_well_formed(typed: str) -> None:
    assert not keys.is_well_formed_license_key(typed)


def forgiven(draw: st.DrawFn) -> tuple[str, str]:
    """A key, and a way to type it: other case, other separators, look-alikes for 1 and 0."""
    key = draw(license_keys)
    look_alikes = {"1": "1IiLl", "0": "0Oo"}
    separators = st.text("- _\t\n\u00ad\u2010\u2011\u2013\u2014\u2212\u00a0", max_size=2)
    typed = ""
    for symbol in key.replace("-", ""):
        typed += draw(st.sampled_from(look_alikes.get(symbol, symbol + symbol.lower())))
        typed += draw(separators)
    return key, typed


@given(st.composite(forgiven)())
def test_typing_is_forgiven(key_and_typed: tuple[str, str]) -> None:
    key, typed = key_and_typed

    assert keys.normalized_license_key(typed) == key.replace("-", "")
    assert keys.is_well_formed_license_key(typed)


@given(st.text())
def test_forgiving_twice_changes_nothing_more(typed: str) -> None:
    once = keys.normalized_license_key(typed)

    # Upper case of upper case is the same but for a few letters that no key has (ß, ŉ …).
    assume(once == once.upper())
    assert keys.normalized_license_key(once) == once


@given(license_keys, license_keys)
def test_two_keys_never_become_one_by_forgiving(one: str, other: str) -> None:
    assert one == other or keys.normalized_license_key(one) != keys.normalized_license_key(other)


@pytest.mark.parametrize(("new", "prefix", "length"), API_KEYS)
def test_api_keys_and_tokens_say_what_they_are(new, prefix: str, length: int) -> None:
    key = new()

    assert re.fullmatch(f"{prefix}[{keys.SYMBOLS}]{{{length + 6}}}", key)
    assert keys.has_valid_checksum(key)


@pytest.mark.parametrize(("new", "prefix", "length"), API_KEYS)
def test_every_single_wrong_symbol_of_an_api_key_shows(new, prefix: str, length: int) -> None:
    key = new()

    for place in range(len(prefix), len(key)):
        wrong = "0" if key[place] != "0" else "1"
        assert not keys.has_valid_checksum(key[:place] + wrong + key[place + 1 :])


def test_a_public_key_is_no_secret_one() -> None:
    key = keys.new_api_key()

    assert not keys.has_valid_checksum(key.replace("lck_pk_", "lck_sk_"))


@pytest.mark.parametrize("text", ["", "lck_pk_", "lck_pk_000000", "x", "é" * 40])
def test_what_is_no_key_has_no_valid_checksum(text: str) -> None:
    assert not keys.has_valid_checksum(text)
