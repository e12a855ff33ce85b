"""Limits that hold: every hit is counted in one atomic statement, so that processes side by side count together."""

import dataclasses
import ipaddress

from django.db import connection


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """At most `hits_max` hits of one subject within `window_seconds` of the first of them."""

    name: str
    hits_max: int
    window_seconds: int


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a hit: `retry_after_seconds` tells when the window ends, at least 1."""

    limit: Limit
    allowed: bool
    remaining: int
    retry_after_seconds: int


# A window that is over starts anew in the same statement; two hits at once are put in order by the row's lock.
_HIT = """
    INSERT INTO accounts_limitwindow AS seen (name, subject, hits, ends_at)
    VALUES (%(name)s, %(subject)s, 1, statement_timestamp() + make_interval(secs => %(window)s))
    ON CONFLICT (name, subject) DO UPDATE SET
        hits = CASE WHEN seen.ends_at <= statement_timestamp() THEN 1 ELSE seen.hits + 1 END,
        ends_at = CASE
            WHEN seen.ends_at <= statement_timestamp() THEN excluded.ends_at
            ELSE seen.ends_at
        END
    RETURNING hits, CEIL(EXTRACT(EPOCH FROM ends_at - statement_timestamp()))::int
"""

# Each new window takes a few finished ones away, so that the table stays as small as what goes on.
_SWEEP = """
    DELETE FROM accounts_limitwindow WHERE id IN (
        SELECT id FROM accounts_limitwindow WHERE ends_at < statement_timestamp()
        ORDER BY ends_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
"""


def hit(limit: Limit, subject: str) -> Outcome:
    """Count one hit and tell whether it was within the limit: of any number at once, exactly `hits_max` are.

    Call it outside a transaction that may be rolled back, or the hit is forgotten with it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _HIT, {"name": limit.name, "subject": subject, "window": limit.window_seconds}
        )
        hits, seconds_left = cursor.fetchone()
        if hits == 1:
            cursor.execute(_SWEEP)
    remaining = max(limit.hits_max - hits, 0)
    return Outcome(limit, hits <= limit.hits_max, remaining, max(seconds_left, 1))


def network_of(ip_address: str | None) -> str:
    """Return what one customer holds of the internet: an IPv4 address, or the /64 of an IPv6 one (RFC 6177)."""
    if not ip_address:
        return "unknown"
    address = ipaddress.ip_address(ip_address)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
