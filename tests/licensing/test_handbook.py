"""The handbook: its pages, what they promise of the code, and whose key they show."""

import datetime as dt
import inspect
import json
import re
import uuid
from pathlib import Path, PurePosixPath

import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from api.errors import STATUSES
from licensing import errors, handbook, markdown, samples
from licensing.applications import rotate_api_key
from licensing.events import SYSTEM
from licensing.models import Application
from tests import factories

DOCS = Path(settings.BASE_DIR) / "docs"
EVERY_PAGE = sorted(handbook.sources())


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team, name="Painter")


@pytest.fixture
def signed_in(client: Client, developer: User) -> Client:
    client.force_login(developer)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_everybody_may_read_every_page(client: Client, path: str) -> None:
    response = client.get(handbook.url(path))

    assert response.status_code == 200
    document = handbook.document(path)
    assert document is not None
    assert f"<title>{escape(document.title)} · Lockence</title>" in response.text
    assert document.summary


def test_the_addresses_are_those_that_refusals_and_footers_name() -> None:
    assert handbook.url("") == "/docs/"
    assert handbook.url("api") == "/docs/api/"
    assert handbook.url("errors/license_expired") == "/docs/errors/license_expired/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        *("nope", "errors/nope", "index", "errors/index", "api.md", "how-to", "README"),
        *("../README", "errors/../api", "..%2fREADME", "%2e%2e/README", "//etc/passwd", "api%00"),
        *("samples/python/init", "samples/python/init.py", "api/"),
    ],
)
def test_what_is_no_page_is_not_found(client: Client, path: str) -> None:
    assert client.get(f"/docs/{path}/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_page_is_read_and_no_more(client: Client, method: str) -> None:
    assert getattr(client, method)("/docs/api/").status_code == 405


# Whose key the samples show


@pytest.mark.django_db
def test_a_visitor_finds_placeholders(client: Client) -> None:
    page = client.get("/docs/api/").text

    assert samples.API_KEY in page
    assert samples.SITE_URL not in page
    assert f"{settings.SITE_URL}/api/v1/init" in page


def test_a_developer_finds_the_samples_with_their_own_key(
    signed_in: Client, application: Application
) -> None:
    response = signed_in.get("/docs/api/")

    languages = len(samples.LANGUAGES)
    assert samples.API_KEY not in response.text
    assert response.text.count(factories.api_key_of(application)) > 6 * languages
    assert "Painter" in response.text
    assert response["Cache-Control"] == "private, no-store"


def test_the_key_shown_is_the_current_one(signed_in: Client, application: Application) -> None:
    old = factories.api_key_of(application)
    rotate_api_key(
        application=application,
        overlap=dt.timedelta(days=1),
        actor=SYSTEM,
        now=timezone.now(),
    )

    page = signed_in.get("/docs/quickstart/").text

    assert factories.api_key_of(application) in page
    assert old not in page


def test_a_developer_chooses_among_their_applications(
    signed_in: Client, application: Application, team: Team
) -> None:
    other = factories.make_application(team, name="Sculptor")

    first = signed_in.get("/docs/api/").text
    chosen = signed_in.get("/docs/api/", {"application": other.pk}).text

    assert factories.api_key_of(application) in first
    assert factories.api_key_of(other) in chosen
    assert factories.api_key_of(application) not in chosen
    assert f'<option value="{other.pk}" selected>Sculptor</option>' in chosen


@pytest.mark.parametrize("asked_for", ["a stranger's", str(uuid.UUID(int=0)), "x", "\x00", ""])
def test_asking_for_anything_else_shows_ones_own(
    signed_in: Client, application: Application, asked_for: str
) -> None:
    foreign = factories.make_application()
    asked_for = str(foreign.pk) if asked_for == "a stranger's" else asked_for

    page = signed_in.get("/docs/api/", {"application": asked_for}).text

    assert factories.api_key_of(application) in page
    assert factories.api_key_of(foreign) not in page
    assert foreign.name not in page.replace("application", "")


def test_a_teammate_who_may_only_look_sees_no_key(
    client: Client, application: Application, teammate: User
) -> None:
    client.force_login(teammate)

    page = client.get("/docs/api/", {"application": application.pk}).text

    assert samples.API_KEY in page
    assert factories.api_key_of(application) not in page


def test_a_key_that_does_not_open_leaves_the_page_readable(
    signed_in: Client, application: Application
) -> None:
    application.api_keys.update(key_ciphertext="broken")

    response = signed_in.get("/docs/api/")

    assert response.status_code == 200
    assert samples.API_KEY in response.text


def test_the_page_asks_no_more_however_many_applications_there_are(
    signed_in: Client, team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        factories.make_application(team, name=f"Application {number}")

    # Log-in session, person, chosen application, its key, the applications to choose from.
    with django_assert_max_num_queries(5):
        signed_in.get("/docs/api/")


# What the pages promise


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    codes = {refusal.code for refusal in refusals()}
    pages = {path.removeprefix("errors/") for path in EVERY_PAGE if path.startswith("errors/")}

    assert pages == codes
    assert {refusal.code for refusal in STATUSES} <= codes


@pytest.mark.parametrize("path", [path for path in EVERY_PAGE if path.startswith("errors/")])
def test_an_errors_page_tells_status_and_message(path: str) -> None:
    [refusal] = [one for one in refusals() if one.code == path.removeprefix("errors/")]
    status = STATUSES.get(refusal)
    where = f"HTTP {status.value}" if status else "In the dashboard and in commands"
    message = (
        "names the field and what is wrong with it"
        if refusal is errors.InvalidRequestError
        else refusal.default_message
    )

    assert text_of(path).startswith(f"# {refusal.code}\n\n> {where} · {message}\n\n")


def test_the_tables_of_both_apis_have_every_code_with_its_status() -> None:
    told = {
        found
        for page in ("api", "management/errors")
        for found in re.findall(r"^\| (\d{3}) \| \[`(\w+)`\]", text_of(page), re.MULTILINE)
    }

    assert told == {(str(status.value), refusal.code) for refusal, status in STATUSES.items()}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "call", ["init", "validate", "heartbeat", "logout", "consume", "variables"]
)
def test_the_api_page_has_every_field_of_an_answer(client: Client, call: str) -> None:
    license = factories.make_license(username="Ada", metadata={"plan": "pro"})
    token = factories.open_session(license)
    sent = {
        "api_key": factories.api_key_of(license.application),
        "license_key": license.reveal(),
        "hwid": "device-1",
        "session_token": str(token),
        "nonce": "0123456789abcdef",
        "entitlement": "pages",
        "idempotency_key": "once",
    }
    pages = factories.make_entitlement(license.application, "pages", "metered", period="month")
    factories.grant(license, pages, 100)

    answer = client.post(f"/api/v1/{call}", sent, content_type="application/json").json()

    section = text_of("api").split(f"\n### {call}\n")[1].split("\n### ")[0]
    shown = json.loads(re.search(r"```json Answer of \w+\n(.*?)```", section, re.S)[1])  # type: ignore[index]
    table = section.split("#### Answer")[1].split("```")[0]
    assert answer["success"] is True
    assert set(shown) | {"nonce"} == set(answer)
    assert {type(value) for value in shown.values()} <= {str, bool, int, dict, list, type(None)}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(answer)
    assert shown["message"] == answer["message"]
    assert set(shown.get("license", {})) == set(answer.get("license", {}))


@pytest.mark.django_db
def test_the_refusal_on_the_api_page_has_every_field_of_one(client: Client) -> None:
    license = factories.make_license()
    sent = {
        "api_key": factories.api_key_of(license.application),
        "license_key": "wrong",
        "hwid": "device-1",
    }

    answer = client.post("/api/v1/init", sent, content_type="application/json").json()

    shown = json.loads(re.search(r"```json Refusal\n(.*?)```", text_of("api"), re.S)[1])  # type: ignore[index]
    assert set(shown) == set(answer)
    assert answer["docs"] == f"{settings.SITE_URL}/docs/errors/license_not_found/"


def test_the_api_page_tells_what_other_origins_may_do(client: Client) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/api/v1/init", headers=asked)
    answer = client.post("/api/v1/init", headers={"Origin": "https://example.com"})

    told = dict(
        re.findall(
            r"^\| (use the method|(?:set|read) the headers) \| (.+) \|$", text_of("api"), re.M
        )
    )
    assert [set(re.findall("`(.+?)`", told[name])) for name in sorted(told)] == [
        set(headers.split(", "))
        for headers in (
            answer["Access-Control-Expose-Headers"],
            preflight["Access-Control-Allow-Headers"],
            preflight["Access-Control-Allow-Methods"],
        )
    ]
    assert preflight.status_code == 204
    assert (answer["Access-Control-Allow-Origin"], answer.cookies) == ("*", {})


def test_every_setting_is_described_and_no_other() -> None:
    root = Path(settings.BASE_DIR)
    code = "".join(
        (root / file).read_text() for file in ("lockence/settings.py", "ops/gunicorn.conf.py")
    )
    read = set(re.findall(r"(?:env\.\w+|_required|_key_ring)\(\s*[\"']([A-Z_]+)", code))

    described = re.findall(r"^\| `([A-Z_]+)` \|", text_of("how-to/self-hosting"), re.MULTILINE)

    assert sorted(described) == sorted(read)


# Links and samples


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


CALLS = ("init", "validate", "heartbeat", "logout", "consume")
SAMPLES = (*CALLS, "complete", "verify", "verify_file")


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
    } | {(language, "webhook") for language in samples.RECEIVERS}


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


def test_no_page_has_styles_or_scripts_of_its_own() -> None:
    for path in EVERY_PAGE:
        document = handbook.document(path)
        assert document is not None
        assert not re.search(r"<(style|script)|\sstyle=|\son\w+=", document.html)


def test_a_list_with_anything_beside_samples_stays_a_list() -> None:
    document = render("# A page\n\n- [Python](samples/python/init.py) is short\n")

    assert "<li>" in document.html
    assert "code-tabs" not in document.html


def render(text: str) -> markdown.Document:
    return markdown.render(text, link=lambda href: href, sample_values={})


def refusals() -> list[type[errors.RefusalError]]:
    return [
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.RefusalError) and member is not errors.RefusalError
    ]


def text_of(path: str) -> str:
    return handbook.sources()[path].read_text()


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
