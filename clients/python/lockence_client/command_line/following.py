"""Following the events of an application: each comes once, and none is lost, though the API only lists the newest first."""

import time
import uuid
from collections.abc import Iterator

from lockence_client.command_line import output
from lockence_client.command_line.api import Api, Row
from lockence_client.command_line.failures import CouldNotAsk

_POLL_SECONDS = 2.0
_PAUSE_MAX_SECONDS = 30.0
# An event gets its id when it is written and shows when its transaction ends. One that took long shows below newer
# ones, so that the last minutes are read again, and what was told already is left out.
_LATE_SECONDS_MAX = 300
_LOOK_BACK_EVERY_SECONDS = 30.0


class Follower:
    """Where one stands in the events of an application."""

    def __init__(self, api: Api, path: str, filters: Row) -> None:
        self.api = api
        self.path = path
        self.filters = filters
        self.seen: set[str] = set()
        self.edge = ""

    def recent(self, count: int) -> list[Row]:
        """Return the last events, oldest first, and begin after them."""
        rows = self._down_to("", count_max=count)
        if rows:
            self.edge = rows[0]["id"]
            # Those that are too old to be shown must not pass for late ones.
            rows_within_reach = self._down_to(_earlier(self.edge))
            self.seen = {row["id"] for row in [*rows, *rows_within_reach]}
        return rows[::-1]

    def since(self, id: str) -> list[Row]:
        """Return all events after one, oldest first, and begin after them."""
        self.edge = id
        reach = self._down_to(_earlier(id))
        self.seen = {row["id"] for row in reach if row["id"] <= id}
        return self._taken(reach)

    def later(self) -> Iterator[Row]:
        """Yield events as they come, for ever; a server that is away for a while is waited for."""
        pause, looked_back = _POLL_SECONDS, time.monotonic()
        while True:
            time.sleep(pause)
            look_back = time.monotonic() - looked_back >= _LOOK_BACK_EVERY_SECONDS
            try:
                rows = self._down_to(_earlier(self.edge) if look_back else self.edge)
            except CouldNotAsk as failure:
                if pause == _POLL_SECONDS:
                    output.note(f"lockence: {failure}; trying again")
                pause = min(pause * 2, _PAUSE_MAX_SECONDS)
                continue
            if look_back:
                looked_back = time.monotonic()
            pause = _POLL_SECONDS
            yield from self._taken(rows)

    def _down_to(self, floor: str, *, count_max: int | None = None) -> list[Row]:
        rows = []
        for row in self.api.rows(f"{self.path}/events", count_max=count_max, **self.filters):
            if row["id"] <= floor:
                break
            rows.append(row)
        return rows

    def _taken(self, rows: list[Row]) -> list[Row]:
        """Note rows (newest first) as told, and return those that were not, oldest first."""
        fresh = [row for row in reversed(rows) if row["id"] not in self.seen]
        self.seen.update(row["id"] for row in fresh)
        self.edge = max([self.edge, *(row["id"] for row in fresh)])
        floor = _earlier(self.edge)
        self.seen = {id for id in self.seen if id > floor}
        return fresh


def _earlier(id: str) -> str:
    """Return the smallest id of some minutes before: the first 48 bits of a UUIDv7 are milliseconds (RFC 9562, 5.7)."""
    if not id:
        return ""
    milliseconds = uuid.UUID(id).int >> 80
    return str(uuid.UUID(int=max(milliseconds - _LATE_SECONDS_MAX * 1_000, 0) << 80))
