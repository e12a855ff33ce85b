"""The product, as staff see it: every row of every team, nothing secret, and the acts that its owners have as well."""

from licensing.admin import (
    access_rules,
    applications,
    devices,
    entitlements,
    licenses,
    named_users,
    policies,
    sessions,
    variables,
    webhooks,
)

__all__ = [
    "access_rules",
    "applications",
    "devices",
    "entitlements",
    "licenses",
    "named_users",
    "policies",
    "sessions",
    "variables",
    "webhooks",
]
