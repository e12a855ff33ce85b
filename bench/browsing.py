"""A signed-in developer's pages, timed one at a time for bench/growth.py: asked by name on standard input, told as JSON lines.

First it says which pages there are. A page's time is that of the whole of Django, template and middleware included.
"""

import json
import os
import sys
import time
from collections.abc import Iterator

import django
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
django.setup()

# Models can be imported only now that Django is set up.
from accounts.access import Role  # noqa: E402
from accounts.models import Membership, User  # noqa: E402
from bench import processes, seed  # noqa: E402
from licensing.models import Application  # noqa: E402

# Where a page of the list begins that nobody comes to by the first ones.
_MIDDLE = "SELECT id FROM licensing_license ORDER BY id OFFSET (SELECT count(*) / 2 FROM licensing_license) LIMIT 1"
_SOME_KEY_END = "SELECT key_last5 FROM licensing_license WHERE id = ({})"


def main() -> None:
    # Pages find their files where they lie, without collectstatic.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    client = Client(SERVER_NAME="127.0.0.1")
    addresses = dict(_addresses(client))
    _say([*addresses])
    for line in sys.stdin:
        _say(_time(client, addresses[line.strip()]))


def _addresses(client: Client) -> Iterator[tuple[str, str]]:
    application = Application.objects.get()
    # Before the first program has called, the overview is a page of its own.
    Application.objects.update(first_init_at=timezone.now())
    user = User.objects.create_user("bench@example.com")
    Membership.objects.create(team=application.team, user=user, role=Role.OWNER)
    client.force_login(user)
    of_licenses = reverse("licenses", args=[application.pk])
    newest = application.licenses.values_list("pk", flat=True)[:25]
    yield "overview of all", reverse("dashboard")
    yield "overview", application.get_absolute_url()
    yield "license list", of_licenses
    yield "its next page", f"{of_licenses}?after={list(newest)[-1]}"
    yield "a page in its middle", f"{of_licenses}?after={_value(_MIDDLE)}"
    yield "search by name", f"{of_licenses}?q={seed.USERNAME[:3]}"
    yield "search by key end", f"{of_licenses}?q={_value(_SOME_KEY_END.format(_MIDDLE))}"
    yield "sessions", reverse("sessions", args=[application.pk])
    yield "devices", reverse("devices", args=[application.pk])


def _time(client: Client, address: str) -> dict[str, float]:
    """Return the milliseconds that a page takes by the clock, and of CPU time, PostgreSQL's included."""
    connection.ensure_connection()
    cpu, began = _cpu_seconds(), time.perf_counter()
    response = client.get(address)
    wall, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
    if response.status_code != 200:
        sys.exit(f"{address} was answered with {response.status_code}")
    return {"wall_ms": wall * 1000, "cpu_ms": cpu * 1000}


def _cpu_seconds() -> float:
    return time.process_time() + processes.scheduled_seconds(_backend())


def _backend() -> int:
    return int(connection.connection.info.backend_pid) if connection.connection else 0


def _value(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        [value] = cursor.fetchone()
    return value


def _say(fact: object) -> None:
    print(json.dumps(fact), flush=True)


if __name__ == "__main__":
    main()
