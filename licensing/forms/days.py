"""Days that people choose, as moments."""

import datetime as dt


def end_of(day: dt.date | None) -> dt.datetime | None:
    """Return the last second of a day in UTC, so that lists show the day that was chosen."""
    return dt.datetime.combine(day, dt.time(23, 59, 59), dt.UTC) if day else None
