"""Markdown of the handbook to HTML: heading ids, links between files, highlighted code, language tabs.

The same files read well where they lie: a link goes to the file, and a list of nothing but links to samples, one for each
language, is what becomes a block with tabs here.
"""

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments.util import ClassNotFound

from licensing.samples import EVERY_LANGUAGE, highlighted, read_sample

_LABELS = {"sh": "Shell", "json": "JSON", "text": "Text", "http": "HTTP", "ini": "Settings"}
_SAMPLE = re.compile(r"(?:.*/)?samples/(?P<language>\w+)/(?P<sample>[\w-]+)(?P<suffix>\.\w+)")

# mdurl fills the tables by which it escapes links on first use, where another thread already finds them half full.
_PARSING = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class Heading:
    level: int
    id: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """A rendered page: `title` is its first heading, `summary` its first paragraph, both as plain text."""

    title: str
    summary: str
    html: SafeString
    headings: tuple[Heading, ...]


def parse(text: str) -> list[Token]:
    """Return the tokens of a text: CommonMark with tables; HTML in it is shown, not obeyed."""
    with _PARSING:
        return MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)


def render(text: str, *, link: Callable[[str], str], sample_values: Mapping[str, str]) -> Document:
    """Return a text as HTML; `link` turns an address as it is written into one of the site."""
    tokens = list(_with_tabs(parse(text)))
    headings = tuple(_give_ids(tokens))
    for token in _links(tokens):
        token.attrs["href"] = link(str(token.attrs["href"]))
    body = _Renderer(sample_values).render(tokens, _NO_OPTIONS, {})
    paragraphs = (plain_text(following) for token, following in _pairs(tokens, "paragraph_open"))
    return Document(
        title=headings[0].text,
        summary=next(paragraphs, ""),
        html=mark_safe(body),  # noqa: S308 (the renderer escapes)
        headings=headings,
    )


def plain_text(inline: Token) -> str:
    """Return what an inline token says, without its marks."""
    parts = (child.content if child.content else " " for child in inline.children or ()
             if child.type in ("text", "code_inline", "softbreak"))  # fmt: skip
    return "".join(parts)


def sample_of(href: str) -> tuple[str, str] | None:
    """Return language and name of the sample that an address leads to, if it leads to one.

    A name with a suffix is that of a file with another one than its language's samples have, such as a header of C++.
    """
    found = _SAMPLE.fullmatch(href)
    if found is None or found["language"] not in EVERY_LANGUAGE:
        return None
    language = EVERY_LANGUAGE[found["language"]]
    other_suffix = found["suffix"] if found["suffix"] != language.suffix else ""
    return language.name, found["sample"] + other_suffix


def lists_of_samples(text: str) -> Iterator[tuple[int, int, list[tuple[str, str]]]]:
    """Yield the first line, the line behind the last, and the samples of each list that stands for code."""
    for token in _with_tabs(parse(text)):
        if token.type == "code_tabs" and token.map:
            yield token.map[0], token.map[1], token.meta["samples"]


def slug(text: str) -> str:
    """Return a heading's id, made as code hosts make it, so that links to it work there too."""
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


class _Renderer(RendererHTML):
    """Code goes through the same components as on every other page."""

    def __init__(self, sample_values: Mapping[str, str]) -> None:
        super().__init__()
        self.sample_values = sample_values
        self.blocks = 0

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        language, _, title = tokens[idx].info.partition(" ")
        text = tokens[idx].content
        try:
            html = highlighted(text, language or "text")
        except ClassNotFound:
            html = escape(text)
        label = title or _LABELS.get(language, "Text")
        context = {"id": self._next_id(), "label": label, "html": html}
        return render_to_string("components/_code.html", context)

    def code_tabs(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        samples = [
            read_sample(EVERY_LANGUAGE[language], sample, self.sample_values)
            for language, sample in tokens[idx].meta["samples"]
        ]
        context = {"id": self._next_id(), "samples": samples}
        return render_to_string("components/_code_tabs.html", context)

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return '<div class="docs-table" tabindex="0"><table>'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table></div>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        id = tokens[idx - 2].attrs["id"]
        link = f'<a class="heading-link" href="#{id}" aria-hidden="true" tabindex="-1">#</a>'
        return f"{'' if tokens[idx].tag == 'h1' else link}</{tokens[idx].tag}>"

    def _next_id(self) -> str:
        self.blocks += 1
        return f"code-{self.blocks}"


_NO_OPTIONS: Any = MarkdownIt("commonmark").options


def _give_ids(tokens: list[Token]) -> Iterator[Heading]:
    given: dict[str, int] = {}
    for token, inline in _pairs(tokens, "heading_open"):
        text = plain_text(inline)
        id = slug(text)
        given[id] = given.get(id, -1) + 1
        token.attrs["id"] = f"{id}-{given[id]}" if given[id] else id
        yield Heading(int(token.tag[1:]), str(token.attrs["id"]), text)


def _links(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from (child for child in token.children or () if child.type == "link_open")


def _pairs(tokens: list[Token], opening: str) -> Iterator[tuple[Token, Token]]:
    """Every opening of a kind with the inline token that follows it."""
    for token, following in zip(tokens, tokens[1:], strict=False):
        if token.type == opening:
            yield token, following


def _with_tabs(tokens: list[Token]) -> Iterator[Token]:
    """Give one token for each list of samples, and every other token as it is."""
    end = 0
    for start, token in enumerate(tokens):
        if start < end:
            continue
        if token.type == "bullet_list_open":
            length = next(
                length
                for length, other in enumerate(tokens[start:], 1)
                if other.type == "bullet_list_close" and other.level == token.level
            )
            if samples := _samples_in(tokens[start : start + length]):
                end = start + length
                yield Token("code_tabs", "", 0, map=token.map, meta={"samples": samples})
                continue
        yield token


def _samples_in(tokens: list[Token]) -> list[tuple[str, str]] | None:
    """The samples that a list names, if it holds nothing but links to samples."""
    samples = []
    for inline in (token for token in tokens if token.type == "inline"):
        children = inline.children or []
        if [child.type for child in children] != ["link_open", "text", "link_close"]:
            return None
        samples.append(sample_of(str(children[0].attrs["href"])))
    found = [sample for sample in samples if sample]
    return found if found and len(found) == len(samples) else None


def relative(href: str, source: PurePosixPath) -> tuple[str, str]:
    """Return path, from the docs folder, and fragment of a relative address that stands in `source`."""
    path, _, fragment = href.partition("#")
    parts: list[str] = []
    for part in (source.parent / path).parts if path else source.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts), fragment
