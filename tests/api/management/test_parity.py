"""Whatever a page can do, a script can do, and the other way round: both lists, side by side."""

from django.urls import get_resolver

from api.management.urls import ADDRESSES
from tests.tenants.routes import For, routes, rules_of

# What is posted to these is by nature a person's, and no token of a team stands for it: how they sign in and their second factors, an
# answer to an invitation of theirs, a customer's request code (POST /api/v1/offline), and what staff do for the installation.
PERSONAL = ("accounts/", "admin/", "dashboard/invitations/", "offline/")
A = "dashboard/applications/<uuid:application_id>/"
L, P, S = f"{A}licenses/<uuid:license_id>/", f"{A}policies/<uuid:policy_id>/", f"{A}settings/"
W, B = f"{S}webhooks/", f"{A}bulk/"
H = f"{W}<uuid:endpoint_id>/"
T = "dashboard/teams/<uuid:team_id>/"
APPLICATION = "applications/<uuid:application_id>"

VERBS = {
    "dashboard/applications/new/": "POST applications",
    f"{A}first-license/": f"POST {APPLICATION}/licenses",
    S: f"PATCH {APPLICATION}",
    f"{S}enable/": f"POST {APPLICATION}/enable",
    f"{S}words/": f"POST {APPLICATION}/words",
    f"{S}disable/": f"POST {APPLICATION}/disable",
    f"{S}api-keys/rotate/": f"POST {APPLICATION}/api-keys/rotate",
    f"{S}api-keys/<uuid:api_key_id>/retire/": f"POST {APPLICATION}/api-keys/<uuid:id>/retire",
    f"{S}signing-keys/<uuid:signing_key_id>/promote/": f"POST {APPLICATION}/signing-keys/<uuid:id>/promote",
    f"{S}signing-keys/<uuid:signing_key_id>/replace/": f"POST {APPLICATION}/signing-keys/<uuid:id>/replace",
    f"{S}signing-keys/<uuid:signing_key_id>/retire/": f"POST {APPLICATION}/signing-keys/<uuid:id>/retire",
    f"{S}tokens/new/": "POST tokens",
    f"{S}tokens/<uuid:token_id>/revoke/": "POST tokens/<uuid:id>/revoke",
    f"{W}new/": f"POST {APPLICATION}/webhook-endpoints",
    f"{H}edit/": f"PATCH {APPLICATION}/webhook-endpoints/<uuid:id>",
    f"{H}delete/": f"DELETE {APPLICATION}/webhook-endpoints/<uuid:id>",
    f"{H}pause/": f"POST {APPLICATION}/webhook-endpoints/<uuid:id>/pause",
    f"{H}enable/": f"POST {APPLICATION}/webhook-endpoints/<uuid:id>/enable",
    f"{H}test/": f"POST {APPLICATION}/webhook-endpoints/<uuid:id>/test",
    f"{H}replay/": f"POST {APPLICATION}/webhook-endpoints/<uuid:id>/replay-range",
    f"{H}reveal/": f"POST {APPLICATION}/webhook-endpoints/<uuid:id>/reveal",
    f"{H}rotate/": f"POST {APPLICATION}/webhook-endpoints/<uuid:id>/rotate",
    f"{H}deliveries/<uuid:delivery_id>/replay/": f"POST {APPLICATION}/deliveries/<uuid:id>/replay",
    f"{A}licenses/new/": f"POST {APPLICATION}/licenses",
    f"{A}licenses/export/": f"POST {APPLICATION}/licenses/export",
    f"{L}edit/": f"PATCH {APPLICATION}/licenses/<uuid:id>",
    f"{L}reveal/": f"POST {APPLICATION}/licenses/<uuid:id>/reveal",
    f"{L}extend/": f"POST {APPLICATION}/licenses/<uuid:id>/extend",
    f"{L}suspend/": f"POST {APPLICATION}/licenses/<uuid:id>/suspend",
    f"{L}restore/": f"POST {APPLICATION}/licenses/<uuid:id>/restore",
    f"{L}revoke/": f"POST {APPLICATION}/licenses/<uuid:id>/revoke",
    f"{L}reinstate/": f"POST {APPLICATION}/licenses/<uuid:id>/reinstate",
    f"{L}renew/": f"POST {APPLICATION}/licenses/<uuid:id>/renew",
    f"{L}convert/": f"POST {APPLICATION}/licenses/<uuid:id>/convert",
    f"{L}transfer/": f"POST {APPLICATION}/licenses/<uuid:id>/transfer",
    f"{L}reset-trial/": f"POST {APPLICATION}/licenses/<uuid:id>/reset-trial",
    f"{L}forget/": f"POST {APPLICATION}/licenses/<uuid:id>/erase-history",
    f"{L}delete/": f"DELETE {APPLICATION}/licenses/<uuid:id>",
    f"{B}issue/": f"POST {APPLICATION}/bulk-jobs/issue",
    f"{B}act/": f"POST {APPLICATION}/bulk-jobs",
    f"{B}file/": f"POST {APPLICATION}/bulk-jobs/from-file",
    f"{B}<uuid:job_id>/perform/": f"POST {APPLICATION}/bulk-jobs/<uuid:id>/perform",
    f"{B}<uuid:job_id>/cancel/": f"POST {APPLICATION}/bulk-jobs/<uuid:id>/cancel",
    f"{B}<uuid:job_id>/failures/": f"POST {APPLICATION}/bulk-jobs/<uuid:id>/failures/export",
    f"{B}<uuid:job_id>/results/": f"POST {APPLICATION}/bulk-jobs/<uuid:id>/results/export",
    f"{A}policies/new/": f"POST {APPLICATION}/policies",
    f"{P}edit/": f"PATCH {APPLICATION}/policies/<uuid:id>",
    f"{P}make-default/": f"POST {APPLICATION}/policies/<uuid:id>/make-default",
    f"{P}delete/": f"DELETE {APPLICATION}/policies/<uuid:id>",
    f"{A}variables/new/": f"POST {APPLICATION}/variables",
    f"{A}variables/<uuid:variable_id>/": f"PATCH {APPLICATION}/variables/<uuid:id>",
    f"{A}variables/<uuid:variable_id>/reveal/": f"POST {APPLICATION}/variables/<uuid:id>/reveal",
    f"{A}variables/<uuid:variable_id>/delete/": f"DELETE {APPLICATION}/variables/<uuid:id>",
    f"{A}entitlements/new/": f"POST {APPLICATION}/entitlements",
    f"{A}entitlements/<uuid:entitlement_id>/": f"PATCH {APPLICATION}/entitlements/<uuid:id>",
    f"{A}entitlements/<uuid:entitlement_id>/delete/": f"DELETE {APPLICATION}/entitlements/<uuid:id>",
    f"{P}entitlements/<uuid:entitlement_id>/": f"POST {APPLICATION}/policies/<uuid:id>/grants",
    f"{P}entitlements/<uuid:entitlement_id>/remove/": (
        f"DELETE {APPLICATION}/policies/<uuid:id>/grants/<uuid:entitlement_id>"
    ),
    f"{L}entitlements/<uuid:entitlement_id>/": f"POST {APPLICATION}/licenses/<uuid:id>/grants",
    f"{L}entitlements/<uuid:entitlement_id>/remove/": (
        f"DELETE {APPLICATION}/licenses/<uuid:id>/grants/<uuid:entitlement_id>"
    ),
    f"{L}entitlements/<uuid:entitlement_id>/usage/": f"POST {APPLICATION}/licenses/<uuid:id>/usage",
    f"{A}users/<uuid:user_id>/remove/": f"DELETE {APPLICATION}/named-users/<uuid:id>",
    f"{A}access/new/": f"POST {APPLICATION}/access-rules",
    f"{L}access/new/": f"POST {APPLICATION}/access-rules",
    f"{A}access/<uuid:rule_id>/delete/": f"DELETE {APPLICATION}/access-rules/<uuid:id>",
    f"{A}devices/<uuid:device_id>/block/": f"POST {APPLICATION}/devices/<uuid:id>/block",
    f"{A}devices/<uuid:device_id>/release/": f"POST {APPLICATION}/devices/<uuid:id>/release",
    f"{A}sessions/<uuid:session_id>/end/": f"POST {APPLICATION}/sessions/<uuid:id>/end",
    f"{T}rename/": "PATCH team",
    f"{T}invite/": "POST invitations",
    f"{T}members/<uuid:member_id>/role/": "PATCH members/<uuid:id>",
    f"{T}members/<uuid:member_id>/remove/": "DELETE members/<uuid:id>",
    f"{T}invitations/<uuid:invitation_id>/withdraw/": "DELETE invitations/<uuid:id>",
    f"{T}events/export/": "POST events/export",
}


def test_every_verb_of_a_page_has_a_call_and_every_call_that_changes_something_a_page() -> None:
    of_pages = {
        route
        for route in routes(get_resolver().url_patterns)
        if not route.startswith(("api/", *PERSONAL)) and _is_posted_to(route)
    }
    calls = {
        f"{method} {address}"
        for address, view in ADDRESSES.items()
        for method in view.scopes
        if method != "GET"
    }

    assert of_pages == VERBS.keys()
    assert calls == set(VERBS.values())


def _is_posted_to(route: str) -> bool:
    rules = rules_of(route)
    return rules is not None and rules[1] is not For.NOBODY
