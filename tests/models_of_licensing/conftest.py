"""A developer who sells by one of the handbook's models, with the very policy that its page shows, and a customer."""

import dataclasses
import datetime as dt
import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client

from licensing.models import Application, License, Policy, Session
from tests import factories
from tests.api.runtime.conftest import Program


@dataclasses.dataclass
class Vendor:
    """Sets policies up through the management API, word for word as the handbook's pages have them."""

    application: Application

    def __post_init__(self) -> None:
        self.token = factories.make_token(self.application).text

    def policy_of(self, page: str, number: int = 0) -> Policy:
        text = (settings.BASE_DIR / f"docs/how-to/{page}.md").read_text()
        blocks = re.findall(r"```json Policy, .*?\n(.*?)```", text, re.DOTALL)
        created = self.call("post", "policies", json.loads(blocks[number]))
        assert created.status_code == 201, created.content
        return Policy.objects.get(pk=created.json()["id"])

    def sell(self, policy: Policy, **terms: Any) -> Program:
        return Program(Client(), factories.make_license(self.application, policy=policy, **terms))

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return getattr(Client(), method)(
            f"/api/v1/applications/{self.application.pk}/{path}",
            json.dumps(body or {}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"},
        )


@pytest.fixture
def vendor(db: None) -> Vendor:
    return Vendor(factories.make_application())


def time_passes(license: License, **time: float) -> None:
    """Let time pass for a license and its sessions: the database's clock stands above all that a test could turn."""
    passed = dt.timedelta(**time)
    moments = ("created_at", "expires_at", "frozen_at", "first_used_at")
    License.objects.filter(pk=license.pk).update(**{name: F(name) - passed for name in moments})
    moments = ("opened_at", "last_seen_at", "expires_at")
    Session.objects.filter(license=license).update(**{name: F(name) - passed for name in moments})
