"""The limit on failed inits: per network and application, so that nobody can guess license keys.

It is never keyed on what the guesser chooses, such as the license key or the hardware id.
"""

from django.conf import settings

from accounts.limits import Limit, Outcome, hit, network_of
from licensing import errors

LIMIT_NAME = "init"
_WINDOW_SECONDS = 600


def count(refusal: errors.RefusalError, ip_address: str | None) -> None:
    """Count a refused init; raises RateLimitedError in its place when its network has failed too often."""
    application = str(refusal.signing.application_id) if refusal.signing else "unknown"
    outcome = hit(_limit(), f"{application} {network_of(ip_address)}")
    if not outcome.allowed:
        raise errors.RateLimitedError(outcome, signing=refusal.signing) from refusal


def too_many(hits: int | None, seconds_left: int | None) -> Outcome | None:
    """Return the outcome that one failure more would have, when no more are allowed; None while some are."""
    if hits is None or seconds_left is None or hits < settings.INIT_FAILURES_MAX:
        return None
    return Outcome(_limit(), allowed=False, remaining=0, retry_after_seconds=max(seconds_left, 1))


def _limit() -> Limit:
    return Limit(LIMIT_NAME, settings.INIT_FAILURES_MAX, _WINDOW_SECONDS)
