"""Other people's text, made fit for a terminal, for JSON and for a spreadsheet."""

import datetime as dt
import json
import re
from typing import Any

# What a terminal obeys (C0, DEL, C1), what turns or hides the text around it (marks of direction, invisible
# separators and tags), and halves of characters, which no encoding can write.
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# A cell that begins like this is a formula to a spreadsheet (OWASP, CSV injection), the full-width forms included.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def plain(value: object) -> str:
    """Return a text in which whatever a terminal would obey stands as an escape, such as \\x1b."""
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), str(value))


def as_json(value: Any) -> str:
    """Return JSON on one line, readable, and as safe to look at as `plain` text."""
    written = json.dumps(value, ensure_ascii=False)
    return _UNFIT.sub(lambda found: json.dumps(found[0])[1:-1], written)


def as_cell(value: object) -> str:
    """Return a text that no spreadsheet takes for a formula; a quote in front says so to it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def shown(value: Any) -> str:
    """Return a member of an answer as people read it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return as_json(value)
    return plain(value)


def shown_moment(value: str | None, otherwise: str = "–") -> str:
    """Return a moment of an answer in UTC without fractions, or what an absent one means."""
    if not value:
        return otherwise
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return plain(value)
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%SZ}"
