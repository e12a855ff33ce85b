"""An API key: what a program shows to say which application it belongs to. Public, for it ships inside programs."""

import datetime as dt

from django.db import models

from accounts import ciphers
from accounts.ids import uuid7
from licensing import tokens
from licensing.models.application import Application


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, at: dt.datetime) -> "ApiKeyQuerySet":
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=at))

    def written(self, api_key: str) -> "ApiKeyQuerySet":
        """The key that reads like this: none, or one."""
        digests = tokens.api_key_digests(api_key)
        return self.filter(
            models.Q(key_digest__in=digests) | models.Q(second_key_digest__in=digests)
        )

    def current(self) -> "ApiKeyQuerySet":
        """The keys that no end is set for: one in every application."""
        return self.filter(expires_at=None)


class ApiKey(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="api_keys")
    key_digest = models.BinaryField(max_length=32, unique=True, editable=False)
    index_key_id = models.CharField(max_length=32, default="", editable=False)
    # The same under the other key, while the ring holds two (licensing/tokens.py).
    second_key_digest = models.BinaryField(max_length=32, null=True, editable=False)
    second_index_key_id = models.CharField(max_length=32, default="", editable=False)
    key_ciphertext = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Set when the key was replaced: until then both keys answer.",
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                name="application_has_one_current_api_key",
                fields=("application",),
                condition=models.Q(expires_at=None),
            ),
            models.UniqueConstraint(
                name="api_key_is_unique_under_the_other_key_too",
                fields=("second_key_digest",),
                condition=models.Q(second_key_digest__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"API key of {self.application_id}"

    def reveal(self) -> str:
        """Return the key in clear; raise UndecipherableError when it does not open."""
        return ciphers.decrypt(
            self.key_ciphertext, table=self._meta.db_table, column="key_ciphertext", row=self.pk
        )
