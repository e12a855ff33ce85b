"""A variable: a setting or secret that programs fetch when they run, instead of having it inside them."""

from django.db import models
from django.urls import reverse

from accounts import ciphers
from accounts.ids import uuid7
from licensing.models.application import Application
from licensing.models.entitlement import Entitlement

VARIABLE_NAME_PATTERN = r"[A-Za-z][A-Za-z0-9_.-]{0,63}"
VALUE_MAX_BYTES = 8 * 1024


class Variable(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="variables")
    entitlement = models.ForeignKey(
        Entitlement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="variables",
        help_text="Only programs whose license has it are told the value. Empty: all.",
    )
    name = models.CharField(max_length=64)
    value_ciphertext = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(name="variable_name_is_unique", fields=("application", "name")),
            models.CheckConstraint(
                name="variable_name_is_plain",
                condition=models.Q(name__regex=f"^{VARIABLE_NAME_PATTERN}$"),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("variable", args=[self.application_id, self.pk])

    def reveal(self) -> str:
        """Return the value in clear; raise UndecipherableError when it does not open."""
        return ciphers.decrypt(
            self.value_ciphertext, table=self._meta.db_table, column="value_ciphertext", row=self.pk
        )
