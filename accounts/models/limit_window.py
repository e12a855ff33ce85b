"""What limits count."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class LimitWindow(models.Model):
    """How often one subject was seen since its window began; accounts/limits.py alone reads and writes it."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    hits = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "subject"], name="one_window_per_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.subject}: {self.hits}"
