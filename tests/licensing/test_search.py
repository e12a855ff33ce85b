"""Searching among licenses, for people: as much as anybody reads, in the order of the list."""

import pytest
from django.http import QueryDict
from django.utils import timezone

from licensing.models import Application, License
from licensing.paging import FEW_ROWS, page_of
from licensing.search import find_licenses
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def application() -> Application:
    return factories.make_application()


def found(application: Application, text: str, matches_max: int = 10) -> list[License]:
    licenses = find_licenses(
        application, text=text, at=timezone.now(), matches_max=matches_max
    ).select_related("policy")
    return page_of(licenses, QueryDict(), key=FEW_ROWS).rows


def test_each_way_of_matching_finds_and_each_license_once(application: Application) -> None:
    ada = factories.make_license(application, username="ada", email="ada@example.com")
    factories.make_license(application, username="bob")

    for text in ("AD", "ada@", ada.key_last5, ada.reveal()):
        assert found(application, text) == [ada]


def test_what_is_found_is_shown_newest_first(application: Application) -> None:
    licenses = [factories.make_license(application, username=f"ada{n}") for n in (3, 1, 2)]

    assert found(application, "ada") == licenses[::-1]


def test_of_too_many_no_more_are_read_than_anybody_looks_at(application: Application) -> None:
    for number in range(5):
        factories.make_license(application, username=f"ada{number}")

    assert len(found(application, "ada", matches_max=3)) == 3


def test_an_underscore_is_an_underscore(application: Application) -> None:
    factories.make_license(application, username="adam")

    assert found(application, "ad_") == []
