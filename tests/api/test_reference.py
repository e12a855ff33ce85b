"""The reference in the handbook: whatever the OpenAPI document has, a reader finds on the page, without JavaScript."""

import html
import json
import re
from typing import Any

import pytest
from django.test import Client

from api.description.document import document

DOCUMENT: dict[str, Any] = json.loads(document())


@pytest.fixture
def page(client: Client, db: None) -> str:
    return client.get("/docs/reference/").text


def test_every_call_is_on_the_page_with_all_that_it_takes(page: str) -> None:
    for path, item in DOCUMENT["paths"].items():
        for method, call in item.items():
            told = section_with(f"<code>{method.upper()} {html.escape(path)}</code>", page)
            assert call["summary"] in html.unescape(told)
            taken = {one["name"] for one in call.get("parameters", []) if one["in"] != "header"}
            assert [name for name in taken if f"<code>{name}</code>" not in told] == []
            assert [code for code in call["responses"] if code not in told] == []


def test_calls_are_shown_with_what_the_handbook_sends(page: str) -> None:
    path = "/api/v1/applications/{application_id}/licenses/{id}/extend"
    told = html.unescape(section_with(f"<code>POST {path}</code>", page))

    assert 'For example <code>{"expires_at": "2099-12-31T23:59:59Z"}</code>' in told


def test_every_object_is_on_the_page_with_all_its_members(page: str) -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        told = page.split(f'<h3 id="{name.lower()}">')[1].split("<h3")[0]
        for member in schema.get("properties", {}):
            assert f"<code>{member}</code>" in told, (name, member)


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    targets = set(re.findall(r'id="([^"]+)"', page))

    assert set(re.findall(r'href="#([^"]+)"', page)) <= targets


def test_the_calls_of_programs_are_there_with_their_members(page: str) -> None:
    told = section_with("<code>POST /api/v1/init</code>", page)

    assert {"api_key", "license_key", "hwid", "nonce"} <= set(
        re.findall(r"<code>(\w+)</code>", told)
    )
    assert "up to 256 characters" in told


def section_with(mark: str, page: str) -> str:
    [section] = [part for part in re.split(r"(?=<h[23] )", page) if mark in part]
    return section
