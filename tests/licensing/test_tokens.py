"""Digests under which secrets are found again."""

import hashlib
import uuid

import pytest
from django.conf import LazySettings

from licensing import tokens

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
KEY = "AAAAA-AAAAA-AAAAA-AAAAA"


def test_digests_are_32_bytes_and_the_same_each_time() -> None:
    for digest in (
        lambda: tokens.api_key_digests("lck_pk_x")[0],
        lambda: tokens.license_key_digests(KEY)[0],
        lambda: tokens.hwid_digest(ONE, "device"),
        lambda: tokens.session_token_digest(ONE),
    ):
        assert len(digest()) == 32
        assert digest() == digest()


def test_a_license_key_has_one_digest_however_it_is_typed() -> None:
    assert tokens.license_key_digests(KEY) == tokens.license_key_digests(
        " aaaaa aaaaaaaaaa\u2013AAAAA "
    )


def test_an_api_key_is_found_only_as_it_is_written() -> None:
    assert tokens.api_key_digests("lck_pk_A") != tokens.api_key_digests("lck_pk_a")


def test_the_same_text_has_another_digest_for_another_purpose() -> None:
    assert tokens.api_key_digests("AAAAA")[0] != tokens.license_key_digests("AAAAA")[0]


def test_a_machine_cannot_be_followed_from_one_application_to_another() -> None:
    assert tokens.hwid_digest(ONE, "device") != tokens.hwid_digest(OTHER, "device")


@pytest.mark.parametrize("hwids", [("a", "A"), ("a", "a "), ("é", "e\u0301"), ("", " ")])
def test_a_hardware_id_is_taken_to_the_letter(hwids: tuple[str, str]) -> None:
    one, other = hwids

    assert tokens.hwid_digest(ONE, one) != tokens.hwid_digest(ONE, other)


@pytest.mark.parametrize(
    ("ring", "digest"),
    [
        ("INDEX_KEYS", lambda: tokens.api_key_digests("lck_pk_x")[0]),
        ("INDEX_KEYS", lambda: tokens.license_key_digests(KEY)[0]),
        ("HWID_KEYS", lambda: tokens.hwid_digest(ONE, "device")),
    ],
)
def test_another_key_makes_another_digest(settings: LazySettings, ring: str, digest) -> None:
    before = digest()
    setattr(settings, ring, {"another": b"x" * 32})

    assert digest() != before


def test_a_session_token_needs_no_key() -> None:
    assert tokens.session_token_digest(ONE) == hashlib.sha256(ONE.bytes).digest()
