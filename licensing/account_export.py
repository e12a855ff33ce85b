"""What the zip of a person's data holds of the product: the applications of the teams that they own."""

from collections.abc import Iterator

from accounts.access import Role
from accounts.exports import ROWS_PER_STATEMENT, Section
from accounts.models import User
from licensing.models import Application, Device, License, Policy


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
    devices = Device.objects.filter(application__in=applications).order_by("pk")
    yield (
        "devices",
        devices.values(
            "id", "license_id", "name", "platform", "first_seen_at", "last_seen_at", "released_at"
        ).iterator(ROWS_PER_STATEMENT),
    )
