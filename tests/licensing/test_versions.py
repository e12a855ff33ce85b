"""Versions in their order: as Semantic Versioning 2.0.0 has it, and as people expect beyond it."""

import itertools

import pytest

from licensing.errors import InvalidRequestError
from licensing.versions import KEY_MAX, bounds, version_key

# Section 11 of Semantic Versioning, and what else is seen in the wild; each comes before the next.
IN_ORDER = [
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0beta10",
    "1.0.0-rc.1",
    "1.0",
    "v1.0.1",
    "1.2",
    "1.2.0.1",
    "1.9.9",
    "1.10.0",
    "2",
    "2024.10.3",
    "2024.11",
    "20251125123000",
]


@pytest.mark.parametrize(("earlier", "later"), list(itertools.pairwise(IN_ORDER)))
def test_versions_have_an_order(earlier: str, later: str) -> None:
    assert version_key(earlier).encode() < version_key(later).encode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2", "1.2.0"),
        ("v1.2", "1.2"),
        ("01.2", "1.2"),
        ("1.2+build.7", "1.2"),
        ("1.0rc1", "1.0-rc.1"),
    ],
)
def test_some_are_written_in_two_ways(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "one.two",
        "1..2",
        "1.2.",
        "-1",
        "1.2 beta",
        "١.٢",
        "1.2.3.4.5.6.7",
        "9" * 15,
        "1\n2",
        "1'2",
    ],
)
def test_what_is_no_version_has_no_place_in_the_order(text: str) -> None:
    assert version_key(text) == ""


def test_every_key_has_room_in_its_column() -> None:
    longest = "1.1.1.1.1.1-" + "1a" * 19

    assert len(longest) == 50
    assert 0 < len(version_key(longest)) <= KEY_MAX


@pytest.mark.parametrize(
    ("upper", "inside", "outside"),
    [
        ("2", "2.9.9", "3.0"),
        ("2", "1.0", "3.0.0-alpha"),
        ("2.4", "2.4.1", "2.5"),
        ("2.4", "2.4.0-rc.1", "2.40"),
        ("2.4.1", "2.4.1", "2.4.2"),
        ("2.4-beta", "2.4-alpha", "2.4"),
    ],
)
def test_an_upper_bound_means_all_that_begins_like_it(
    upper: str, inside: str, outside: str
) -> None:
    key = bounds("", upper)["app_version_max_key"]

    assert version_key(inside) <= key < version_key(outside)


def test_no_bound_has_no_key() -> None:
    assert bounds("", "") == {"app_version_min_key": "", "app_version_max_key": ""}


@pytest.mark.parametrize("pair", [("x", ""), ("", "latest"), ("2.1", "2.0"), ("3", "2")])
def test_bounds_that_make_no_sense_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="app_version_m"):
        bounds(*pair)
