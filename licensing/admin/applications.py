"""Applications and their keys, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from accounts.pages import actor_of
from accounts.staff import action, uuid_in
from licensing import applications, signing_keys
from licensing.admin.base import ProductAdmin, links_to
from licensing.models import (
    AccessRule,
    ApiKey,
    Application,
    Device,
    Entitlement,
    License,
    LicenseBatch,
    Policy,
    Session,
    SigningKey,
)


@admin.register(Application)
class ApplicationAdmin(ProductAdmin):
    list_display = ("name", "team", "enabled", "created_at", "first_init_at")
    list_filter = ("enabled", "created_at", "first_init_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("team",)
    search_help_text = "A part of the name or of the team's, an id, or a whole API key."
    fields = (
        "id",
        "name",
        "team",
        "enabled",
        "created_at",
        "first_init_at",
        "own_words",
        "its_rows",
    )
    actions = (
        action(
            "disable",
            "Disable",
            lambda request, application: applications.disable_application(
                application=application, actor=actor_of(request)
            ),
            warning="Every call of every copy of these programs is refused from now on, running sessions included, until the "
            "applications are enabled again.",
        ),
        action(
            "enable",
            "Enable",
            lambda request, application: applications.enable_application(
                application=application, actor=actor_of(request)
            ),
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(team=id)
        named = Q(name__icontains=term) | Q(team__name__icontains=term)
        return named | Q(api_keys__in=ApiKey.objects.written(term))

    @admin.display(description="belonging to it")
    def its_rows(self, application: Application) -> str:
        models = (
            *(License, Device, Session, Policy, Entitlement, ApiKey, SigningKey, LicenseBatch),
            AccessRule,
        )
        return links_to(models, application=application.pk)


@admin.register(ApiKey)
class ApiKeyAdmin(ProductAdmin):
    list_display = ("id", "application", "created_at", "expires_at")
    list_filter = ("created_at", "expires_at")
    search_help_text = "An id, the application's name, or a whole API key."
    fields = ("id", "application", "created_at", "expires_at")
    actions = (
        action(
            "retire",
            "Retire",
            lambda request, api_key: applications.retire_api_key(
                api_key=api_key, actor=actor_of(request), now=timezone.now()
            ),
            warning="Keys that were replaced stop answering now: copies of a program that still use one are refused until they "
            "are updated. Current keys stay as they are.",
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(application__name__icontains=term) | Q(pk__in=ApiKey.objects.written(term))


@admin.register(SigningKey)
class SigningKeyAdmin(ProductAdmin):
    list_display = ("id", "application", "state", "public_key", "created_at")
    list_filter = ("state", "created_at")
    search_help_text = "An id, the application's name, or a whole public key."
    fields = ("id", "application", "state", "public_key", "created_at")
    actions = (
        action(
            "retire",
            "Retire",
            lambda request, signing_key: signing_keys.retire_signing_key(
                signing_key=signing_key, actor=actor_of(request)
            ),
            warning="Previous keys are published no longer: programs that know only one of them believe no answer until they "
            "are updated.",
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(application__name__icontains=term) | Q(public_key=term)
