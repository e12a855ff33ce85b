"""The code samples of the handbook: files under docs/samples/, highlighted, with values in place of their placeholders."""

import dataclasses
import json
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

SAMPLES_DIR = Path(settings.BASE_DIR) / "docs" / "samples"

# What stands in the files. Each is a text inside quotes, so that an escaped value can take its place.
SITE_URL = "https://lockence.example"
API_KEY = "lck_pk_YOUR_API_KEY"
LICENSE_KEY = "XXXXX-XXXXX-XXXXX-XXXXX"
SESSION_TOKEN = "00000000-0000-4000-8000-000000000000"  # noqa: S105 (a placeholder)
REQUEST_CODE = "REQ1-OF-THE-DEVICE"
_PLACEHOLDERS = (SITE_URL, API_KEY, LICENSE_KEY, SESSION_TOKEN, REQUEST_CODE)
_PLACEHOLDER = re.compile("|".join(map(re.escape, _PLACEHOLDERS)))
# Pygments compiles the rules of a language on first use, in places that all threads share.
_LEXERS = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class Language:
    """`name` is the folder, `label` what people call it, `escape` writes a text inside the quotes that its samples use."""

    name: str
    label: str
    suffix: str
    lexer: str
    escape: Callable[[str], str]

    def path(self, sample: str) -> Path:
        """Return the file of a sample; a name with a suffix of its own stands for the whole name of the file."""
        return SAMPLES_DIR / self.name / (sample if "." in sample else f"{sample}{self.suffix}")


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """Code in one language, as `components/_code_tabs.html` shows it; `text` is the same without colours."""

    language: str
    label: str
    html: SafeString
    text: str


def read_sample(language: Language, sample: str, values: Mapping[str, str] | None = None) -> Sample:
    """Return a sample with values in place of placeholders; one without a value stays as it is."""
    source = language.path(sample).read_text(encoding="utf-8")
    text = filled(source, language, values or {})
    return Sample(language.name, language.label, highlighted(text, language.lexer), text)


def filled(source: str, language: Language, values: Mapping[str, str]) -> str:
    """Return code with each placeholder replaced by its value, escaped for the language."""
    escaped = {placeholder: language.escape(value) for placeholder, value in values.items()}
    # In one pass, so that a value that looks like a placeholder is left alone.
    return _PLACEHOLDER.sub(lambda found: escaped.get(found[0], found[0]), source)


def highlighted(text: str, lexer: str) -> SafeString:
    """Return code as HTML with the short classes of Pygments; raises ClassNotFound for a language it does not know."""
    with _LEXERS:
        reader = get_lexer_by_name(lexer)
    html = highlight(text, reader, HtmlFormatter(nowrap=True))
    return mark_safe(_UNCOLOURED.sub(r"\1", html).rstrip())  # noqa: S308 (Pygments escapes)


# White space, punctuation, operators and plain names: they have no colour, and are half of a page.
_UNCOLOURED = re.compile(r'<span class="(?:w|p|o|n|nx|nl|no|nv|vg)">([^<]*)</span>')


def _in_double_quotes(written: Callable[[str], str], special: str = '\\"') -> Callable[[str], str]:
    """Return what escapes a text for double quotes: a backslash before what is special, `written` beyond printable ASCII.

    Control characters end a text in some languages, as U+2028 does in C#.
    """

    def escape(text: str) -> str:
        return "".join(_escaped(character) for character in text)

    def _escaped(character: str) -> str:
        if character in special:
            return f"\\{character}"
        return character if " " <= character <= "~" else written(character)

    return escape


def _in_shell_json(text: str) -> str:
    """Write a text into JSON that stands in the shell's single quotes."""
    return json.dumps(text)[1:-1].replace("'", r"'\''")


_by_code_point = _in_double_quotes(lambda character: f"\\U{ord(character):08x}")


def _braced(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"


_by_brace = _in_double_quotes(_braced)
_by_octal_byte = _in_double_quotes(
    lambda character: "".join(f"\\{byte:03o}" for byte in character.encode()),
    # Two question marks begin a trigraph in C++ before 2017.
    special='\\"?',
)

LANGUAGES = {
    language.name: language
    for language in (
        Language("python", "Python", ".py", "python", _by_code_point),
        Language("csharp", "C#", ".cs", "csharp", _by_code_point),
        Language("cpp", "C++", ".cpp", "cpp", _by_octal_byte),
        Language("javascript", "JavaScript", ".mjs", "javascript", _by_brace),
        Language("curl", "curl", ".sh", "bash", _in_shell_json),
    )
}
# Programs of customers are not written in these, but servers that get webhooks are.
_OF_SERVERS = (
    Language("go", "Go", ".go", "go", _by_code_point),
    Language("php", "PHP", ".php", "php", _in_double_quotes(_braced, special='\\"$')),
)
EVERY_LANGUAGE = LANGUAGES | {language.name: language for language in _OF_SERVERS}
RECEIVERS = ("python", "javascript", "csharp", "go", "php")
