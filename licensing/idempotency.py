"""Acts that are asked for twice and done once: what a call was answered is kept under the key that its asker chose.

One call holds a key at a time, from before its act to the end of its transaction, in which the answer is written as well: either
both are there or neither is.
"""

import base64
import dataclasses
import datetime as dt
import hashlib
import json
import zlib
from typing import Any

from django.db import connection

from accounts.cells import Cell
from accounts.ids import uuid7
from licensing import errors
from licensing.models import IdempotentAnswer, ManagementToken

KEPT_FOR = dt.timedelta(hours=24)
CALL = Cell(IdempotentAnswer._meta.db_table, "call_ciphertext")

# Each new answer takes a few old ones away, so that the table stays as small as a day.
_SWEEP = """
    DELETE FROM licensing_idempotentanswer WHERE id IN (
        SELECT id FROM licensing_idempotentanswer WHERE created_at <= %s
        ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What an act was answered with: an HTTP status, and what JSON is made of."""

    status: int
    data: Any


def answer_kept(
    *, token: ManagementToken, key: str, request_digest: str, now: dt.datetime
) -> Answer | None:
    """Hold a key until the end of the transaction, and return what was answered under it in the last 24 hours, if anything.

    Raises IdempotencyKeyInUseError while another call holds it, IdempotencyKeyReusedError when the call then was another.
    """
    digest = _digest(key)
    if not _try_to_hold(token, digest):
        raise errors.IdempotencyKeyInUseError
    # A statement of its own: it sees what whoever held the key before has committed.
    kept = IdempotentAnswer.objects.filter(
        token=token, key_digest=digest, created_at__gt=now - KEPT_FOR
    ).first()
    if kept is None:
        return None
    call = json.loads(_unpacked(CALL.decrypt(kept.call_ciphertext, kept.pk)))
    if call["request"] != request_digest:
        raise errors.IdempotencyKeyReusedError
    return Answer(call["status"], call["data"])


def keep_answer(
    *, token: ManagementToken, key: str, request_digest: str, answer: Answer, now: dt.datetime
) -> None:
    """Keep the answer of an act, in the transaction of the act."""
    row = uuid7()
    call = {"request": request_digest, "status": answer.status, "data": answer.data}
    IdempotentAnswer.objects.filter(
        token=token, key_digest=_digest(key), created_at__lte=now - KEPT_FOR
    ).delete()
    IdempotentAnswer.objects.create(
        id=row,
        team_id=token.team_id,
        token=token,
        key_digest=_digest(key),
        call_ciphertext=CALL.encrypt(_packed(json.dumps(call)), row),
        created_at=now,
    )
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP, [now - KEPT_FOR])


def _try_to_hold(token: ManagementToken, digest: bytes) -> bool:
    # PostgreSQL's own lock, and no row: nobody waits, and a server that dies leaves nothing behind.
    name = hashlib.sha256(token.pk.bytes + digest).digest()[:8]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(name, "big", signed=True)]
        )
        return bool(cursor.fetchone()[0])


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(text: str) -> str:
    return zlib.decompress(base64.b64decode(text)).decode()
