"""The nouns of the product, one file each."""

from accounts.models import Event
from licensing.models.access_rule import AccessRule
from licensing.models.api_key import ApiKey
from licensing.models.application import Application
from licensing.models.bulk_job import BulkJob, BulkRow
from licensing.models.consumption import Consumption
from licensing.models.device import Device
from licensing.models.entitlement import Entitlement
from licensing.models.idempotent_answer import IdempotentAnswer
from licensing.models.license import License
from licensing.models.license_batch import LicenseBatch
from licensing.models.license_entitlement import LicenseEntitlement
from licensing.models.management_token import ManagementToken
from licensing.models.named_user import NamedUser
from licensing.models.policy import Policy
from licensing.models.policy_entitlement import PolicyEntitlement
from licensing.models.session import Session
from licensing.models.signing_key import SigningKey
from licensing.models.trial_use import TrialUse
from licensing.models.usage import Usage
from licensing.models.variable import Variable
from licensing.models.webhook import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)

__all__ = [
    "AccessRule",
    "ApiKey",
    "Application",
    "BulkJob",
    "BulkRow",
    "Consumption",
    "Device",
    "Entitlement",
    "Event",
    "IdempotentAnswer",
    "License",
    "LicenseBatch",
    "LicenseEntitlement",
    "ManagementToken",
    "NamedUser",
    "Policy",
    "PolicyEntitlement",
    "Session",
    "SigningKey",
    "TrialUse",
    "Usage",
    "Variable",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
]
