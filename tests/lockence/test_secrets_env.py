"""Secrets: fresh ones, those of development, and how a ring of keys is written."""

import base64
from pathlib import Path

import pytest

from lockence import secrets_env

ONE, TWO = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def test_a_ring_keeps_its_order() -> None:
    ring = secrets_env.key_ring(f"new:{TWO}, old:{ONE}")

    assert list(ring.items()) == [("new", b"\2" * 32), ("old", b"\1" * 32)]


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f":{ONE}",
        f"a b:{ONE}",
        f"a:{ONE},a:{TWO}",
        "a:",
        "a:%%%",
        f"a:{ONE}AA",
        f"{'a' * 33}:{ONE}",
    ],
)
def test_a_malformed_ring_is_refused_without_showing_a_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"id of its own|not 32 bytes") as refusal:
        secrets_env.key_ring(text)

    assert ONE not in str(refusal.value)


@pytest.mark.parametrize("text", [" ", ",", " , "])
def test_a_ring_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no key in it"):
        secrets_env.key_ring(text)


@pytest.mark.parametrize(
    ("rings", "secret_key", "complaint"),
    [
        ({"A": {"x": b"1", "y": b"1"}}, "s", "A 'x' and A 'y' are the same key"),
        ({"A": {"x": b"1"}, "B": {"y": b"1"}}, "s", "A 'x' and B 'y' are the same key"),
        ({"A": {"x": b"1"}}, base64.b64encode(b"1").decode(), "SECRET_KEY and A 'x' are the same"),
    ],
)
def test_a_key_that_serves_twice_is_refused(
    rings: dict[str, dict[str, bytes]], secret_key: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        secrets_env.refuse_equal_keys(rings, secret_key)


def test_fresh_lines_hold_new_keys_every_time() -> None:
    first, second = secrets_env.fresh_lines(), secrets_env.fresh_lines()

    assert list(first) == ["SECRET_KEY", *secrets_env.KEY_RINGS]
    assert all(first[name] != second[name] for name in first)


def test_development_secrets_are_private_and_stay(tmp_path: Path) -> None:
    path = secrets_env.development_file(tmp_path / "var" / "secrets.env")
    written = path.read_text()

    secrets_env.development_file(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == written
    assert [line.split("=")[0] for line in written.splitlines()] == list(secrets_env.fresh_lines())


def test_a_secret_that_a_newer_version_asks_for_is_added(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_text("SECRET_KEY=old\n")

    secrets_env.development_file(path)

    assert path.read_text().startswith("SECRET_KEY=old\nENCRYPTION_KEYS=")
