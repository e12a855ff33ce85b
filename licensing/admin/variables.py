"""Variables, as staff see them: without their values."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q

from accounts.staff import uuid_in
from licensing.admin.base import ProductAdmin
from licensing.models import Variable


@admin.register(Variable)
class VariableAdmin(ProductAdmin):
    list_display = ("name", "application", "entitlement", "changed_at")
    list_filter = ("created_at", "changed_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "entitlement")
    search_help_text = "An id, or a part of the name or of the application's."
    fields = ("id", "name", "application", "entitlement", "created_at", "changed_at")

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id) | Q(entitlement=id)
        return Q(name__icontains=term) | Q(application__name__icontains=term)
