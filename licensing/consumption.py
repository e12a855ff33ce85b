"""Using up what is metered: exactly once for each idempotency key, and never more than there is."""

import dataclasses
import datetime as dt
import hashlib
import uuid
from typing import Any

from django.db import IntegrityError, connection

from accounts.ids import lowest_id_at, uuid7
from licensing import callers, errors
from licensing.callers import Caller
from licensing.client_calls import fetch, live_session, session_parameters
from licensing.consumption_statements import CONSUME, FORGET_CONSUMPTIONS, FORGET_USAGE
from licensing.models import Entitlement
from licensing.models.entitlement import NUMBER_MAX
from licensing.signatures import SigningFacts
from licensing.statements import Row, fetch_row

# A program that was cut off before it got its answer may ask again after a long weekend.
KEYS_KEPT = dt.timedelta(days=7)
# A year and what it takes to close its books.
USAGE_KEPT_DAYS = 400
# Being overtaken once is all that can happen unless the developer changes limits at the same moment.
_TRIES = 5
# Each batch is a transaction: programs that count meanwhile are not held up.
_BATCH = 1_000


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """How much of an entitlement is used in the period that runs, out of how much; None: without a limit, never."""

    used: int
    limit: int | None
    resets_at: dt.datetime | None

    def members(self) -> dict[str, Any]:
        """Return what programs are told."""
        return {
            "used": self.used,
            "limit": self.limit,
            "remaining": None if self.limit is None else max(self.limit - self.used, 0),
            "resets_at": self.resets_at
            and f"{self.resets_at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Consumed:
    signing: SigningFacts
    left: Left


def consume(
    *,
    api_key: str,
    session_token: uuid.UUID,
    entitlement: str,
    amount: int,
    idempotency_key: str,
    caller: Caller = callers.UNKNOWN,
) -> Consumed:
    """Use up `amount` (1 or more) of a metered entitlement, all of it or nothing.

    The same key with the same entitlement and amount, from any session of the license, counts nothing more and gets the answer
    that the first call got, for KEYS_KEPT. Raises what `validate_session` does, and then the first that applies of
    IdempotencyKeyReusedError, EntitlementNotFoundError, EntitlementNotMeteredError and EntitlementLimitReachedError.
    """
    parameters = {
        **session_parameters(api_key, session_token, caller),
        "entitlement": entitlement,
        "amount": amount,
        "idempotency_key_digest": hashlib.sha256(idempotency_key.encode()).digest(),
        "usage_id": uuid7(),
        "consumption_id": uuid7(),
    }
    for _ in range(_TRIES):
        if consumed := _judged(_asked(parameters), entitlement, amount):
            return consumed
    raise errors.TemporarilyUnavailableError


def forget_old(*, now: dt.datetime) -> int:
    """Delete all that is older than it is kept, in small batches that wait for nobody; return how many rows that were."""
    gone = 0
    while batch := forget_consumptions(now=now, batch_size=_BATCH):
        gone += batch
    while batch := forget_usage(batch_size=_BATCH):
        gone += batch
    return gone


def forget_consumptions(*, now: dt.datetime, batch_size: int) -> int:
    """Delete idempotency keys older than KEYS_KEPT, `batch_size` at most; return how many that were."""
    row = fetch_row(
        FORGET_CONSUMPTIONS, {"before": lowest_id_at(now - KEYS_KEPT), "size": batch_size}
    )
    return int(row[0]) if row else 0


def forget_usage(*, batch_size: int) -> int:
    """Delete counts of periods that ended more than USAGE_KEPT_DAYS ago, `batch_size` at most; return how many that were."""
    row = fetch_row(FORGET_USAGE, {"days": USAGE_KEPT_DAYS, "size": batch_size})
    return int(row[0]) if row else 0


def _asked(parameters: dict[str, Any]) -> Row | None:
    try:
        return fetch(CONSUME, parameters)
    except IntegrityError:
        # The same call was faster, or the entitlement is just being deleted: nothing was counted, and asking again tells.
        if connection.in_atomic_block:
            raise
        return fetch(CONSUME, parameters)


def _judged(row: Row | None, entitlement: str, amount: int) -> Consumed | None:
    """Return what was counted, now or before; None when somebody else took it while this call waited."""
    session_facts, facts = (row[:-12], row[-12:]) if row else (None, ())
    signing = live_session(session_facts).signing
    (entitlement_id, kind, _starts_at, ends_at, limit, used_before), earlier, used = (
        facts[:6],
        facts[6:11],
        facts[11],
    )
    earlier_entitlement, earlier_amount, *earlier_answer = earlier
    if earlier_amount is not None:
        if (earlier_entitlement, earlier_amount) != (entitlement, amount):
            raise errors.IdempotencyKeyReusedError(
                "This idempotency_key was used for another entitlement or amount", signing=signing
            )
        return Consumed(signing, Left(*earlier_answer))
    if entitlement_id is None:
        raise errors.EntitlementNotFoundError(signing=signing)
    if kind != Entitlement.Kind.METERED:
        raise errors.EntitlementNotMeteredError(signing=signing)
    if used is not None:
        return Consumed(signing, Left(used, limit, ends_at))
    if used_before + amount > (NUMBER_MAX if limit is None else limit):
        left = {"entitlement": entitlement, **Left(used_before, limit, ends_at).members()}
        raise errors.EntitlementLimitReachedError(left, signing=signing)
    return None
