"""Fill the bench's database: `python -m bench.seed FOLDER LICENSES`, which leaves the bodies to post as files in FOLDER.

Licenses come from the verb that issues them, each with one device and two open sessions: one to use and one to log out.
"""

import datetime as dt
import json
import os
import random
import secrets
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import django
from django.core.management import call_command
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
django.setup()

# Models can be imported only now that Django is set up.
from accounts.ids import uuid7  # noqa: E402
from accounts.models import Team  # noqa: E402
from licensing import applications, licenses, tokens  # noqa: E402
from licensing.events import SYSTEM  # noqa: E402
from licensing.models import Application, Device, License, Session  # noqa: E402

USERNAME, METADATA = "Ada Lovelace", {"plan": "pro", "seats": 3}
# A program names the session that it opens by another version, or none: so the seed's own are told apart.
APP_VERSION = "seed"
ROWS_PER_STATEMENT = 1_000

Bodies = dict[str, list[str]]


def main(folder: str, licenses_count: str) -> None:
    _application, bodies = seed(int(licenses_count), ("session", "logout"))
    write(Path(folder), bodies)


def seed(licenses_count: int, session_names: Sequence[str]) -> tuple[Application, Bodies]:
    """Make the database, its application and the licenses, and return what their programs would post.

    Each license has a device, and an open session for each of `session_names`.
    """
    call_command("migrate", verbosity=0)
    team = Team.objects.create(name="Bench")
    application = applications.create_application(team=team, name="Bench", actor=SYSTEM)
    bodies: Bodies = {name: [] for name in ("init", *session_names)}
    for count in _portions(licenses_count):
        _seed(application, count, session_names, bodies)
    return application, bodies


def write(folder: Path, bodies: Bodies) -> None:
    """Leave the bodies to post as files, a line for each."""
    for name, lines in bodies.items():
        # The order in which rows lie in the database is not the one in which programs come.
        random.shuffle(lines)
        Path(folder, f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def body(api_key: str, **members: str) -> str:
    """Return what a careful client sends: with a nonce, so that the answer is bound to its question."""
    return json.dumps({"api_key": api_key, **members, "nonce": secrets.token_urlsafe(16)})


def _portions(count: int) -> Iterator[int]:
    for done in range(0, count, licenses.BATCH_MAX):
        yield min(licenses.BATCH_MAX, count - done)


def _seed(
    application: Application, count: int, session_names: Sequence[str], bodies: Bodies
) -> None:
    api_key = application.api_keys.get().reveal()
    now = timezone.now()
    batch = licenses.issue_licenses(
        policy=application.default_policy(),
        count=count,
        terms=licenses.LicenseTerms(username=USERNAME, metadata=METADATA),
        actor=SYSTEM,
        now=now,
    )
    issued = list(batch.licenses.all())
    hwids = {license.pk: secrets.token_hex(32) for license in issued}
    devices = [_device(license, hwids[license.pk], now) for license in issued]
    Device.objects.bulk_create(devices, ROWS_PER_STATEMENT)
    batch.licenses.update(devices_used=1, first_used_at=now)
    for license in issued:
        bodies["init"].append(body(api_key, license_key=license.reveal(), hwid=hwids[license.pk]))
    for name in session_names:
        session_tokens = [uuid.uuid4() for _ in devices]
        sessions = map(_session, devices, session_tokens, [now] * count)
        Session.objects.bulk_create(sessions, ROWS_PER_STATEMENT)
        bodies[name] += [body(api_key, session_token=str(token)) for token in session_tokens]


def _device(license: License, hwid: str, now: dt.datetime) -> Device:
    return Device(
        application_id=license.application_id,
        license=license,
        hwid_digest=tokens.hwid_digest(license.application_id, hwid),
        first_seen_at=now,
        last_seen_at=now,
    )


def _session(device: Device, token: uuid.UUID, now: dt.datetime) -> Session:
    return Session(
        id=uuid7(),
        application_id=device.application_id,
        license_id=device.license_id,
        device=device,
        token_digest=tokens.session_token_digest(token),
        app_version=APP_VERSION,
        ip_address="127.0.0.1",
        opened_at=now,
        last_seen_at=now,
        expires_at=now + dt.timedelta(days=1),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
