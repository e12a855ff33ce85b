"""Entitlements, what policies and licenses say of them, and what was used, as scripts see and change them."""

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Input, ListInput, Moment, Text, WholeNumber
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import entitlements
from licensing.access import application_of_token, row_of_token
from licensing.models import Entitlement as EntitlementRow
from licensing.models import License, Policy
from licensing.models.entitlement import NAME_PATTERN, NUMBER_MAX
from licensing.scopes import Scope


class EntitlementChange(Input):
    description = Text(max_length=200, allow_blank=True, required=False)


class EntitlementInput(EntitlementChange):
    name = Text(max_length=64, like=NAME_PATTERN)
    kind = serializers.ChoiceField(EntitlementRow.Kind.choices)
    period = serializers.ChoiceField(EntitlementRow.Period.choices, required=False)


class EntitlementOutput(Output):
    sortable = ("name",)

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    period = serializers.CharField()
    description = serializers.CharField()
    created_at = serializers.DateTimeField()


class GrantInput(Input):
    entitlement = Text(max_length=64)
    value = serializers.JSONField(allow_null=True)
    expires_at = Moment(allow_null=True, default=None)


class GrantOutput(Output):
    told_with = ("entitlement",)

    entitlement = serializers.UUIDField(source="entitlement_id")
    name = serializers.CharField(source="entitlement.name")
    kind = serializers.CharField(source="entitlement.kind")
    value = serializers.JSONField()
    expires_at = serializers.DateTimeField(allow_null=True)


class UsageFilter(ListInput):
    license = serializers.UUIDField(default=None)
    entitlement = serializers.UUIDField(default=None)


class UsageInput(Input):
    entitlement = Text(max_length=64)
    used = WholeNumber(min_value=0, max_value=NUMBER_MAX)


class UsageOutput(Output):
    told_with = ("entitlement",)

    id = serializers.UUIDField()
    license = serializers.UUIDField(source="license_id")
    entitlement = serializers.UUIDField(source="entitlement_id")
    name = serializers.CharField(source="entitlement.name")
    used = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField()


class Entitlements(ManagementView):
    scopes = {"GET": Scope.ENTITLEMENTS_READ, "POST": Scope.ENTITLEMENTS_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.page(application.entitlements.all(), self.query(ListInput), EntitlementOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        entitlement = entitlements.create_entitlement(
            application=application, actor=self.actor, **self.body(EntitlementInput)
        )
        return self.one(entitlement, EntitlementOutput, 201)


class Entitlement(ManagementView):
    scopes = {
        "GET": Scope.ENTITLEMENTS_READ,
        "PATCH": Scope.ENTITLEMENTS_WRITE,
        "DELETE": Scope.ENTITLEMENTS_WRITE,
    }

    def entitlement(self, application_id: uuid.UUID, id: uuid.UUID) -> EntitlementRow:
        rows = EntitlementRow.objects.select_related("application")
        return self.held(row_of_token(self.token, rows, application_id, id), EntitlementOutput)

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.entitlement(application_id, id), EntitlementOutput)

    def patch(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        entitlement = self.entitlement(application_id, id)
        changes = self.body(EntitlementChange, partial=True)
        if changes:
            entitlements.describe_entitlement(entitlement=entitlement, actor=self.actor, **changes)
        return self.one(entitlement, EntitlementOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        entitlement = self.entitlement(application_id, id)
        self.nothing()
        entitlements.delete_entitlement(entitlement=entitlement, actor=self.actor)
        return Response(status=204)


class PolicyGrants(ManagementView):
    scopes = {"GET": Scope.POLICIES_READ, "POST": Scope.POLICIES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        policy = _policy(self, application_id, id)
        return self.page(policy.entitlements.all(), self.query(ListInput), GrantOutput)

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        policy = _policy(self, application_id, id)
        entitlement, word = _word(self.body(GrantInput), application_id)
        entitlements.grant_to_policy(
            policy=policy, entitlement=entitlement, actor=self.actor, **word
        )
        said = policy.entitlements.select_related("entitlement").get(entitlement=entitlement)
        return self.one(said, GrantOutput)


class PolicyGrant(ManagementView):
    scopes = {"DELETE": Scope.POLICIES_WRITE}

    def delete(
        self, request: Request, application_id: uuid.UUID, id: uuid.UUID, entitlement_id: uuid.UUID
    ) -> Response:
        policy = _policy(self, application_id, id)
        entitlement = row_of_token(
            self.token, EntitlementRow.objects.all(), application_id, entitlement_id
        )
        self.nothing()
        entitlements.take_from_policy(policy=policy, entitlement=entitlement, actor=self.actor)
        return Response(status=204)


class LicenseGrants(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ, "POST": Scope.LICENSES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = _license(self, application_id, id)
        return self.page(license.entitlements.all(), self.query(ListInput), GrantOutput)

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = _license(self, application_id, id)
        entitlement, word = _word(self.body(GrantInput), application_id)
        entitlements.grant_to_license(
            license=license, entitlement=entitlement, actor=self.actor, **word
        )
        said = license.entitlements.select_related("entitlement").get(entitlement=entitlement)
        return self.one(said, GrantOutput)


class LicenseGrant(ManagementView):
    scopes = {"DELETE": Scope.LICENSES_WRITE}

    def delete(
        self, request: Request, application_id: uuid.UUID, id: uuid.UUID, entitlement_id: uuid.UUID
    ) -> Response:
        license = _license(self, application_id, id)
        entitlement = row_of_token(
            self.token, EntitlementRow.objects.all(), application_id, entitlement_id
        )
        self.nothing()
        entitlements.take_from_license(license=license, entitlement=entitlement, actor=self.actor)
        return Response(status=204)


class UsageList(ManagementView):
    scopes = {"GET": Scope.USAGE_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(UsageFilter)
        found = application.usage.all()
        for name in ("license", "entitlement"):
            if wanted[name]:
                found = found.filter(**{name: wanted[name]})
        return self.page(found, wanted, UsageOutput)


class LicenseUsage(ManagementView):
    scopes = {"POST": Scope.USAGE_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = _license(self, application_id, id)
        given = self.body(UsageInput)
        entitlement = named_entitlement(application_id, given["entitlement"])
        entitlements.set_usage(
            license=license,
            entitlement=entitlement,
            used=given["used"],
            actor=self.actor,
            now=self.now,
        )
        running = license.usage.running(self.now).select_related("entitlement")
        return self.one(running.get(entitlement=entitlement), UsageOutput)


def _policy(view: ManagementView, application_id: uuid.UUID, id: uuid.UUID) -> Policy:
    rows = Policy.objects.select_related("application")
    return row_of_token(view.token, rows, application_id, id)


def _license(view: ManagementView, application_id: uuid.UUID, id: uuid.UUID) -> License:
    rows = License.objects.select_related("application")
    return row_of_token(view.token, rows, application_id, id)


def _word(
    given: dict[str, Any], application_id: uuid.UUID
) -> tuple[EntitlementRow, dict[str, Any]]:
    """Return the entitlement that a body names, and what it says of it."""
    return named_entitlement(application_id, given.pop("entitlement")), given


def named_entitlement(application_id: uuid.UUID, name: str) -> EntitlementRow:
    entitlement = EntitlementRow.objects.filter(application=application_id, name=name).first()
    if entitlement is None:
        unknown = "No entitlement of this application has this name"
        raise serializers.ValidationError({"entitlement": [unknown]})
    return entitlement
