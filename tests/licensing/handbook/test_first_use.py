"""Two visitors at once are the first to read: what the libraries keep for themselves is made by one of them alone."""

import sys
from collections.abc import Iterator

import pytest
from mdurl._encode import encode_cache
from pygments.lexers import PythonLexer

from licensing import markdown, samples
from tests.threads import at_once

READERS, TRIES = 4, 30
LINK = "[a](https://lockence.example/?q=a%20b)"


@pytest.fixture
def restless_threads() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless_threads")
def test_links_are_whole() -> None:
    told = str(markdown.parse(LINK))

    for _ in range(TRIES):
        encode_cache.clear()

        assert at_once([lambda: str(markdown.parse(LINK))] * READERS) == [told] * READERS


@pytest.mark.usefixtures("restless_threads")
def test_code_is_coloured_by_whole_rules() -> None:
    code = 'value = f"{\'a\'}" + r"\\n" + b"\\x00".decode()'
    told = samples.highlighted(code, "python")
    rules = PythonLexer._tokens  # type: ignore[attr-defined]

    for _ in range(TRIES):
        del PythonLexer._tokens  # type: ignore[attr-defined]

        assert at_once([lambda: samples.highlighted(code, "python")] * READERS) == [told] * READERS
        assert PythonLexer._tokens.keys() == rules.keys()  # type: ignore[attr-defined]
