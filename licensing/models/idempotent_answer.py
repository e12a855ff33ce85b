"""What a call with an Idempotency-Key was answered: kept for a day, so that asking again acts once."""

from django.db import models

from accounts.ids import uuid7
from accounts.models import Team
from licensing.models.management_token import ManagementToken


class IdempotentAnswer(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(ManagementToken, on_delete=models.CASCADE, related_name="+")
    # SHA-256: scripts make their keys of order numbers, of addresses, of anything.
    key_digest = models.BinaryField(max_length=32, editable=False)
    # The request's digest and the answer in one: an answer may hold license keys, and a request what is written on them.
    call_ciphertext = models.TextField(editable=False)
    created_at = models.DateTimeField(db_index=True, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                name="one_answer_per_token_and_key", fields=("token", "key_digest")
            ),
        )

    def __str__(self) -> str:
        return f"answer to a call of token {self.token_id}"
