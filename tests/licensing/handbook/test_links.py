"""Links and samples: where they lead, and that none is missing."""

import re
from pathlib import Path, PurePosixPath

import pytest
from django.conf import settings
from django.urls import Resolver404, resolve

from licensing import handbook, markdown, samples
from tests.licensing.handbook.conftest import DOCS, EVERY_PAGE, text_of


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_link_leads_somewhere(path: str) -> None:
    for href in links_of(path):
        assert leads_somewhere(href, path), f"{href} in {handbook.sources()[path]}"


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_to_a_file_leads_to_one(file: str) -> None:
    text = (Path(settings.BASE_DIR) / file).read_text()

    for href in re.findall(r"\]\(([^)#]+)\)", text):
        assert href.startswith("https://") or (Path(settings.BASE_DIR) / href).exists(), href


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, waiting = {""}, [""]
    while waiting:
        found = {page_of(href, path) for path in [waiting.pop()] for href in links_of(path)}
        waiting += found - reached - {None}
        reached |= found

    assert set(EVERY_PAGE) <= reached


FIRST_CALLS = ("init", "validate", "heartbeat", "logout")
OTHER_CALLS = ("consume", "release", "borrow", "checkout", "variables", "offline")
SAMPLES = (*FIRST_CALLS, *OTHER_CALLS, "complete", "verify", "verify_file")


def test_every_sample_is_shown_in_every_language() -> None:
    shown = {
        samples.EVERY_LANGUAGE[found[0]].path(found[1])
        for path in EVERY_PAGE
        for found in map(markdown.sample_of, links_of(path))
        if found
    }

    assert shown == {file for file in samples.SAMPLES_DIR.rglob("*") if file.is_file()}
    assert {(file.parent.name, file.stem) for file in shown} == {
        (language, sample) for language in samples.LANGUAGES for sample in SAMPLES
    } | {(language, "webhook") for language in samples.RECEIVERS} | {
        # What two verifiers share.
        ("cpp", "json"),
        ("csharp", "ed25519"),
    }


def test_the_navigation_is_what_the_first_page_lists() -> None:
    sections = handbook.navigation()

    assert [section.title for section in sections] == [
        "Start",
        "Reference",
        "How to",
        "Models of licensing",
        "Inside",
    ]
    assert sections[1].entries[0] == handbook.Entry("api", "API documentation", "/docs/api/")


def test_no_page_has_styles_or_scripts_of_its_own() -> None:
    for path in EVERY_PAGE:
        document = handbook.document(path)
        assert document is not None
        assert not re.search(r"<(style|script)|\sstyle=|\son\w+=", document.html)


def links_of(path: str) -> list[str]:
    tokens = markdown.parse(text_of(path))
    return [
        str(child.attrs["href"])
        for token in tokens
        for child in token.children or ()
        if child.type == "link_open"
    ]


def place_of(path: str) -> PurePosixPath:
    return PurePosixPath(handbook.sources()[path].relative_to(DOCS).as_posix())


def page_of(href: str, path: str) -> str | None:
    """The page that a link of another leads to, if it leads to one."""
    for page in EVERY_PAGE:
        if handbook.site_link(href, place_of(path)).partition("#")[0] == handbook.url(page):
            return page
    return None


def leads_somewhere(href: str, path: str) -> bool:
    if href.startswith("https://"):
        return True
    if href.startswith("/"):
        return is_an_address(href)
    target, fragment = markdown.relative(href, place_of(path))
    if not target.endswith(".md"):
        return (DOCS / target).is_file()
    page = path if href.startswith("#") else page_of(href, path)
    document = handbook.document(page) if page is not None else None
    if document is None:
        return False
    return not fragment or fragment in {heading.id for heading in document.headings}


def is_an_address(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
