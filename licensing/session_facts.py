"""What a program says of itself, and what it is told of its license and its session."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from licensing.signatures import SigningFacts


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What a program says of itself when it opens a session; all but the hardware id may be empty."""

    hwid: str
    # The parts by name, where the hardware id has any; `hwid` is all of them in one text.
    components: Mapping[str, str] = dataclasses.field(default_factory=dict)
    device_name: str = ""
    platform: str = ""
    app_version: str = ""
    user_name: str = ""
    # The same when a program asks again because no answer came: it is given the same session then.
    idempotency_key: str = ""
    ip_address: str | None = None
    # As callers.py says.
    country: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class LicenseFacts:
    """What a program is told of its license."""

    id: uuid.UUID
    status: str
    expires_at: dt.datetime | None
    policy_name: str
    username: str
    metadata: dict[str, Any]
    entitlements: dict[str, Any]
    grace_until: dt.datetime | None
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a program is told of its session."""

    signing: SigningFacts
    license: LicenseFacts
    expires_at: dt.datetime
    heartbeat_interval_seconds: int
    is_overdraft: bool
    borrowed_until: dt.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class FileGrant:
    """The right to run on one device without asking, until it ends; `license_files.py` writes it down."""

    signing: SigningFacts
    license: LicenseFacts
    device_digest: str
    ends_at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class OpenedSession(SessionFacts):
    """A session that was opened just now: the one time that its token is known. No grant: the policy gives none."""

    token: uuid.UUID
    file_grant: FileGrant | None
