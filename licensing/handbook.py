"""The handbook: the Markdown files under docs/ as pages of the site, and the snippet that the dashboard shows."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string
from markdown_it.token import Token

from licensing import markdown, samples

DOCS_DIR = Path(settings.BASE_DIR) / "docs"
SNIPPET = "init"
_INDEX = "index"


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation; `path` is that of the page."""

    path: str
    label: str
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    title: str
    entries: tuple[Entry, ...]


@functools.cache
def sources() -> dict[str, Path]:
    """Return the file of every page by the page's path: `errors/license_expired`, and nothing for the first page."""
    files = sorted(DOCS_DIR.rglob("*.md"))
    return {path_of(file): file for file in files}


def document(path: str) -> markdown.Document | None:
    """Return a rendered page, None when there is none. Only known paths are looked up: none is joined to a folder."""
    source = sources().get(path)
    if source is None:
        return None
    return _document(source, source.stat().st_mtime_ns, settings.SITE_URL)


def text(path: str) -> str:
    """Return the Markdown of a page that there is: its file, and the chapter that code adds (HANDBOOK_CHAPTERS)."""
    told = sources()[path].read_text(encoding="utf-8")
    if path not in settings.HANDBOOK_CHAPTERS:
        return told
    chapter: str = import_string(settings.HANDBOOK_CHAPTERS[path])()
    return f"{told}\n{chapter}"


def path_of(source: Path) -> str:
    return _path_of(PurePosixPath(source.relative_to(DOCS_DIR).as_posix()))


def navigation() -> tuple[Section, ...]:
    """Return the sections of the first page, which is the table of contents: its headings and the links below them."""
    source = sources()[""]
    return _navigation(source, source.stat().st_mtime_ns)


def url(path: str) -> str:
    if not path:
        return reverse("docs")
    return reverse("docs-api") if path == "api" else reverse("docs-page", args=[path])


def snippet(language: str, *, api_key: str, license_key: str, url: str) -> samples.Sample:
    """Return the shortest program that opens a session, in one of `samples.LANGUAGES`, with everything filled in."""
    values = {samples.API_KEY: api_key, samples.LICENSE_KEY: license_key, samples.SITE_URL: url}
    return samples.read_sample(samples.LANGUAGES[language], SNIPPET, values)


def snippets(*, api_key: str, license_key: str, url: str) -> list[samples.Sample]:
    """Return the snippet in every language, for `components/_code_tabs.html`."""
    return [
        snippet(language, api_key=api_key, license_key=license_key, url=url)
        for language in samples.LANGUAGES
    ]


def site_link(href: str, source: PurePosixPath) -> str:
    """Return where a link in the file `source` (below docs/) leads on the site; what is no page is left as written."""
    if urlsplit(href).scheme or href.startswith(("/", "#")):
        return href
    target, fragment = markdown.relative(href, source)
    path = _path_of(PurePosixPath(target))
    if not target.endswith(".md") or path not in sources():
        return href
    return f"{url(path)}#{fragment}" if fragment else url(path)


@functools.lru_cache(maxsize=256)
def _document(source: Path, mtime: int, site_url: str) -> markdown.Document:
    place = PurePosixPath(source.relative_to(DOCS_DIR).as_posix())
    return markdown.render(
        text(path_of(source)).replace(samples.SITE_URL, site_url),
        link=lambda href: site_link(href, place),
        sample_values={samples.SITE_URL: site_url},
    )


@functools.lru_cache(maxsize=1)
def _navigation(source: Path, mtime: int) -> tuple[Section, ...]:
    return tuple(_sections(source.read_text(encoding="utf-8")))


def _sections(text: str) -> Iterator[Section]:
    title, entries = "", list[Entry]()
    for token, following in _with_next(markdown.parse(text)):
        if token.type == "heading_open" and token.tag == "h2":
            if entries:
                yield Section(title, tuple(entries))
            title, entries = markdown.plain_text(following), []
        elif token.type == "inline" and title:
            entries += _entries(token)
    yield Section(title, tuple(entries))


def _entries(inline: Token) -> Iterator[Entry]:
    for child, label in _with_next(inline.children or []):
        if child.type != "link_open":
            continue
        path = _path_of(PurePosixPath(str(child.attrs["href"])))
        if path in sources():
            yield Entry(path, label.content, url(path))


def _with_next(tokens: list[Token]) -> Iterator[tuple[Token, Token]]:
    return zip(tokens, tokens[1:], strict=False)


def _path_of(file: PurePosixPath) -> str:
    path = file.with_suffix("")
    if path.name == _INDEX:
        path = path.parent
    return "" if path == PurePosixPath(".") else str(path)
