"""Licenses, as scripts find, issue and change them."""

import datetime as dt
import uuid
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Flag, Id, Input, ListInput, Metadata, Moment, Text, WholeNumber
from api.management.outputs import Expansion, Output
from api.management.policies import PolicyOutput
from api.management.views import AnyAnswer, ManagementView
from licensing import exports, licenses, renewals, transfers, trials
from licensing.access import application_of_token, row_of_token
from licensing.events import forget_customer
from licensing.fields import LIMIT_MAX
from licensing.models import Application, LicenseBatch, Policy
from licensing.models import License as LicenseRow
from licensing.models.policy import BORROW_MAX_SECONDS, GRACE_MAX_SECONDS, RELEASES_MAX
from licensing.scopes import Scope
from licensing.search import beginning_with, find_licenses
from licensing.versions import VERSION_MAX

# Each is encrypted, indexed and told in one answer: more belongs into several calls.
COUNT_MAX = 1_000
STATES = ("active", "expired", "suspended", "revoked")


class LicenseFilter(ListInput):
    status = serializers.ChoiceField(STATES, default="")
    policy = serializers.UUIDField(default=None)
    batch = serializers.UUIDField(default=None)
    username = serializers.CharField(max_length=150, default="")
    email = serializers.CharField(max_length=254, default="")
    # As long as an imported key may be.
    search = serializers.CharField(max_length=254, default="")


class LicenseInput(Input):
    policy = Id(required=False)
    username = Text(max_length=150, allow_blank=True, required=False)
    email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
    note = Text(max_length=5_000, allow_blank=True, required=False)
    metadata = Metadata(required=False)
    devices_max = WholeNumber(min_value=1, max_value=LIMIT_MAX, allow_null=True, required=False)
    releases_max = WholeNumber(min_value=0, max_value=RELEASES_MAX, allow_null=True, required=False)
    users_max = WholeNumber(min_value=1, max_value=LIMIT_MAX, allow_null=True, required=False)
    sessions_max = WholeNumber(min_value=1, max_value=LIMIT_MAX, allow_null=True, required=False)
    grace_seconds = WholeNumber(
        min_value=0, max_value=GRACE_MAX_SECONDS, allow_null=True, required=False
    )
    expiry_strategy = serializers.ChoiceField(
        Policy.ExpiryStrategy.choices, allow_blank=True, required=False
    )
    app_version_min = Text(max_length=VERSION_MAX, allow_blank=True, required=False)
    app_version_max = Text(max_length=VERSION_MAX, allow_blank=True, required=False)
    sessions_overdraft = WholeNumber(
        min_value=0, max_value=LIMIT_MAX, allow_null=True, required=False
    )
    hwid_matching = serializers.ChoiceField(
        Policy.HwidMatching.choices, allow_blank=True, required=False
    )
    sessions_per = serializers.ChoiceField(
        Policy.SessionsPer.choices, allow_blank=True, required=False
    )
    borrow_max_seconds = WholeNumber(
        min_value=0, max_value=BORROW_MAX_SECONDS, allow_null=True, required=False
    )


class IssueInput(LicenseInput):
    count = WholeNumber(min_value=1, max_value=COUNT_MAX, default=1)
    expires_at = Moment(allow_null=True, default=None)


class RevokeInput(Input):
    reason = Text(max_length=500, allow_blank=True, default="")


class RenewInput(Input):
    seen_end = Moment(default=None)


class TransferInput(Input):
    username = Text(max_length=150, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, allow_blank=True, default="")


class ConvertInput(Input):
    policy = Id()


class ExtendInput(Input):
    expires_at = Moment(allow_null=True)


class LicenseOutput(Output):
    sortable = ("expires_at",)
    told_with = ("policy",)
    expandable = {"policy": Expansion(PolicyOutput, Scope.POLICIES_READ)}

    id = serializers.UUIDField()
    status = serializers.SerializerMethodField()
    policy = serializers.UUIDField(source="policy_id")
    batch = serializers.UUIDField(source="batch_id", allow_null=True)
    key_last5 = serializers.CharField()
    username = serializers.CharField()
    email = serializers.CharField()
    note = serializers.CharField()
    metadata = serializers.JSONField()
    devices_max = serializers.IntegerField(allow_null=True)
    devices_used = serializers.IntegerField()
    devices_held = serializers.SerializerMethodField()
    releases_max = serializers.IntegerField(allow_null=True)
    users_max = serializers.IntegerField(allow_null=True)
    sessions_max = serializers.IntegerField(allow_null=True)
    grace_seconds = serializers.IntegerField(allow_null=True)
    expiry_strategy = serializers.CharField()
    app_version_min = serializers.CharField()
    app_version_max = serializers.CharField()
    sessions_overdraft = serializers.IntegerField(allow_null=True)
    hwid_matching = serializers.CharField()
    sessions_per = serializers.CharField()
    borrow_max_seconds = serializers.IntegerField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    grace_until = serializers.DateTimeField(allow_null=True)
    warnings = serializers.SerializerMethodField()
    frozen_at = serializers.DateTimeField(allow_null=True)
    revoked_reason = serializers.CharField()
    first_used_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def get_status(self, license: LicenseRow) -> str:
        now: dt.datetime = self.context["now"]
        return license.state(now)

    def get_devices_held(self, license: LicenseRow) -> int:
        """How many places more are kept for released devices, until their license files end."""
        return len(license.held_places(self.context["now"]))

    def get_warnings(self, license: LicenseRow) -> list[str]:
        warning = license.warning(self.context["now"])
        return [warning] if warning else []


class LicenseWithKeyOutput(LicenseOutput):
    key = serializers.CharField(source="reveal")


