"""The pages about the management API: every command of them is run, and they leave no call and no refusal out."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Model

from accounts.access import Role
from api.management.urls import ADDRESSES
from licensing import samples
from licensing.models import Application
from licensing.scopes import Scope
from tests import factories
from tests.servers import Server

DOCS = Path(settings.BASE_DIR) / "docs"
PAGES = [DOCS / "management-api.md", *sorted((DOCS / "management").glob("*.md"))]
PAGE = "\n".join(page.read_text() for page in PAGES)
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TOKEN = "lck_sk_YOUR_TOKEN"
# Each answer on a line of its own, and an end where one is a refusal.
CURL = 'curl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n'


@pytest.mark.django_db(transaction=True)
def test_every_command_of_the_page_works(server: Server, tmp_path: Path) -> None:
    application = factories.make_application(name="Game")
    script = "set -e\n" + CURL + "".join(BLOCKS)
    script = script.replace(samples.SITE_URL, server.url)
    script = script.replace(TOKEN, factories.make_token(application, for_the_team=True).text)

    run = subprocess.run(
        ["sh", "-euc", script],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            **{name: str(row.pk) for name, row in rows_of(application).items()},
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines() if line]
    # Deleting answers with nothing, and files go into files.
    without = len(re.findall(r"^curl .*(?:-X DELETE| -o )", script, re.MULTILINE))
    assert len(answers) == script.count("\ncurl ") - without


def test_every_call_is_on_the_page() -> None:
    shown = {
        (method or "GET", re.sub(r"\$\w+", "<id>", address))
        for method, address in re.findall(
            r'^curl (?:-X (\w+) )?"?https://lockence\.example/api/v1/([^"?\s]+)',
            "".join(BLOCKS),
            re.M,
        )
    }

    assert shown == {
        (method, re.sub(r"<uuid:\w+>", "<id>", address))
        for address, view in ADDRESSES.items()
        for method in view.scopes
    }


def test_every_scope_is_on_the_page() -> None:
    for scope in Scope:
        assert re.search(rf"^\| `{scope.resource}` \|", PAGE, re.MULTILINE)
        assert f"`{scope}`" in PAGE


def rows_of(application: Application) -> dict[str, Model]:
    other = factories.make_application(application.team, "Other")
    factories.promote_next_signing_key(application)
    license = factories.make_license(application, policy=factories.make_policy(application))
    session = factories.make_session(license)
    endpoint = factories.make_endpoint(application, events=["webhook_endpoint.*"])
    return {
        "APPLICATION": application,
        "ENDPOINT": endpoint,
        "DELIVERY": endpoint.deliveries.get(),
        "POLICY": license.policy,
        "UNUSED_POLICY": factories.make_policy(application),
        "ENTITLEMENT": factories.make_entitlement(application, "pages", "metered", period="month"),
        "UNUSED_ENTITLEMENT": factories.make_entitlement(application, "unused"),
        "NAMED_USER": factories.make_named_user(application),
        "RULE": factories.make_access_rule(application),
        "VARIABLE": factories.make_variable(application),
        "UNUSED_VARIABLE": factories.make_variable(application, "UNUSED"),
        "LICENSE": license,
        "SUBSCRIPTION": factories.make_license(
            application, policy=factories.make_policy(application, duration_seconds=86_400)
        ),
        "TRIAL": factories.make_license(
            application, policy=factories.make_policy(application, is_trial=True)
        ),
        "DEVICE": session.device,
        "SESSION": session,
        "NEXT_KEY": application.signing_keys.get(state="next"),
        "OLD_KEY": application.signing_keys.get(state="previous"),
        "OTHER_APPLICATION": other,
        "OTHER_NEXT_KEY": other.signing_keys.get(state="next"),
        "API_KEY": application.api_keys.get(),
        "BATCH": license.batch,
        "JOB": factories.make_bulk_job(license),
        "DRY_RUN": factories.make_finished_dry_run(license),
        "REVOKED_LICENSE": factories.make_revoked_license(application),
        "MEMBER": factories.add_member(application.team, Role.SUPPORT).memberships.get(),
        "INVITATION": factories.make_invitation(application.team),
        "TOKEN": factories.make_token(application).token,
    }
