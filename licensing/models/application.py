"""An application: a program, or family of programs, that a team licenses to its customers."""

from typing import TYPE_CHECKING

from django.db import models
from django.urls import reverse

from accounts.ids import uuid7
from accounts.models import Team

if TYPE_CHECKING:
    from licensing.models import Policy


class Application(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="applications")
    name = models.CharField(max_length=100)
    enabled = models.BooleanField(
        default=True,
        help_text="While an application is disabled, every call of its programs is refused.",
    )
    # The developer's own words for refusals, {code: {language: text}}, and when they last changed.
    own_words = models.JSONField(default=dict, blank=True, editable=False)
    own_words_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Whether there is any access rule in it, a license's own included: without one no call looks for them.
    has_access_rules = models.BooleanField(default=False, db_default=False, editable=False)
    # The first call that ever authenticated: the page that leads a newcomer waits for it.
    first_init_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.CheckConstraint(name="application_has_a_name", condition=~models.Q(name="")),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("application", args=[self.pk])

    def default_policy(self) -> "Policy":
        """Return the policy that a new license gets when none is chosen."""
        return self.policies.get(is_default=True)
