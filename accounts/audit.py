"""Checking the audit log: every event in its place, as it was written, and none missing from the middle or the end.

Where old events were removed as they may be (accounts/retention.py), the chain begins with the hash of the last of them.

The hashes are computed here once more, and not by the database's own functions: whoever could change events could have
changed those as well. Migration 0005 writes what this reads.
"""

import dataclasses
import datetime as dt
import hashlib
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from accounts.models import AuditCheck, EventAnchor, EventLink

logger = logging.getLogger(__name__)

Row = tuple[Any, ...]

_NO_HASH = bytes(32)
_ROWS_PER_STATEMENT = 1_000
# Less than a day: the task asks every hour, and a late start must not push the next one ever further.
_BETWEEN_CHECKS = dt.timedelta(hours=23, minutes=30)


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one place of a team's chain."""

    team_id: uuid.UUID
    number: int
    what: str


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A place of a chain as it was seen once: kept elsewhere, it betrays a chain that was forged as a whole."""

    number: int
    hash: bytes


class ChainCheck:
    """One walk along a team's chain; when `faults` is through, the counts and `mark` tell of what was seen."""

    def __init__(self, team_id: uuid.UUID, seen_before: Mark | None = None) -> None:
        self.team_id = team_id
        self.seen_before = seen_before
        self.events = 0
        self.details_erased = 0
        self.mark = _anchor_of(team_id)
        self.removed = self.mark.number

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong, in the order of the chain; needs little memory, however long the chain is."""
        # Asked first: events that are recorded during the walk lie beyond it.
        end = _end_of(self.team_id)
        if _reaches_before(self.mark, self.team_id):
            yield self._fault(self.mark.number, "what came before the chain begins is still there")
        yield from self._faults_of_mark()
        for link in _links(self.team_id, self.mark.number, end.number if end else 0):
            yield from self._faults_of(link)
        yield from self._faults_at(end)

    def _faults_of(self, link: "_Link") -> Iterator[Fault]:
        if link.number != self.mark.number + 1:
            self._follow_removal()
        if link.number <= self.mark.number:
            return
        if link.number != self.mark.number + 1:
            yield self._fault(self.mark.number + 1, f"missing, as all up to {link.number - 1} are")
        if link.event[0] is None:
            yield self._fault(link.number, "the event is missing")
        elif link.hash != link.expected_hash(self.mark.hash):
            yield self._fault(link.number, "the event or the link before it was changed")
        yield from self._faults_of_details(link)
        self.events += link.event[0] is not None
        self.mark = Mark(link.number, link.hash)
        yield from self._faults_of_mark()

    def _faults_of_mark(self) -> Iterator[Fault]:
        seen = self.seen_before
        if seen and seen.number == self.mark.number and seen != self.mark:
            yield self._fault(seen.number, "the hash is not the one that was noted down before")

    def _follow_removal(self) -> None:
        """Go on from where old events ended that were removed during the walk."""
        anchor = _anchor_of(self.team_id)
        if anchor.number > self.mark.number:
            self.mark = anchor

    def _faults_of_details(self, link: "_Link") -> Iterator[Fault]:
        chained: dict[str, str] = json.loads(link.detail_digests)
        for about, digest in link.details.items():
            if chained.get(about) != digest:
                yield self._fault(link.number, f"what is told of the {about} was changed")
        self.details_erased += len(chained.keys() - link.details.keys())

    def _faults_at(self, end: Mark | None) -> Iterator[Fault]:
        if end is None:
            yield self._fault(0, "the end of the chain is not on record")
        elif end != self.mark:
            yield self._fault(
                self.mark.number, f"the chain ends here, and should at event {end.number}"
            )
        if _reaches_past_its_end(self.team_id):
            yield self._fault(self.mark.number, "the chain should end here, and goes on")
        if unchained := _events_outside(self.team_id):
            yield self._fault(0, f"{unchained} of the team's events are not in its chain")
        if self.seen_before and self.seen_before.number > self.mark.number:
            yield self._fault(
                self.mark.number,
                f"the chain ends here, and reached event {self.seen_before.number} before",
            )

    def _fault(self, number: int, what: str) -> Fault:
        return Fault(self.team_id, number, what)


def check_if_due(*, now: dt.datetime) -> AuditCheck | None:
    """Check every team's chain unless that was done in the last day, and put down what came out; raise the alarm over faults."""
    if AuditCheck.objects.filter(checked_at__gt=now - _BETWEEN_CHECKS).exists():
        return None
    checks = [ChainCheck(team_id) for team_id in teams_with_events()]
    faults = 0
    for check in checks:
        for fault in check.faults():
            faults += 1
            logger.error("Audit log: %s event %d: %s", fault.team_id, fault.number, fault.what)
    if faults:
        logger.critical("The audit log is not as it was written: %d fault(s)", faults)
    events = sum(check.events for check in checks)
    return AuditCheck.objects.create(checked_at=now, events=events, faults=faults)


