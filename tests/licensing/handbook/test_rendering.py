"""What becomes of a page that is written in Markdown."""

import re

from licensing import markdown


def test_headings_have_ids_and_make_the_table_of_contents() -> None:
    document = render("# A page\n\n## What `init` does\n\nText.\n\n## What `init` does\n")

    assert [heading.id for heading in document.headings] == [
        *("a-page", "what-init-does", "what-init-does-1")
    ]
    assert '<h2 id="what-init-does">What <code>init</code> does' in document.html
    assert document.title == "A page"


def test_html_in_a_page_is_shown_and_not_obeyed() -> None:
    document = render("# <script>\n\n<b onclick=x>\n\n```\n<i>\n```\n\n```nonsense\n<u>\n```\n")

    assert not re.search("<(script|b|i|u)[ >]", document.html)
    assert "&lt;script&gt;" in document.html


def test_a_list_with_anything_beside_samples_stays_a_list() -> None:
    document = render("# A page\n\n- [Python](samples/python/init.py) is short\n")

    assert "<li>" in document.html
    assert "code-tabs" not in document.html


def render(text: str) -> markdown.Document:
    return markdown.render(text, link=lambda href: href, sample_values={})
