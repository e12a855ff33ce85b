"""What is refused, and in which order, when more is asked than this machine can answer: pages first, `init` and `validate` last.

How long those wait who wait for a thread tells it (lockence/worker.py, lockence/event_loop.py). A short burst passes; a wait that stands
is no burst, and from then on who comes is refused at once, which costs little, so that what is answered is answered soon. Each
process judges for itself.
"""

import datetime as dt
import functools
import random
import time
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

# A wait that stands for so long is no burst.
BURST_SECONDS = 0.5
# Nor is one that is so many times as long as may be waited. A page that takes long to make, or a machine that stops for a moment,
# is not yet a reason to refuse anybody.
BURST_TIMES = 64
# For so long after the last refusal no new burst is allowed for, or each would begin with a queue of that length.
MEMORY_SECONDS = 2.0
# What pages, the calls that can best be made again later, and all other calls may wait, as shares of WEB_WAIT_MS.
PAGES, LATER, LAST = 0.5, 0.75, 1.0
_LATER_CALLS = ("heartbeat", "logout")


class Gate:
    """Shuts when waits stay above `seconds_max`, and opens again when they do not."""

    def __init__(self, seconds_max: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds_max = seconds_max
        self.clock = clock
        self.above_since: float | None = None
        self.refused_at = -MEMORY_SECONDS

    def refuses(self, waited_seconds: float) -> bool:
        """Take note of a wait, and tell whether it is too long."""
        if waited_seconds < self.seconds_max:
            self.above_since = None
            return False
        now = self.clock()
        if self.above_since is None:
            self.above_since = now
        is_burst = (
            now - self.above_since < BURST_SECONDS
            and waited_seconds < self.seconds_max * BURST_TIMES
            and not self.is_shut()
        )
        if not is_burst:
            self.refused_at = now
        return not is_burst

    def is_shut(self) -> bool:
        return self.clock() - self.refused_at < MEMORY_SECONDS


class Gates:
    """One gate for each share; `ms` is what `init` and `validate` may wait, 0 for as long as they like."""

    def __init__(self, ms: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.are_used = ms > 0
        self.pages, self.later, self.last = (
            Gate(share * ms / 1000, clock) for share in (PAGES, LATER, LAST)
        )

    def refused_shares(self, waited_seconds: float) -> float:
        """Take note of how long the first in the queue waits; return the highest share that is refused now, 0 for none."""
        if not self.are_used:
            return 0
        # Each gate sees it, for all stand in the same queue.
        pages, later, last = (
            gate.refuses(waited_seconds) for gate in (self.pages, self.later, self.last)
        )
        return LAST if last else LATER if later else PAGES if pages else 0

    def refuse_page(self) -> bool:
        """Tell whether pages have to make way for programs."""
        return self.are_used and self.pages.is_shut()

    def are_shut(self, share: float) -> bool:
        """Tell whether calls of a share were refused a moment ago: it is no time to let many of them in at once."""
        gate = self.later if share == LATER else self.last
        return self.are_used and gate.is_shut()

    def paced(self, interval_seconds: int, ends_at: dt.datetime) -> int:
        """Return when a program shall beat again: later while the machine is busy, and not all at once.

        Never so late that three beats do not fit in before the session ends, and never sooner than its policy says.
        """
        if not self.refuse_page():
            return interval_seconds
        times = 4 if self.later.is_shut() else 2
        # No secret: it only spreads the beats.
        paced = interval_seconds * times * random.uniform(0.75, 1.25)  # noqa: S311
        seconds_left = (ends_at - timezone.now()).total_seconds()
        return max(interval_seconds, int(min(paced, seconds_left / 3)))


def share_of(call: str) -> float:
    """Return which share a client call belongs to."""
    return LATER if call in _LATER_CALLS else LAST


@functools.cache
def gates() -> Gates:
    """Return those of this process."""
    return Gates(settings.WEB_WAIT_MS)
