"""Moments as people type them."""

import datetime as dt
from typing import Any

import click


class Moment(click.ParamType):
    """A day, whose last second in UTC is meant, or a moment of RFC 3339 with its offset."""

    name = "moment"

    def convert(self, value: Any, param: Any, ctx: Any) -> dt.datetime:
        if isinstance(value, dt.datetime):
            return value
        try:
            return _moment(str(value))
        except ValueError:
            return self.fail(
                f"{value!r} is neither a day such as 2030-12-31 nor a moment such as"
                " 2030-12-31T12:00:00Z",
                param,
                ctx,
            )


def written(moment: dt.datetime) -> str:
    """Return a moment as the API takes it."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _moment(text: str) -> dt.datetime:
    if len(text) == len("2030-12-31"):
        day = dt.date.fromisoformat(text)
        return dt.datetime.combine(day, dt.time(23, 59, 59), tzinfo=dt.UTC)
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset means another in every time zone")
    return moment
