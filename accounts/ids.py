"""UUIDv7 ids: sorted by creation, so indexes stay dense and lists have a natural order."""

import datetime as dt
import secrets
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new id as RFC 9562, section 5.7, lays it out: 48 bits of Unix milliseconds, then random bits.

    The 12 bits behind the milliseconds hold the fraction of the millisecond (section 6.2, method 3), so
    that ids made one after the other by one process sort in that order.
    """
    milliseconds, fraction_ns = divmod(time.time_ns(), 1_000_000)
    fraction = fraction_ns * 4096 // 1_000_000
    random = secrets.randbits(62)
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)


def lowest_id_at(moment: dt.datetime) -> uuid.UUID:
    """The id that every one made at that moment or later is above: where a search by time begins in an index of ids."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return uuid.UUID(int=milliseconds << 80)
