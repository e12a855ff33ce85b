"""A batch: the licenses that one act issued together. Its id is chosen by the asker, so asking twice issues once."""

from django.conf import settings
from django.db import models
from django.urls import reverse

from accounts.ids import uuid7
from licensing.models.application import Application


class LicenseBatch(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="batches")
    licenses_count = models.PositiveIntegerField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "license batches"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.licenses_count} licenses"

    def get_absolute_url(self) -> str:
        return reverse("batch", args=[self.application_id, self.pk])
