"""The pages about bulk jobs, as people see them, and the one that keeps itself up to date."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Team, User
from licensing import bulk_pieces, licenses
from licensing.events import SYSTEM
from licensing.models import Application, BulkJob
from tests import factories
from tests.pages.conftest import assert_good_page


@pytest.fixture
def application(team: Team) -> Application:
    return factories.make_application(team, "Photo Studio")


@pytest.fixture
def tried(application: Application) -> BulkJob:
    """A dry run of which some would fail."""
    rows = factories.make_licenses(application, 5)
    licenses.revoke_license(license=rows[0], actor=SYSTEM, now=timezone.now())
    return factories.make_finished_dry_run(*rows)


@pytest.mark.parametrize("path", ["", "issue/", "act/", "file/", "{job}/", "{job}/perform/"])
def test_every_page_about_bulk_jobs_is_a_good_page(
    path: str,
    page: Page,
    sign_in: Callable[[User], None],
    developer: User,
    application: Application,
    tried: BulkJob,
) -> None:
    sign_in(developer)
    page.goto(f"{application.get_absolute_url()}bulk/" + path.format(job=tried.pk))

    assert_good_page(page)


def test_progress_shows_by_itself(
    page: Page, sign_in: Callable[[User], None], developer: User, application: Application
) -> None:
    job = factories.make_bulk_job(*factories.make_licenses(application, 3))
    sign_in(developer)
    page.goto(job.get_absolute_url())
    expect(page.get_by_text("0 of 3").first).to_be_visible()

    bulk_pieces.run_job(job_id=job.pk, now=timezone.now)

    expect(page.get_by_text("Finished")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("3 of 3").first).to_be_visible()
    assert_good_page(page)
