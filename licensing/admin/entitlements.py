"""Entitlements, what grants them and what was used, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q

from accounts.staff import uuid_in
from licensing.admin.base import ProductAdmin, links_to
from licensing.models import Entitlement, LicenseEntitlement, PolicyEntitlement, Usage


@admin.register(Entitlement)
class EntitlementAdmin(ProductAdmin):
    list_display = ("name", "application", "kind", "period", "created_at")
    list_filter = ("kind", "period", "created_at")
    search_help_text = "An id, or a part of the name or of the application's."
    fields = (
        *("id", "name", "application", "kind", "period", "description", "created_at"),
        "its_rows",
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(name__icontains=term) | Q(application__name__icontains=term)

    @admin.display(description="belonging to it")
    def its_rows(self, entitlement: Entitlement) -> str:
        models = (PolicyEntitlement, LicenseEntitlement, Usage)
        return links_to(models, entitlement=entitlement.pk)


@admin.register(PolicyEntitlement)
class PolicyEntitlementAdmin(ProductAdmin):
    list_display = ("id", "application", "policy", "entitlement", "value", "expires_at")
    list_filter = ("expires_at",)
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "policy", "entitlement")
    search_help_text = "An id, of the row, its policy, entitlement or application."
    fields = ("id", "application", "policy", "entitlement", "value", "expires_at")

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id) | Q(policy=id) | Q(entitlement=id)
        return Q(entitlement__name__icontains=term) | Q(policy__name__icontains=term)


@admin.register(LicenseEntitlement)
class LicenseEntitlementAdmin(ProductAdmin):
    list_display = ("id", "application", "license", "entitlement", "value", "expires_at")
    list_filter = ("expires_at",)
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license", "entitlement")
    fields = ("id", "application", "license", "entitlement", "value", "expires_at")


@admin.register(Usage)
class UsageAdmin(ProductAdmin):
    list_display = ("id", "application", "license", "entitlement", "used", "starts_at", "ends_at")
    list_filter = ("starts_at", "ends_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license", "entitlement")
    fields = (
        *("id", "application", "license", "entitlement", "used"),
        *("starts_at", "ends_at", "changed_at"),
    )
