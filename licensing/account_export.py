"""What the zip of a person's data holds of the product: the applications of the teams that they own."""

from collections.abc import Iterator

from django.db.models import QuerySet

from accounts.access import Role
from accounts.exports import ROWS_PER_STATEMENT, Section
from accounts.models import User
from licensing.models import (
    AccessRule,
    Application,
    Device,
    Entitlement,
    License,
    LicenseEntitlement,
    NamedUser,
    Policy,
    PolicyEntitlement,
    Usage,
    Variable,
)


def product_sections(user: User) -> Iterator[Section]:
    """License keys are left out: whoever may see them exports them from the list of licenses, which is recorded."""
    teams = user.memberships.filter(role=Role.OWNER).values("team")
    applications = Application.objects.filter(team__in=teams)
    yield "applications", applications.values("id", "team_id", "name", "enabled", "created_at")
    policies = Policy.objects.filter(application__in=applications)
    yield "policies", policies.values()
    licenses = License.objects.filter(application__in=applications).order_by("pk")
    yield (
        "licenses",
        licenses.values(
            "id",
            "application_id",
            "policy_id",
            "key_last5",
            "status",
            "username",
            "email",
            "note",
            "metadata",
            "expires_at",
            "created_at",
        ).iterator(ROWS_PER_STATEMENT),
    )
    yield from _devices_and_people(applications)
    yield from _what_they_are_entitled_to(applications)


def _devices_and_people(applications: QuerySet[Application]) -> Iterator[Section]:
    devices = Device.objects.filter(application__in=applications).order_by("pk")
    yield (
        "devices",
        devices.values(
            "id", "license_id", "name", "platform", "first_seen_at", "last_seen_at", "released_at"
        ).iterator(ROWS_PER_STATEMENT),
    )
    users = NamedUser.objects.filter(application__in=applications).order_by("pk")
    yield (
        "named_users",
        users.values("id", "license_id", "name", "first_seen_at", "last_seen_at").iterator(
            ROWS_PER_STATEMENT
        ),
    )
    rules = AccessRule.objects.filter(application__in=applications).order_by("pk")
    yield (
        "access_rules",
        rules.values(
            "id", "application_id", "license_id", "kind", "value", "note", "created_at"
        ).iterator(ROWS_PER_STATEMENT),
    )


def _what_they_are_entitled_to(applications: QuerySet[Application]) -> Iterator[Section]:
    """Variables without their values: those are secrets, shown to whoever may see keys, which is recorded."""
    entitlements = Entitlement.objects.filter(application__in=applications)
    yield (
        "entitlements",
        entitlements.values(
            "id", "application_id", "name", "kind", "period", "description", "created_at"
        ),
    )
    granted = ("entitlement_id", "value", "expires_at")
    of_policies = PolicyEntitlement.objects.filter(application__in=applications).order_by("pk")
    yield "policy_entitlements", of_policies.values("policy_id", *granted)
    of_licenses = LicenseEntitlement.objects.filter(application__in=applications).order_by("pk")
    yield (
        "license_entitlements",
        of_licenses.values("license_id", *granted).iterator(ROWS_PER_STATEMENT),
    )
    usage = Usage.objects.filter(application__in=applications).order_by("pk")
    yield (
        "usage",
        usage.values(
            "license_id", "entitlement_id", "starts_at", "ends_at", "used", "changed_at"
        ).iterator(ROWS_PER_STATEMENT),
    )
    variables = Variable.objects.filter(application__in=applications)
    yield (
        "variables",
        variables.values(
            "id", "application_id", "entitlement_id", "name", "created_at", "changed_at"
        ),
    )
