"""The handbook as plain Markdown, for programs that read: every page beside its twin, and llms.txt to find them."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.urls import reverse

from licensing import handbook, markdown, samples

# https://llmstxt.org: what is told under this heading can be left out where room is short.
_OPTIONAL = "Optional"


def twin(path: str) -> str | None:
    """Return a page as Markdown, with its samples in it and the site's own address; None when there is no such page."""
    if path not in handbook.sources():
        return None
    values = {samples.SITE_URL: settings.SITE_URL}
    text = handbook.text(path)
    return "\n".join(_lines(text, values)).replace(samples.SITE_URL, settings.SITE_URL) + "\n"


def url(path: str) -> str:
    """Return where a page's twin is: at the place of its file, so that the links in it lead from twin to twin."""
    return reverse("docs-markdown", args=[_file(handbook.sources()[path])])


def path_of(file: str) -> str | None:
    """Return the page whose twin is asked for by its file without `.md`, None for what is none."""
    return next(
        (path for path, source in handbook.sources().items() if _file(source) == file), None
    )


def llms_txt() -> str:
    """Return the table of contents for language models, as https://llmstxt.org has it."""
    summary = handbook.document("")
    assert summary is not None
    return "\n".join(["# Lockence", "", f"> {summary.summary}", *_sections(), ""])


def _sections() -> Iterator[str]:
    told = {""}
    for section in handbook.navigation():
        yield from ("", f"## {section.title}", "")
        for entry in section.entries:
            told.add(entry.path)
            yield _entry(entry.path)
    yield from ("", f"## {_OPTIONAL}", "")
    yield from (_entry(path) for path in handbook.sources() if path not in told)


def _entry(path: str) -> str:
    document = handbook.document(path)
    assert document is not None
    return f"- [{document.title}]({settings.SITE_URL}{url(path)}): {document.summary}"


def _lines(text: str, values: dict[str, str]) -> Iterator[str]:
    """The lines of a page, with code in place of each list of samples."""
    lines, told = text.splitlines(), 0
    for start, end, named in markdown.lists_of_samples(text):
        yield from lines[told:start]
        for language, name in named:
            sample = samples.read_sample(samples.EVERY_LANGUAGE[language], name, values)
            yield from (
                f"{sample.label}:", "",
                f"```{samples.EVERY_LANGUAGE[language].lexer}", *sample.text.splitlines(), "```", "",
            )  # fmt: skip
        told = end
    yield from lines[told:]


def _file(source: Path) -> str:
    return str(PurePosixPath(source.relative_to(handbook.DOCS_DIR).as_posix()).with_suffix(""))
