# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""Read-only numbers for pages: a fixed count of statements, each bounded in what it reads."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import connection

from licensing.models import Application
from licensing.term_statements import LICENSE_END

# Counting more than this for a page helps nobody and costs as much as it counts.
COUNT_MAX = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Count:
    """A count that stops counting at a bound, and says so."""

    value: int

    @property
    def is_bounded(self) -> bool:
        return self.value > COUNT_MAX

    def __str__(self) -> str:
        return f"{COUNT_MAX:,}+" if self.is_bounded else f"{self.value:,}"

    def __bool__(self) -> bool:
        return self.value > 0


@dataclasses.dataclass(frozen=True, slots=True)
class Numbers:
    """How much an application has. The four states add up to `licenses`."""

    licenses: Count
    active: Count
    expired: Count
    suspended: Count
    revoked: Count
    devices: Count
    sessions: Count


def numbers_of(applications: Iterable[Application], at: dt.datetime) -> dict[uuid.UUID, Numbers]:
    """Count licenses by state, bound devices and open sessions of several applications in one statement."""
    ids = [application.pk for application in applications]
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, {"ids": ids, "at": at, "bound": COUNT_MAX + 1})
        return {row[0]: Numbers(*map(Count, row[1:])) for row in cursor.fetchall()}


# The inner LIMITs are the bounds: what lies beyond them is not even read.
_NUMBERS = f"""
SELECT application.id, license.*, device.count, session.count
FROM unnest(%(ids)s::uuid[]) AS application (id)
CROSS JOIN LATERAL (
    SELECT
        count(*),
        count(*) FILTER (WHERE status = 'active' AND (good_until IS NULL OR good_until > %(at)s)),
        count(*) FILTER (WHERE status = 'active' AND good_until <= %(at)s),
        count(*) FILTER (WHERE status = 'suspended'),
        count(*) FILTER (WHERE status = 'revoked')
    FROM (
        SELECT license.status, {LICENSE_END} AS good_until
        FROM licensing_license license
        JOIN licensing_policy policy ON policy.id = license.policy_id
        WHERE license.application_id = application.id ORDER BY license.id DESC LIMIT %(bound)s
    ) AS newest
) AS license
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM licensing_device
        WHERE application_id = application.id AND released_at IS NULL LIMIT %(bound)s
    ) AS bound
) AS device
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM licensing_session
        WHERE application_id = application.id AND ended_at IS NULL AND expires_at > %(at)s
        LIMIT %(bound)s
    ) AS open
) AS session
"""
