"""What is refused, and in which order, when more is asked than this machine can answer: pages first, `init` and `validate` last.

How long requests wait for a thread tells it. A burst passes; where the wait stays long, whatever waited too long is refused at
once, which costs little, so that what is answered is answered soon. Each process judges for itself.
"""

import contextlib
import datetime as dt
import functools
import random
import threading
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.utils import timezone

# A wait that stands for so long is no burst.
BURST_SECONDS = 0.5
# For so long after the last refusal no new burst is allowed for, or each would begin with a queue of that length.
MEMORY_SECONDS = 2.0
# What pages, the calls that can best be made again later, and all other calls may wait, as shares of WEB_WAIT_MS.
PAGES, LATER, LAST = 0.5, 0.75, 1.0
_LATER_CALLS = ("heartbeat", "logout")
# So many are always answered at a time, or a machine could spend all of its time on refusing.
ANSWERED_MIN = 2


class Gate:
    """Shuts when waits stay above `seconds_max`, and opens again when they do not."""

    def __init__(self, seconds_max: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds_max = seconds_max
        self.clock = clock
        self.above_since: float | None = None
        self.refused_at = -MEMORY_SECONDS

    def refuses(self, waited_seconds: float) -> bool:
        """Take note of a wait, and tell whether it was too long."""
        if waited_seconds < self.seconds_max:
            self.above_since = None
            return False
        now = self.clock()
        if self.above_since is None:
            self.above_since = now
        if now - self.above_since < BURST_SECONDS and not self.is_shut():
            return False
        self.refused_at = now
        return True

    def is_shut(self) -> bool:
        return self.clock() - self.refused_at < MEMORY_SECONDS


class Gates:
    """One gate for each share; `ms` is what `init` and `validate` may wait, 0 for as long as they like."""

    def __init__(self, ms: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.are_used = ms > 0
        self.answering: set[int] = set()
        self.by_share = {share: Gate(share * ms / 1000, clock) for share in (PAGES, LATER, LAST)}

    def refuse_call(self, call: str, waited_seconds: float) -> bool:
        """Tell whether one of the client calls comes too late; all gates see it, for all stand in the same queue."""
        if not self.are_used:
            return False
        refused = {share: gate.refuses(waited_seconds) for share, gate in self.by_share.items()}
        if len(self.answering) < ANSWERED_MIN:
            return False
        return refused[LATER if call in _LATER_CALLS else LAST]

    @contextlib.contextmanager
    def answer(self) -> Iterator[None]:
        """Count a call among those that are being answered."""
        thread = threading.get_ident()
        self.answering.add(thread)
        try:
            yield
        finally:
            self.answering.discard(thread)

    def refuse_page(self) -> bool:
        """Tell whether pages have to make way for programs."""
        return self.are_used and self.by_share[PAGES].is_shut()

    def paced(self, interval_seconds: int, ends_at: dt.datetime) -> int:
        """Return when a program shall beat again: later while the machine is busy, and not all at once.

        Never so late that three beats do not fit in before the session ends, and never sooner than its policy says.
        """
        if not self.refuse_page():
            return interval_seconds
        times = 4 if self.by_share[LATER].is_shut() else 2
        # No secret: it only spreads the beats.
        paced = interval_seconds * times * random.uniform(0.75, 1.25)  # noqa: S311
        seconds_left = (ends_at - timezone.now()).total_seconds()
        return max(interval_seconds, int(min(paced, seconds_left / 3)))


@functools.cache
def gates() -> Gates:
    """Return those of this process."""
    return Gates(settings.WEB_WAIT_MS)
