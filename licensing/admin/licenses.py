"""Licenses and their batches, as staff see them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from accounts.pages import actor_of
from accounts.staff import action, uuid_in
from licensing import licenses, renewals, transfers, trials
from licensing.admin.base import ProductAdmin, licenses_matching, links_to
from licensing.errors import InvalidRequestError
from licensing.forms.license_acts import ConvertByNameForm, TransferForm
from licensing.models import (
    AccessRule,
    Device,
    License,
    LicenseBatch,
    LicenseEntitlement,
    NamedUser,
    Policy,
    Session,
    Usage,
)


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
        "devices_held",
        "sessions_max",
        "users_max",
        "grace_seconds",
        "expiry_strategy",
        "app_version_min",
        "app_version_max",
        "sessions_overdraft",
        "releases_max",
        "hwid_matching",
        "sessions_per",
        "borrow_max_seconds",
        "first_used_at",
        "created_at",
        "its_rows",
    )
    actions = (
        action(
            "suspend",
            "Suspend",
            lambda request, license: licenses.suspend_license(
                license=license, actor=actor_of(request)
            ),
            warning="Every program that uses one of these licenses is refused from its next call on, until they are restored.",
        ),
        action(
            "restore",
            "Restore",
            lambda request, license: licenses.restore_license(
                license=license, actor=actor_of(request)
            ),
        ),
        action(
            "revoke",
            "Revoke",
            lambda request, license: licenses.revoke_license(
                license=license, actor=actor_of(request), now=timezone.now()
            ),
            warning="These licenses are taken back: their sessions end now, and only reinstating brings them back.",
        ),
        action(
            "reinstate",
            "Reinstate",
            lambda request, license: licenses.reinstate_license(
                license=license, actor=actor_of(request)
            ),
            warning="These licenses were revoked; programs are let in again with them.",
        ),
        action(
            "renew",
            "Renew",
            lambda request, license: renewals.renew_license(
                license=license, actor=actor_of(request), now=timezone.now()
            ),
            warning="Each of these licenses is good for another duration of its policy, counted as the policy says.",
        ),
        action(
            "convert",
            "Convert trial",
            lambda request, license, policy: renewals.convert_trial(
                license=license,
                policy=_policy_named(license, policy),
                actor=actor_of(request),
                now=timezone.now(),
            ),
            warning="These trials follow another policy from now on, and their time starts anew. Keys, devices and sessions stay.",
            form=ConvertByNameForm,
        ),
        action(
            "transfer",
            "Transfer",
            lambda request, license, username, email: transfers.transfer_license(
                license=license,
                username=username,
                email=email,
                actor=actor_of(request),
                now=timezone.now(),
            ),
            warning="These licenses go to another customer: their sessions end now and their devices are released.",
            form=TransferForm,
        ),
        action(
            "reset_trial",
            "Forget trials",
            lambda request, license: trials.reset_trial(license=license, actor=actor_of(request)),
            warning="Devices that had their trial with these licenses may have another one, with another license.",
        ),
    )

    def of_licenses(self, wanted: Q) -> Q:
        return Q(pk__in=licenses_matching(wanted))

    @admin.display(description="places kept for license files")
    def devices_held(self, license: License) -> int:
        return len(license.held_places(timezone.now()))

    @admin.display(description="belonging to it")
    def its_rows(self, license: License) -> str:
        return links_to(
            (Device, Session, LicenseEntitlement, Usage, NamedUser, AccessRule), license=license.pk
        )


def _policy_named(license: License, name: str) -> Policy:
    policy = Policy.objects.filter(application=license.application_id, name=name).first()
    if policy is None:
        raise InvalidRequestError(f"Its application has no policy “{name}”")
    return policy


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
        return links_to((License,), batch=batch.pk)
