"""Access rules, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q

from accounts.pages import actor_of
from accounts.staff import action, uuid_in
from licensing import access_rules
from licensing.admin.base import ProductAdmin
from licensing.models import AccessRule


@admin.register(AccessRule)
class AccessRuleAdmin(ProductAdmin):
    list_display = ("__str__", "application", "license", "kind", "note", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license")
    search_help_text = (
        "An id, of the rule, its license or its application, or a value as it stands in the list."
    )
    fields = (
        "id",
        "application",
        "license",
        "effect",
        "kind",
        "value",
        "parts",
        "note",
        "created_at",
    )
    actions = (
        action(
            "delete",
            "Delete",
            lambda request, rule: access_rules.delete_rule(rule=rule, actor=actor_of(request)),
            warning="These rules count no more: whom they keep out may come in again from the next call on.",
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id) | Q(license=id)
        return Q(value=term) | Q(application__name__icontains=term)
