"""The samples of the calls beyond the first ones: variables, borrow, checkout, release and offline, run as a reader would."""

import datetime as dt
import re

import pytest
from django.utils import timezone
from lockence_client import request_code

from licensing import samples
from licensing.models import License, Session
from tests import factories
from tests.contract.test_samples import Workshop, sample_of
from tests.contract.test_samples import language as language  # a fixture
from tests.contract.test_samples import workshop as workshop  # a fixture
from tests.servers import Server

LICENSE_FILE = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


@pytest.fixture
def license(transactional_db: None) -> License:
    application = factories.make_application()
    factories.make_variable(application, "MODEL_URL", "https://models.example.com/7")
    policy = factories.make_policy(application, borrow_max_seconds=30 * 86_400)
    return factories.make_license(application, policy=policy)


@pytest.fixture
def values(server: Server, license: License) -> dict[str, str]:
    return {
        samples.SITE_URL: server.url,
        samples.API_KEY: factories.api_key_of(license.application),
        samples.LICENSE_KEY: license.reveal(),
    }


def test_the_samples_of_a_session_work_one_after_the_other(
    license: License, values: dict[str, str], workshop: Workshop, language: str
) -> None:
    values[samples.SESSION_TOKEN] = str(factories.open_session(license))

    told, borrowed, file, released = (
        workshop.run(sample_of(language, call, values), language)
        for call in ("variables", "borrow", "checkout", "release")
    )

    session = Session.objects.get()
    assert "MODEL_URL" in told
    assert "https://models.example.com/7" in told
    assert f"{session.borrowed_until:%Y-%m-%dT%H:%M:%S}" in borrowed
    assert 6 <= (session.borrowed_until - timezone.now()) / dt.timedelta(days=1) <= 7
    assert LICENSE_FILE.search(file)
    assert "2" in released
    assert session.ended_reason == Session.EndedReason.DEVICE_RELEASED


def test_the_sample_of_offline_exchanges_a_code(
    license: License, values: dict[str, str], workshop: Workshop, language: str
) -> None:
    values[samples.REQUEST_CODE] = request_code(str(license.application_id), "a device afar")

    file = workshop.run(sample_of(language, "offline", values), language)

    assert LICENSE_FILE.search(file)
    assert license.devices.count() == 1


def test_a_refused_call_tells_why(
    values: dict[str, str], workshop: Workshop, language: str
) -> None:
    del values[samples.LICENSE_KEY]

    said = {
        call: workshop.run(sample_of(language, call, values), language)
        for call in ("variables", "borrow", "checkout", "release", "offline")
    }

    # The request code that stands in the sample is none.
    assert "invalid_request" in said.pop("offline")
    assert all("session_not_found" in text for text in said.values()), said
