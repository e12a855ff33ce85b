"""Every claim of docs/security.md names a test, and every test that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


def test_every_test_that_is_named_is_there() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
    ]

    assert NAMED
    assert missing == []


def test_every_claim_names_a_test() -> None:
    claims = [line for line in PAGE.splitlines() if line.startswith("- ")]

    assert [claim for claim in claims if "::test_" not in claim] == []