def teams_with_events() -> list[uuid.UUID]:
    """Return every team that has a chain, or events without one."""
    with connection.cursor() as cursor:
        cursor.execute(_TEAMS)
        return [team_id for (team_id,) in cursor.fetchall()]


@dataclasses.dataclass(frozen=True, slots=True)
class _Link:
    number: int
    hash: bytes
    detail_digests: str
    details: Mapping[str, str]
    event: Row

    def expected_hash(self, previous: bytes) -> bytes:
        texts = (previous.hex(), str(self.number), *self.event, self.detail_digests)
        return hashlib.sha256(b"".join(map(_netstring, texts))).digest()


def _netstring(text: str | None) -> bytes:
    if text is None:
        return b"-,"
    encoded = text.encode()
    return b"%d:%b," % (len(encoded), encoded)


def _end_of(team_id: uuid.UUID) -> Mark | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT length, head FROM accounts_eventchain WHERE team_id = %s", [team_id])
        row = cursor.fetchone()
    return Mark(row[0], bytes(row[1])) if row else None


def _anchor_of(team_id: uuid.UUID) -> Mark:
    """Return where the chain begins: behind the events that were removed, or at its first."""
    last = EventAnchor.objects.filter(team_id=team_id).order_by("-number").first()
    return Mark(last.number, bytes(last.hash)) if last else Mark(0, _NO_HASH)


def _reaches_before(start: Mark, team_id: uuid.UUID) -> bool:
    return EventLink.objects.filter(team_id=team_id, number__lte=start.number).exists()


def _links(team_id: uuid.UUID, number: int, last: int) -> Iterator[_Link]:
    while rows := _some_links(team_id, number, last):
        for number, hash, detail_digests, details, *event in rows:
            yield _Link(
                number, bytes(hash), detail_digests, json.loads(details or "{}"), tuple(event)
            )


def _some_links(team_id: uuid.UUID, after: int, last: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_LINKS, [team_id, after, last, _ROWS_PER_STATEMENT])
        rows: list[Row] = cursor.fetchall()
    return rows


def _reaches_past_its_end(team_id: uuid.UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(number) FROM accounts_eventlink WHERE team_id = %s", [team_id])
        last = cursor.fetchone()[0]
    # Asked after the links, which may grow meanwhile as it does.
    end = _end_of(team_id)
    return end is not None and last is not None and last > end.number


def _events_outside(team_id: uuid.UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_OUTSIDE, [team_id])
        return int(cursor.fetchone()[0])


_TEAMS = """
    SELECT team_id FROM accounts_eventchain
    UNION SELECT team_id FROM accounts_event
    ORDER BY team_id
"""

_LINKS = """
    SELECT link.number, link.hash, link.detail_digests::text,
        (
            SELECT jsonb_object_agg(
                about, encode(sha256(uuid_send(salt) || convert_to(facts::text, 'UTF8')), 'hex')
            )::text
            FROM accounts_eventdetail WHERE event_id = link.event_id
        ),
        event.id::text, event.team_id::text, event.application_id::text, event.license_id::text,
        event.actor_kind, event.actor_id::text, event.action, event.target_type,
        event.target_id::text, event.target_label, event.before::text, event.after::text,
        (extract(epoch FROM event.created_at) * 1000000)::bigint::text
    FROM accounts_eventlink link
    LEFT JOIN accounts_event event ON event.id = link.event_id
    WHERE link.team_id = %s AND link.number > %s AND link.number <= %s
    ORDER BY link.number
    LIMIT %s
"""

_OUTSIDE = """
    SELECT count(*) FROM accounts_event event
    WHERE team_id = %s
        AND NOT EXISTS (SELECT FROM accounts_eventlink link WHERE link.event_id = event.id)
"""
