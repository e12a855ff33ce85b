"""The product, as staff see it: every row of every team, nothing secret, and the acts that its owners have as well."""

from licensing.admin import (
    applications,
    devices,
    entitlements,
    licenses,
    policies,
    sessions,
    variables,
    webhooks,
)

__all__ = [
    "applications",
    "devices",
    "entitlements",
    "licenses",
    "policies",
    "sessions",
    "variables",
    "webhooks",
]