class IssuedOutput(Output):
    batch = serializers.UUIDField(source="pk", allow_null=True)
    # DRF's own `data` is what the whole is told as.
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    @extend_schema_field(LicenseWithKeyOutput(many=True))
    def get_data(self, batch: LicenseBatch) -> list[dict[str, Any]]:
        issued = batch.licenses.select_related("policy").order_by("pk")
        return LicenseWithKeyOutput(issued, many=True, context=self.context).data  # type: ignore[return-value]


class KeyOutput(Output):
    key = serializers.CharField()


class ErasedOutput(Output):
    erased = serializers.IntegerField()


class Licenses(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ, "POST": Scope.LICENSES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(LicenseFilter)
        found = find_licenses(
            application, text=wanted["search"], state=wanted["status"], at=self.now
        )
        if wanted["policy"]:
            found = found.filter(policy=wanted["policy"])
        if wanted["batch"]:
            found = found.filter(batch=wanted["batch"])
        found = found.filter(beginning_with(wanted["username"], wanted["email"]))
        return self.page(found, wanted, LicenseOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        given = self.body(IssueInput)
        batch = licenses.issue_licenses(
            policy=policy_of(application, given.pop("policy", None)),
            count=given.pop("count"),
            expires_at=given.pop("expires_at"),
            terms=licenses.LicenseTerms(**given),
            actor=self.actor,
            now=self.now,
        )
        return self.one(batch, IssuedOutput, 201)


class _LicenseView(ManagementView):
    def license(self, application_id: uuid.UUID, id: uuid.UUID) -> LicenseRow:
        rows = LicenseRow.objects.select_related("application", "policy")
        return self.held(row_of_token(self.token, rows, application_id, id), LicenseOutput)


class License(_LicenseView):
    scopes = {
        "GET": Scope.LICENSES_READ,
        "PATCH": Scope.LICENSES_WRITE,
        "DELETE": Scope.LICENSES_WRITE,
    }

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.license(application_id, id), LicenseOutput)

    def patch(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        changes = self.body(LicenseInput, partial=True)
        policy = changes.pop("policy", None)
        license = licenses.change_some_terms(
            license=license,
            policy=policy_of(license.application, policy) if policy else None,
            changes=changes,
            actor=self.actor,
        )
        return self.one(license, LicenseOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        licenses.delete_license(license=license, actor=self.actor)
        return Response(status=204)


class RevealLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        key = licenses.reveal_license_key(license=license, actor=self.actor)
        return self.one({"key": key}, KeyOutput)


class ExtendLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        license = licenses.extend_license(
            license=license, actor=self.actor, now=self.now, **self.body(ExtendInput)
        )
        return self.one(license, LicenseOutput)


class SuspendLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        licenses.suspend_license(license=license, actor=self.actor)
        return self.one(self.license(application_id, id), LicenseOutput)


class RestoreLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        licenses.restore_license(license=license, actor=self.actor)
        return self.one(self.license(application_id, id), LicenseOutput)


class RevokeLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        given = self.body(RevokeInput)
        licenses.revoke_license(license=license, actor=self.actor, now=self.now, **given)
        return self.one(self.license(application_id, id), LicenseOutput)


class ReinstateLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        licenses.reinstate_license(license=license, actor=self.actor)
        return self.one(self.license(application_id, id), LicenseOutput)


class RenewLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        given = self.body(RenewInput)
        renewals.renew_license(license=license, actor=self.actor, now=self.now, **given)
        return self.one(self.license(application_id, id), LicenseOutput)


class ConvertLicense(_LicenseView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        policy = policy_of(license.application, self.body(ConvertInput)["policy"])
        renewals.convert_trial(license=license, policy=policy, actor=self.actor, now=self.now)
        return self.one(self.license(application_id, id), LicenseOutput)


class TransferLicense(_LicenseView):
    """Gives the license to another customer: its sessions end, and its devices are released."""

    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        given = self.body(TransferInput)
        transfers.transfer_license(license=license, actor=self.actor, now=self.now, **given)
        return self.one(self.license(application_id, id), LicenseOutput)


class ResetTrial(_LicenseView):
    """Lets the devices that had their trial with this license have another one, with another license."""

    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        trials.reset_trial(license=license, actor=self.actor)
        return self.one(license, LicenseOutput)


class EraseLicenseHistory(_LicenseView):
    """Answers with how many details of the customer are gone from the events."""

    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        license = self.license(application_id, id)
        self.nothing()
        erased = forget_customer(license=license, actor=self.actor)
        return self.one({"erased": erased}, ErasedOutput)


class ExportInput(Input):
    format = serializers.ChoiceField(list(exports.FORMATS), default="csv")
    status = serializers.ChoiceField(STATES, default="")
    batch = Id(default=None)
    keys = Flag(default=False)


class ExportLicenses(ManagementView):
    """Answers with a file, in pieces; whoever takes whole keys away is recorded."""

    content_negotiation_class = AnyAnswer
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> HttpResponseBase:
        application = application_of_token(self.token, application_id)
        wanted = self.body(ExportInput)
        found = find_licenses(application, state=wanted["status"], at=self.now)
        if wanted["batch"]:
            found = found.filter(batch=wanted["batch"])
        if wanted["keys"]:
            licenses.record_export(
                application=application, actor=self.actor, state=wanted["status"]
            )
        write = exports.FORMATS[wanted["format"]]
        return self.file(write(found, at=self.now, with_keys=wanted["keys"]), wanted["format"])


def policy_of(application: Application, id: uuid.UUID | None) -> Policy:
    """Return the policy that a body names, the default one for none."""
    if id is None:
        return application.default_policy()
    policy = application.policies.select_related("application").filter(pk=id).first()
    if policy is None:
        raise serializers.ValidationError({"policy": ["No policy of this application has this id"]})
    return policy
