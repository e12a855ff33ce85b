"""The product, as staff see it: every row of every team, nothing secret, and the acts that its owners have as well."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.http import urlencode

from accounts.models import Event, User
from accounts.staff import ReadOnlyAdmin, action, uuid_in
from licensing import applications, devices, licenses, policies, sessions, signing_keys
from licensing.errors import RefusalError
from licensing.events import Actor, user_actor
from licensing.models import (
    ApiKey,
    Application,
    Device,
    Entitlement,
    License,
    LicenseBatch,
    LicenseEntitlement,
    Policy,
    PolicyEntitlement,
    Session,
    SigningKey,
    Usage,
    Variable,
    WebhookDelivery,
    WebhookEndpoint,
)
from licensing.search import matching


class ProductAdmin(ReadOnlyAdmin):
    """A table below the applications; `?application=<id>` narrows its list to one."""

    refusals = (RefusalError,)
    list_select_related: ClassVar[tuple[str, ...]] = ("application",)
    search_fields = ("pk",)
    search_help_text = "The id of a row, of its license or of its application; the last five of a license key, or a whole one."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.found_by(term)) if term else queryset), False

    def found_by(self, term: str) -> Q:
        """The rows that a search finds, by indexes only: the tables are long."""
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id) | self.of_licenses(Q(pk=id))
        return self.of_licenses(matching(term))

    def of_licenses(self, wanted: Q) -> Q:
        return Q(license__in=_licenses(wanted))


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
                application=application, actor=_actor(request)
            ),
            warning="Every call of every copy of these programs is refused from now on, running sessions included, until the "
            "applications are enabled again.",
        ),
        action(
            "enable",
            "Enable",
            lambda request, application: applications.enable_application(
                application=application, actor=_actor(request)
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
        models = (License, Device, Session, Policy, Entitlement, ApiKey, SigningKey, LicenseBatch)
        return _links(models, application=application.pk)


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
                api_key=api_key, actor=_actor(request), now=timezone.now()
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
                signing_key=signing_key, actor=_actor(request)
            ),
            warning="Previous keys are published no longer: programs that know only one of them believe no answer until they "
            "are updated.",
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(application__name__icontains=term) | Q(public_key=term)


@admin.register(Policy)
class PolicyAdmin(ProductAdmin):
    list_display = (
        "name",
        "application",
        "is_default",
        "devices_max",
        "sessions_max",
        "created_at",
    )
    list_filter = ("is_default", "clock_start", "sessions_overflow", "created_at")
    search_help_text = "An id, or a part of the name or of the application's."
    fields = (
        "id",
        "name",
        "application",
        "is_default",
        "duration_seconds",
        "clock_start",
        "ends_at",
        "renewal",
        "is_trial",
        "suspension_freezes_time",
        "grace_seconds",
        "expiry_strategy",
        "app_version_min",
        "app_version_max",
        "download_url",
        "devices_max",
        "sessions_max",
        "sessions_overflow",
        "hwid_matching",
        "releases_max",
        "releases_period_seconds",
        "releases_pause_seconds",
        "sessions_per",
        "sessions_overdraft",
        "borrow_max_seconds",
        "session_lifetime_seconds",
        "heartbeat_interval_seconds",
        "license_file_seconds",
        "created_at",
    )
    actions = (
        action(
            "make_default",
            "Make default",
            lambda request, policy: policies.make_default_policy(
                policy=policy, actor=_actor(request)
            ),
        ),
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(name__icontains=term) | Q(application__name__icontains=term)


@admin.register(LicenseBatch)
class LicenseBatchAdmin(ProductAdmin):
    list_display = ("id", "application", "licenses_count", "created_by", "created_at")
    list_filter = ("created_at",)
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "created_by")
    search_help_text = "An id, a part of the application's name, or the address of who issued it."
    fields = ("id", "application", "licenses_count", "created_by", "created_at", "its_rows")

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(application__name__icontains=term) | Q(created_by__email=term.lower())

    @admin.display(description="belonging to it")
    def its_rows(self, batch: LicenseBatch) -> str:
        return _links((License,), batch=batch.pk)


@admin.register(License)
class LicenseAdmin(ProductAdmin):
    list_display = (
        "__str__",
        "application",
        "status",
        "username",
        "email",
        "expires_at",
        "created_at",
    )
    list_filter = ("status", "expires_at", "created_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "policy", "batch")
    search_help_text = "The last five of a key or a whole one, the beginning of a name or e-mail address, or an id."
    fields = (
        "id",
        "key_last5",
        "application",
        "policy",
        "batch",
        "status",
        "frozen_at",
        "revoked_reason",
        "username",
        "email",
        "note",
        "metadata",
        "expires_at",
        "devices_max",
        "devices_used",
        "sessions_max",
        "grace_seconds",
        "expiry_strategy",
        "app_version_min",
        "app_version_max",
        "sessions_overdraft",
        "releases_max",
        "first_used_at",
        "created_at",
        "its_rows",
    )
    actions = (
        action(
            "suspend",
            "Suspend",
            lambda request, license: licenses.suspend_license(
                license=license, actor=_actor(request)
            ),
            warning="Every program that uses one of these licenses is refused from its next call on, until they are restored.",
        ),
        action(
            "restore",
            "Restore",
            lambda request, license: licenses.restore_license(
                license=license, actor=_actor(request)
            ),
        ),
        action(
            "revoke",
            "Revoke",
            lambda request, license: licenses.revoke_license(
                license=license, actor=_actor(request), now=timezone.now()
            ),
            warning="These licenses are taken back: their sessions end now, and only reinstating brings them back.",
        ),
        action(
            "reinstate",
            "Reinstate",
            lambda request, license: licenses.reinstate_license(
                license=license, actor=_actor(request)
            ),
            warning="These licenses were revoked; programs are let in again with them.",
        ),
    )

    def of_licenses(self, wanted: Q) -> Q:
        return Q(pk__in=_licenses(wanted))

    @admin.display(description="belonging to it")
    def its_rows(self, license: License) -> str:
        return _links((Device, Session, LicenseEntitlement, Usage), license=license.pk)


@admin.register(Device)
class DeviceAdmin(ProductAdmin):
    list_display = ("__str__", "application", "license", "platform", "last_seen_at", "released_at")
    list_filter = ("last_seen_at", "released_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license")
    fields = (
        "id",
        "application",
        "license",
        "name",
        "platform",
        "fingerprint",
        "parts",
        "drifted",
        "drifted_at",
        "first_seen_at",
        "last_seen_at",
        "released_at",
        "its_rows",
    )
    actions = (
        action(
            "release",
            "Release",
            lambda request, device: devices.release_device(
                device=device, actor=_actor(request), now=timezone.now()
            ),
            warning="These devices give up their places and their sessions end now. Other devices can take the places.",
        ),
    )

    @admin.display(description="belonging to it")
    def its_rows(self, device: Device) -> str:
        return _links((Session,), device=device.pk)


@admin.register(Session)
class SessionAdmin(ProductAdmin):
    list_display = ("id", "application", "license", "device", "opened_at", "last_seen_at", "state")
    list_filter = ("ended_reason", "is_overdraft", "opened_at", "ended_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "license", "device")
    fields = (
        "id",
        "application",
        "license",
        "device",
        "user_name",
        "app_version",
        "ip_address",
        "state",
        "opened_at",
        "last_seen_at",
        "expires_at",
        "is_overdraft",
        "borrowed_until",
        "ended_at",
        "ended_reason",
    )
    actions = (
        action(
            "end",
            "End session",
            lambda request, session: sessions.end_session(
                session=session, actor=_actor(request), now=timezone.now()
            ),
            warning="The programs learn it at their next heartbeat or validation. They may open new sessions; to keep one out, "
            "suspend its license.",
        ),
    )

    @admin.display
    def state(self, session: Session) -> str:
        return session.state(timezone.now())


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
        return _links(models, entitlement=entitlement.pk)


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


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ProductAdmin):
    """Without the address: some hide a secret in its path."""

    list_display = ("__str__", "application", "state", "failing_since", "created_at")
    list_filter = ("state", "created_at")
    search_help_text = "An id, or a part of the description or of the application's name."
    fields = (
        "id",
        "application",
        "description",
        "events",
        "state",
        "failing_since",
        "resting_until",
        "created_at",
    )

    def found_by(self, term: str) -> Q:
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id)
        return Q(description__icontains=term) | Q(application__name__icontains=term)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ProductAdmin):
    list_display = ("id", "application", "endpoint", "action", "status", "failures", "created_at")
    list_filter = ("status", "created_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("application", "endpoint")
    search_help_text = "The id of a delivery, of its event, its endpoint or its application."
    fields = (
        "id",
        "application",
        "endpoint",
        "event_id",
        "action",
        "status",
        "failures",
        "next_attempt_at",
        "delivered_at",
        "created_at",
    )

    def found_by(self, term: str) -> Q:
        id = uuid_in(term)
        return Q(pk=id) | Q(event_id=id) | Q(endpoint=id) | Q(application=id) if id else Q(pk=None)


def _actor(request: HttpRequest) -> Actor:
    assert isinstance(request.user, User)
    return user_actor(request.user, request.META.get("REMOTE_ADDR") or None)


def _licenses(wanted: Q) -> QuerySet[License]:
    # What the indexes on licenses begin with is the application: naming all of them lets PostgreSQL go through an index once
    # for each application, and not through every license.
    return License.objects.filter(wanted, application__in=Application.objects.values("pk"))


def _links(models: Iterable[type[Model]], **filters: uuid.UUID) -> str:
    """Links to the lists of other tables, narrowed to the rows that belong to one."""
    query = urlencode({f"{name}__id__exact": str(id) for name, id in filters.items()})
    [id] = filters.values()
    links = [
        (f"{reverse(f'admin:licensing_{model._meta.model_name}_changelist')}?{query}", model)
        for model in models
    ]
    links.append(
        (f"{reverse('admin:accounts_event_changelist')}?{urlencode({'q': str(id)})}", Event)
    )
    rows = ((url, model._meta.verbose_name_plural) for url, model in links)
    return format_html_join(", ", '<a href="{}">{}</a>', rows)
