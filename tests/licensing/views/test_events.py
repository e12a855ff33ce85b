"""What happened in an application, in words."""

from django.test import Client
from django.utils import timezone

from accounts.models import User
from licensing import applications, licenses, policies
from licensing.events import SYSTEM, record, user_actor
from licensing.models import Application, License
from tests import factories
from tests.licensing.views.conftest import statements, text_of, url_of


def test_the_list_tells_who_did_what(
    dashboard: Client, developer: User, application: Application, license: License
) -> None:
    actor = user_actor(developer, "203.0.113.9")
    licenses.change_license(
        license=license,
        policy=license.policy,
        terms=licenses.LicenseTerms(username="Grace", metadata={"plan": "pro"}),
        actor=actor,
    )
    licenses.suspend_license(license=license, actor=actor)

    page = text_of(dashboard.get(url_of(application, "events/")))

    assert "License suspended" in page
    assert "developer@example.com · 203.0.113.9" in page
    assert "<del>Ada</del> → <ins>Grace</ins>" in page
    assert "{&quot;plan&quot;: &quot;pro&quot;}" in page


def test_every_kind_of_event_has_words(
    dashboard: Client, application: Application, license: License
) -> None:
    policy = factories.make_policy(application, name="Trial", duration_seconds=3600)
    rules = policies.Rules(name="Trial", duration_seconds=7200, sessions_max=2)
    policies.change_policy(policy=policy, rules=rules, actor=SYSTEM)
    policies.delete_policy(policy=policy, actor=SYSTEM)
    factories.open_session(license)
    licenses.extend_license(license=license, expires_at=None, actor=SYSTEM, now=timezone.now())
    record("license.shouted_at", target=license, actor=SYSTEM, application=application)
    applications.rotate_api_key(
        application=application,
        overlap=timezone.timedelta(days=30),
        actor=SYSTEM,
        now=timezone.now(),
    )

    page = text_of(dashboard.get(url_of(application, "events/")))

    for words in (
        "Application created",
        "1 license generated",
        "Policy changed",
        "<del>1 hour</del> → <ins>2 hours</ins>",
        "A program",
        "Lockence",
        "License shouted at",
        "<ins>30 days</ins>",
    ):
        assert words in page


def test_somebody_who_left_is_named_as_such(
    dashboard: Client, application: Application, license: License
) -> None:
    gone = factories.make_user("gone@example.com")
    licenses.suspend_license(license=license, actor=user_actor(gone))
    gone.delete()

    assert "A former member" in text_of(dashboard.get(url_of(application, "events/")))


def test_the_list_is_narrowed_to_one_license(
    dashboard: Client, application: Application, license: License
) -> None:
    licenses.suspend_license(license=license, actor=SYSTEM)

    page = text_of(dashboard.get(url_of(application, f"events/?license={license.pk}")))

    assert "License suspended" in page
    assert "Application created" not in page


def test_a_longer_list_takes_no_more_statements(
    dashboard: Client, application: Application, license: License
) -> None:
    def happen(times: int) -> None:
        for _ in range(times):
            actor = user_actor(factories.make_user())
            record(
                "license.suspended",
                target=license,
                actor=actor,
                application=application,
                license=license,
            )

    happen(5)
    few = statements(dashboard, url_of(application, "events/"))
    happen(55)

    assert statements(dashboard, url_of(application, "events/")) == few
