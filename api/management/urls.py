"""The addresses of the management API, each with and without a trailing slash."""

from collections.abc import Iterator

from django.urls import URLPattern, path, re_path

from api.management import (
    access_rules,
    api_keys,
    applications,
    batches,
    bulk_jobs,
    devices,
    entitlements,
    events,
    licenses,
    named_users,
    policies,
    sessions,
    signing_keys,
    team,
    tokens,
    variables,
    webhooks,
)
from api.management.views import ManagementView, not_found

_APPLICATION = "applications/<uuid:application_id>"

ADDRESSES: dict[str, type[ManagementView]] = {
    "applications": applications.Applications,
    _APPLICATION: applications.Application,
    f"{_APPLICATION}/enable": applications.EnableApplication,
    f"{_APPLICATION}/disable": applications.DisableApplication,
    f"{_APPLICATION}/words": applications.Words,
    f"{_APPLICATION}/signing-keys": signing_keys.SigningKeys,
    f"{_APPLICATION}/signing-keys/<uuid:id>": signing_keys.SigningKey,
    f"{_APPLICATION}/signing-keys/<uuid:id>/promote": signing_keys.PromoteSigningKey,
    f"{_APPLICATION}/signing-keys/<uuid:id>/replace": signing_keys.ReplaceSigningKey,
    f"{_APPLICATION}/signing-keys/<uuid:id>/retire": signing_keys.RetireSigningKey,
    f"{_APPLICATION}/policies": policies.Policies,
    f"{_APPLICATION}/policies/<uuid:id>": policies.Policy,
    f"{_APPLICATION}/policies/<uuid:id>/make-default": policies.MakeDefaultPolicy,
    f"{_APPLICATION}/policies/<uuid:id>/grants": entitlements.PolicyGrants,
    f"{_APPLICATION}/policies/<uuid:id>/grants/<uuid:entitlement_id>": entitlements.PolicyGrant,
    f"{_APPLICATION}/entitlements": entitlements.Entitlements,
    f"{_APPLICATION}/entitlements/<uuid:id>": entitlements.Entitlement,
    f"{_APPLICATION}/variables": variables.Variables,
    f"{_APPLICATION}/variables/<uuid:id>": variables.Variable,
    f"{_APPLICATION}/variables/<uuid:id>/reveal": variables.RevealVariable,
    f"{_APPLICATION}/usage": entitlements.UsageList,
    f"{_APPLICATION}/licenses": licenses.Licenses,
    f"{_APPLICATION}/licenses/<uuid:id>/grants": entitlements.LicenseGrants,
    f"{_APPLICATION}/licenses/<uuid:id>/grants/<uuid:entitlement_id>": entitlements.LicenseGrant,
    f"{_APPLICATION}/licenses/<uuid:id>/usage": entitlements.LicenseUsage,
    f"{_APPLICATION}/licenses/<uuid:id>": licenses.License,
    f"{_APPLICATION}/licenses/<uuid:id>/reveal": licenses.RevealLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/extend": licenses.ExtendLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/suspend": licenses.SuspendLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/restore": licenses.RestoreLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/revoke": licenses.RevokeLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/reinstate": licenses.ReinstateLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/renew": licenses.RenewLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/convert": licenses.ConvertLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/transfer": licenses.TransferLicense,
    f"{_APPLICATION}/licenses/<uuid:id>/reset-trial": licenses.ResetTrial,
    f"{_APPLICATION}/named-users": named_users.NamedUsers,
    f"{_APPLICATION}/named-users/<uuid:id>": named_users.NamedUser,
    f"{_APPLICATION}/access-rules": access_rules.AccessRules,
    f"{_APPLICATION}/access-rules/<uuid:id>": access_rules.AccessRule,
    f"{_APPLICATION}/devices": devices.Devices,
    f"{_APPLICATION}/devices/<uuid:id>": devices.Device,
    f"{_APPLICATION}/devices/<uuid:id>/release": devices.ReleaseDevice,
    f"{_APPLICATION}/devices/<uuid:id>/block": access_rules.BlockDevice,
    f"{_APPLICATION}/sessions": sessions.Sessions,
    f"{_APPLICATION}/sessions/<uuid:id>": sessions.Session,
    f"{_APPLICATION}/sessions/<uuid:id>/end": sessions.EndSession,
    f"{_APPLICATION}/events": events.Events,
    f"{_APPLICATION}/numbers": applications.Numbers,
    f"{_APPLICATION}/api-keys": api_keys.ApiKeys,
    f"{_APPLICATION}/api-keys/rotate": api_keys.RotateApiKeys,
    f"{_APPLICATION}/api-keys/<uuid:id>": api_keys.ApiKey,
    f"{_APPLICATION}/api-keys/<uuid:id>/retire": api_keys.RetireApiKey,
    f"{_APPLICATION}/batches": batches.Batches,
    f"{_APPLICATION}/batches/<uuid:id>": batches.Batch,
    f"{_APPLICATION}/bulk-jobs": bulk_jobs.BulkJobs,
    f"{_APPLICATION}/bulk-jobs/issue": bulk_jobs.IssueInBulk,
    f"{_APPLICATION}/bulk-jobs/from-file": bulk_jobs.BulkFromFile,
    f"{_APPLICATION}/bulk-jobs/<uuid:id>": bulk_jobs.BulkJob,
    f"{_APPLICATION}/bulk-jobs/<uuid:id>/cancel": bulk_jobs.CancelBulkJob,
    f"{_APPLICATION}/bulk-jobs/<uuid:id>/failures": bulk_jobs.BulkFailures,
    f"{_APPLICATION}/bulk-jobs/<uuid:id>/failures/export": bulk_jobs.ExportBulkFailures,
    f"{_APPLICATION}/bulk-jobs/<uuid:id>/perform": bulk_jobs.PerformBulkJob,
    f"{_APPLICATION}/bulk-jobs/<uuid:id>/results/export": bulk_jobs.ExportBulkResults,
    f"{_APPLICATION}/licenses/export": licenses.ExportLicenses,
    f"{_APPLICATION}/licenses/<uuid:id>/erase-history": licenses.EraseLicenseHistory,
    f"{_APPLICATION}/webhook-endpoints": webhooks.WebhookEndpoints,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>": webhooks.Endpoint,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>/pause": webhooks.PauseEndpoint,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>/enable": webhooks.EnableEndpoint,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>/test": webhooks.TestEndpoint,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>/replay-range": webhooks.ReplayRange,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>/reveal": webhooks.RevealSecret,
    f"{_APPLICATION}/webhook-endpoints/<uuid:id>/rotate": webhooks.RotateSecret,
    f"{_APPLICATION}/deliveries": webhooks.Deliveries,
    f"{_APPLICATION}/deliveries/<uuid:id>": webhooks.Delivery,
    f"{_APPLICATION}/deliveries/<uuid:id>/attempts": webhooks.Attempts,
    f"{_APPLICATION}/deliveries/<uuid:id>/replay": webhooks.ReplayDelivery,
    "team": team.Team,
    "members": team.Members,
    "members/<uuid:id>": team.Member,
    "invitations": team.Invitations,
    "invitations/<uuid:id>": team.Invitation,
    "events": events.TeamEvents,
    "events/export": events.ExportTeamEvents,
    "tokens": tokens.Tokens,
    "tokens/<uuid:id>": tokens.Token,
    "tokens/<uuid:id>/revoke": tokens.RevokeToken,
}


def _patterns() -> Iterator[URLPattern]:
    for address, view in ADDRESSES.items():
        yield path(address, view.as_view())
        yield path(f"{address}/", view.as_view())
    # A dot would leave line breaks to where answers are no problems.
    yield re_path(
        r"^(?:applications|tokens|team|members|invitations|events)(?:/[\s\S]*)?$", not_found
    )


urlpatterns = list(_patterns())
