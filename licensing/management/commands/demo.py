"""Fill an empty database with a developer, an application and license keys, and print how to use them."""

import json
import os
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts import teams
from accounts.models import User
from licensing.applications import create_application
from licensing.events import SYSTEM
from licensing.licenses import LicenseTerms, issue_licenses
from licensing.models import Application, License

EMAIL = "demo@example.com"
_FRESH_KEYS = 5


class Command(BaseCommand):
    help = "Make a demo developer with one application (only in an empty database), and print how to use it."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "The demo is for development: set DEVELOPMENT=1, or sign up as people do."
            )
        path = settings.VAR_DIR / "demo.json"
        if not User.objects.exists():
            _write_privately(path, _new_demo())
        self.stdout.write(f"\nLockence  {settings.SITE_URL}\n")
        facts = json.loads(path.read_text()) if path.exists() else {}
        if _are_of_this_database(facts):
            self.stdout.write(_how_to_use(facts))


@transaction.atomic
def _new_demo() -> dict[str, Any]:
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(EMAIL, password, name="Demo")
    application = create_application(
        team=teams.home_team(user=user), name="Demo application", actor=SYSTEM
    )
    first, *fresh = [_issue(application, username) for username in ("Ada", *[""] * _FRESH_KEYS)]
    return {
        "email": EMAIL,
        "password": password,
        "api_key": application.api_keys.get().reveal(),
        "license_key": first,
        "fresh_license_keys": fresh,
    }


def _issue(application: Application, username: str) -> str:
    batch = issue_licenses(
        policy=application.default_policy(),
        count=1,
        terms=LicenseTerms(username=username),
        actor=SYSTEM,
        now=timezone.now(),
    )
    return License.objects.get(batch=batch).reveal()


def _are_of_this_database(facts: dict[str, Any]) -> bool:
    """Another database may have had its demo since, or the developer another password."""
    user = User.objects.filter(email=facts.get("email", "")).first()
    return user is not None and user.check_password(facts["password"])


def _write_privately(path: Any, facts: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(facts, file, indent=2)


def _how_to_use(facts: dict[str, Any]) -> str:
    body = json.dumps(
        {
            "api_key": facts["api_key"],
            "license_key": facts["license_key"],
            "hwid": "my-first-device",
        }
    )
    return f"""
  log-in       {facts["email"]}  {facts["password"]}
  API key      {facts["api_key"]}
  license key  {facts["license_key"]}

  curl {settings.SITE_URL}/api/v1/init -H 'Content-Type: application/json' -d '{body}'
"""
