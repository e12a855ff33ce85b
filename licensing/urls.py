"""The pages of the product."""

from django.urls import URLPattern, URLResolver, include, path

from licensing.views import (
    access_rules,
    applications,
    batches,
    bulk,
    devices,
    entitlements,
    events,
    grants,
    handbook,
    license_acts,
    licenses,
    management_tokens,
    named_users,
    offline,
    policies,
    sessions,
    settings,
    signing_keys,
    site,
    variables,
    webhooks,
    words,
)

_license = [
    path("", licenses.license, name="license"),
    path("edit/", licenses.license_edit, name="license-edit"),
    path("reveal/", licenses.license_reveal, name="license-reveal"),
    path("extend/", license_acts.license_extend, name="license-extend"),
    path("suspend/", license_acts.license_suspend, name="license-suspend"),
    path("restore/", license_acts.license_restore, name="license-restore"),
    path("revoke/", license_acts.license_revoke, name="license-revoke"),
    path("reinstate/", license_acts.license_reinstate, name="license-reinstate"),
    path("renew/", license_acts.license_renew, name="license-renew"),
    path("convert/", license_acts.license_convert, name="license-convert"),
    path("transfer/", license_acts.license_transfer, name="license-transfer"),
    path("reset-trial/", license_acts.license_reset_trial, name="license-reset-trial"),
    path("delete/", license_acts.license_delete, name="license-delete"),
    path("forget/", license_acts.license_forget, name="license-forget"),
    path(
        "entitlements/<uuid:entitlement_id>/",
        grants.license_entitlement,
        name="license-entitlement",
    ),
    path(
        "entitlements/<uuid:entitlement_id>/remove/",
        grants.license_entitlement_remove,
        name="license-entitlement-remove",
    ),
    path("access/new/", access_rules.license_access_rule_new, name="license-access-rule-new"),
    path("entitlements/<uuid:entitlement_id>/usage/", grants.license_usage, name="license-usage"),
]
_policy = [
    path("", policies.policy, name="policy"),
    path("edit/", policies.policy_edit, name="policy-edit"),
    path("make-default/", policies.policy_make_default, name="policy-make-default"),
    path("delete/", policies.policy_delete, name="policy-delete"),
    path(
        "entitlements/<uuid:entitlement_id>/", grants.policy_entitlement, name="policy-entitlement"
    ),
    path(
        "entitlements/<uuid:entitlement_id>/remove/",
        grants.policy_entitlement_remove,
        name="policy-entitlement-remove",
    ),
]
_webhook: list[URLPattern | URLResolver] = [
    path("", webhooks.webhook, name="webhook"),
    path("edit/", webhooks.webhook_edit, name="webhook-edit"),
    path("reveal/", webhooks.webhook_reveal, name="webhook-reveal"),
    path("rotate/", webhooks.webhook_rotate, name="webhook-rotate"),
    path("test/", webhooks.webhook_test, name="webhook-test"),
    path("pause/", webhooks.webhook_pause, name="webhook-pause"),
    path("enable/", webhooks.webhook_enable, name="webhook-enable"),
    path("delete/", webhooks.webhook_delete, name="webhook-delete"),
    path("replay/", webhooks.webhook_replay, name="webhook-replay"),
    path("deliveries/<uuid:delivery_id>/", webhooks.webhook_attempts, name="webhook-delivery"),
    path(
        "deliveries/<uuid:delivery_id>/replay/",
        webhooks.webhook_delivery_replay,
        name="webhook-delivery-replay",
    ),
]
_bulk: list[URLPattern | URLResolver] = [
    path("", bulk.bulk_jobs, name="bulk-jobs"),
    path("issue/", bulk.bulk_issue, name="bulk-issue"),
    path("act/", bulk.bulk_act, name="bulk-act"),
    path("file/", bulk.bulk_file, name="bulk-file"),
    path("<uuid:job_id>/", bulk.bulk_job, name="bulk-job"),
    path("<uuid:job_id>/perform/", bulk.bulk_perform, name="bulk-perform"),
    path("<uuid:job_id>/cancel/", bulk.bulk_cancel, name="bulk-cancel"),
    path("<uuid:job_id>/failures/", bulk.bulk_failures, name="bulk-failures"),
    path("<uuid:job_id>/results/", bulk.bulk_results, name="bulk-results"),
]
_settings: list[URLPattern | URLResolver] = [
    path("webhooks/", webhooks.webhooks_list, name="webhooks"),
    path("webhooks/new/", webhooks.webhook_new, name="webhook-new"),
    path("webhooks/<uuid:endpoint_id>/", include(_webhook)),
    path("", settings.application_settings, name="application-settings"),
    path("enable/", settings.application_enable, name="application-enable"),
    path("disable/", settings.application_disable, name="application-disable"),
    path("api-keys/rotate/", settings.api_key_rotate, name="api-key-rotate"),
    path("api-keys/<uuid:api_key_id>/retire/", settings.api_key_retire, name="api-key-retire"),
    path(
        "signing-keys/<uuid:signing_key_id>/promote/",
        signing_keys.signing_key_promote,
        name="signing-key-promote",
    ),
    path(
        "signing-keys/<uuid:signing_key_id>/replace/",
        signing_keys.signing_key_replace,
        name="signing-key-replace",
    ),
    path(
        "signing-keys/<uuid:signing_key_id>/retire/",
        signing_keys.signing_key_retire,
        name="signing-key-retire",
    ),
    path("words/", words.words, name="words"),
    path("tokens/", management_tokens.tokens, name="tokens"),
    path("tokens/new/", management_tokens.token_new, name="token-new"),
    path("tokens/<uuid:token_id>/revoke/", management_tokens.token_revoke, name="token-revoke"),
]
_application: list[URLPattern | URLResolver] = [
    path("", applications.application, name="application"),
    path("connection/", applications.application_connection, name="application-connection"),
    path("first-license/", applications.application_first_license, name="first-license"),
    path("settings/", include(_settings)),
    path("licenses/", licenses.licenses_list, name="licenses"),
    path("licenses/new/", licenses.licenses_new, name="licenses-new"),
    path("licenses/export/", licenses.licenses_export, name="licenses-export"),
    path("licenses/<uuid:license_id>/", include(_license)),
    path("batches/<uuid:batch_id>/", batches.batch, name="batch"),
    path(
        "batches/<uuid:batch_id>/keys.<str:file_format>",
        batches.batch_download,
        name="batch-download",
    ),
    path("bulk/", include(_bulk)),
    path("policies/", policies.policies_list, name="policies"),
    path("policies/new/", policies.policy_new, name="policy-new"),
    path("policies/<uuid:policy_id>/", include(_policy)),
    path("entitlements/", entitlements.entitlements_list, name="entitlements"),
    path("entitlements/new/", entitlements.entitlement_new, name="entitlement-new"),
    path("entitlements/<uuid:entitlement_id>/", entitlements.entitlement, name="entitlement"),
    path(
        "entitlements/<uuid:entitlement_id>/delete/",
        entitlements.entitlement_delete,
        name="entitlement-delete",
    ),
    path("variables/", variables.variables_list, name="variables"),
    path("variables/new/", variables.variable_new, name="variable-new"),
    path("variables/<uuid:variable_id>/", variables.variable, name="variable"),
    path("variables/<uuid:variable_id>/reveal/", variables.variable_reveal, name="variable-reveal"),
    path("variables/<uuid:variable_id>/delete/", variables.variable_delete, name="variable-delete"),
    path("users/", named_users.named_users, name="named-users"),
    path("users/<uuid:user_id>/remove/", named_users.named_user_remove, name="named-user-remove"),
    path("access/", access_rules.access_rules, name="access-rules"),
    path("access/new/", access_rules.access_rule_new, name="access-rule-new"),
    path(
        "access/<uuid:rule_id>/delete/", access_rules.access_rule_delete, name="access-rule-delete"
    ),
    path("devices/", devices.devices, name="devices"),
    path("devices/<uuid:device_id>/block/", access_rules.device_block, name="device-block"),
    path("devices/<uuid:device_id>/release/", devices.device_release, name="device-release"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/<uuid:session_id>/end/", sessions.session_end, name="session-end"),
    path("events/", events.events, name="events"),
]

_team_events = [
    path("", events.team_events, name="team-events"),
    path("export/", events.team_events_export, name="team-events-export"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", site.landing, name="landing"),
    path("dashboard/", applications.dashboard, name="dashboard"),
    path("dashboard/applications/new/", applications.application_new, name="application-new"),
    path("dashboard/applications/<uuid:application_id>/", include(_application)),
    path("dashboard/teams/<uuid:team_id>/events/", include(_team_events)),
    path("offline/", offline.offline, name="offline"),
    path("docs/", handbook.docs, name="docs"),
    path("docs/api/", handbook.docs_api, name="docs-api"),
    path("docs/<path:file>.md", handbook.docs_markdown, name="docs-markdown"),
    path("llms.txt", handbook.llms_txt, name="llms-txt"),
    path("docs/<path:path>/", handbook.docs_page, name="docs-page"),
]
