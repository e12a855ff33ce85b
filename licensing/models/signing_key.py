"""A signing key pair: with it an application's answers are signed. Programs pin its public part."""

from django.db import models

from accounts.ids import uuid7
from licensing.models.application import Application


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def published(self) -> "SigningKeyQuerySet":
        """Every key that an answer may be signed with, or was until the last change: current, next and previous."""
        return self.exclude(state=SigningKey.State.RETIRED)


class SigningKey(models.Model):
    """Allowed moves: next → current → previous → retired. Every application has one current and one next key."""

    class State(models.TextChoices):
        CURRENT = "current", "Current"
        NEXT = "next", "Next"
        PREVIOUS = "previous", "Previous"
        RETIRED = "retired", "Retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="signing_keys"
    )
    state = models.CharField(max_length=10, choices=State.choices)
    public_key = models.CharField(
        max_length=43, unique=True, help_text="32 bytes in base64url, as programs pin it."
    )
    private_ciphertext = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="application_has_one_current_signing_key",
                fields=("application",),
                condition=models.Q(state="current"),
            ),
            models.UniqueConstraint(
                name="application_has_one_next_signing_key",
                fields=("application",),
                condition=models.Q(state="next"),
            ),
            models.CheckConstraint(
                name="signing_key_state_is_known",
                condition=models.Q(state__in=("current", "next", "previous", "retired")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.state} signing key {self.public_key[:8]}…"
