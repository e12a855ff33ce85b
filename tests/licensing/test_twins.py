"""Every page of the handbook has a twin in Markdown that says the same, and llms.txt leads to all of them."""

import html
import re
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.test import Client
from markdown_it import MarkdownIt

from accounts.models import Team, User
from licensing import handbook, samples, twins
from tests import factories

EVERY_PAGE = sorted(handbook.sources())


@pytest.mark.django_db
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_names_a_twin_that_says_the_same(client: Client, path: str) -> None:
    page = client.get(handbook.url(path)).text
    [address] = re.findall(r'<link rel="alternate" type="text/markdown" href="([^"]+)">', page)

    twin = client.get(address)

    assert twin.status_code == 200
    assert twin["Content-Type"] == "text/markdown; charset=utf-8"
    assert twin["Link"] == f'<{handbook.url(path)}>; rel="canonical"'
    [article] = re.findall(r'<article class="docs-text">(.*?)</article>', page, re.DOTALL)
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(twin.text)
    # The page alone has labels and buttons on its code, and marks beside its headings.
    article = re.sub(
        r"<figcaption>.*?</figcaption>|<a class=\"heading-link.*?</a>", "", article, flags=re.S
    )
    assert letters_of(without_labels(rendered)) == letters_of(article)


@pytest.mark.django_db
def test_links_lead_from_twin_to_twin(client: Client) -> None:
    for path in EVERY_PAGE:
        for href in re.findall(r"\]\(([^):#]+\.md)", twins.twin(path) or ""):
            assert client.get(urljoin(twins.url(path), href)).status_code == 200, (path, href)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "nope",
        "errors/nope",
        "errors",
        "../README",
        "%2e%2e/README",
        "samples/python/init.py",
        "/etc/passwd",
        "api%00",
    ],
)
def test_what_is_no_page_has_no_twin(client: Client, path: str) -> None:
    assert client.get(f"/docs/{path}.md").status_code == 404


@pytest.mark.django_db
def test_a_twin_is_read_and_no_more(client: Client) -> None:
    assert client.post("/docs/api.md").status_code == 405
    assert client.post("/llms.txt").status_code == 405


@pytest.mark.django_db
def test_a_visitor_finds_placeholders_and_a_developer_their_key(
    client: Client, developer: User, team: Team
) -> None:
    application = factories.make_application(team)
    api_key = factories.api_key_of(application)

    visitor = client.get("/docs/api.md")
    client.force_login(developer)
    own = client.get("/docs/api.md")

    assert samples.API_KEY in visitor.text
    assert api_key not in visitor.text
    assert samples.API_KEY not in own.text
    assert api_key in own.text
    assert own["Cache-Control"] == "private, no-store"
    assert samples.SITE_URL not in visitor.text


@pytest.mark.django_db
def test_a_teammate_who_may_only_look_finds_no_key(
    client: Client, teammate: User, team: Team
) -> None:
    api_key = factories.api_key_of(factories.make_application(team))
    client.force_login(teammate)

    assert api_key not in client.get("/docs/api.md").text


@pytest.mark.django_db
def test_llms_txt_leads_to_every_twin(client: Client) -> None:
    response = client.get("/llms.txt")

    linked = re.findall(r"^- \[.+\]\((.+)\): .+$", response.text, re.MULTILINE)
    assert response["Content-Type"].startswith("text/plain")
    assert response.text.startswith("# Lockence\n\n> ")
    assert len(linked) == len(set(linked))
    assert set(linked) == {f"{settings.SITE_URL}{twins.url(path)}" for path in EVERY_PAGE if path}


def letters_of(markup: str) -> str:
    """The visible text, without the spaces that colours and tables bring along."""
    return "".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def without_labels(rendered: str) -> str:
    """Leave out the lines that name the language of the code that follows."""
    labels = "|".join(re.escape(one.label) for one in samples.EVERY_LANGUAGE.values())
    return re.sub(rf"<p>(?:{labels}):</p>", "", rendered)
