"""The list of events that webhooks can be told of."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from licensing import webhook_delivery, webhook_events
from licensing.models import (
    Application,
    WebhookEndpoint,
)
from licensing.templatetags import dashboard
from tests.licensing.webhooks.conftest import happen

pytestmark = pytest.mark.django_db


def test_the_list_has_every_event_that_the_audit_log_has_words_for() -> None:
    of_teams = ("team.", "member.", "invitation.", "events.")

    known = {action for action in dashboard._WORDS if not action.startswith(of_teams)}

    assert known <= set(webhook_events.ACTIONS)
    assert sorted(webhook_events.ACTIONS) == list(webhook_events.ACTIONS)


def test_every_action_in_the_code_is_in_the_list() -> None:
    written = set()
    for file in (Path(settings.BASE_DIR) / "licensing").rglob("*.py"):
        if "migrations" not in file.parts and file.name != "event_log.py":
            written |= set(re.findall(r"""["']([a-z_]+\.[a-z_]+ed)["']""", file.read_text()))

    of_teams = ("team.", "member.", "invitation.", "events.")
    assert {each for each in written if not each.startswith(of_teams)} <= {*webhook_events.ACTIONS}


def test_the_handbook_shows_one_of_each(
    endpoint: WebhookEndpoint, application: Application
) -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "webhook-events.md").read_text()
    shown = dict(re.findall(r"^## (\S+)\n.*?```json\n(.*?)```", text, re.DOTALL | re.MULTILINE))
    real = webhook_delivery.payload_of(happen(application))

    assert tuple(shown) == webhook_events.ACTIONS
    for action, example in shown.items():
        payload = json.loads(example)
        assert payload["type"] == action
        assert shape_of(payload) == shape_of(real), action


def shape_of(payload: dict[str, object]) -> dict[str, object]:
    """The names of members, down to where each event has its own."""
    own = ("before", "after")
    return {
        name: shape_of(value) if isinstance(value, dict) and name not in own else None
        for name, value in payload.items()
    }
