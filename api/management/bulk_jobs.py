"""One act on up to 100,000 licenses: asked for here, done by a worker, and watched here."""

import uuid
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Flag, Id, Input, ListInput, Moment, WholeNumber
from api.management.licenses import STATES, LicenseInput, policy_of
from api.management.outputs import Output
from api.management.views import AnyAnswer, ManagementView
from licensing import bulk, bulk_files, errors, exports, licenses
from licensing.access import application_of_token, row_of_token
from licensing.models import Application
from licensing.models import BulkJob as BulkJobRow
from licensing.scopes import Scope
from licensing.search import find_licenses

_ACTS = [act for act in BulkJobRow.Act.values if act != BulkJobRow.Act.ISSUE]


class BulkIssueInput(LicenseInput):
    count = WholeNumber(min_value=1, max_value=bulk.ROWS_MAX)
    expires_at = Moment(allow_null=True, default=None)
    dry_run = Flag(default=False)


class BulkFilter(Input):
    status = serializers.ChoiceField(STATES, default="")
    policy = Id(default=None)
    batch = Id(default=None)


class BulkActInput(Input):
    act = serializers.ChoiceField(_ACTS)
    licenses = serializers.ListField(child=Id(), required=False)
    filter = BulkFilter(required=False)
    expires_at = Moment(allow_null=True, required=False)
    dry_run = Flag(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("licenses" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"licenses": ["Send either licenses or filter"]})
        if ("expires_at" in attrs) != (attrs["act"] == BulkJobRow.Act.EXTEND):
            raise serializers.ValidationError({"expires_at": ["Goes with extend, and only there"]})
        return attrs


class BulkJobOutput(Output):
    id = serializers.UUIDField()
    act = serializers.ChoiceField(BulkJobRow.Act.values)
    status = serializers.ChoiceField(BulkJobRow.Status.values)
    dry_run = serializers.BooleanField(source="is_dry_run")
    dry_run_of = serializers.UUIDField(source="dry_run_id", allow_null=True)
    total = serializers.IntegerField(source="rows_total")
    done = serializers.IntegerField(source="rows_done")
    failed = serializers.IntegerField(source="rows_failed")
    batch = serializers.UUIDField(source="batch_id", allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class BulkFailureOutput(Output):
    license = serializers.UUIDField(source="license_id", allow_null=True)
    row = serializers.JSONField(source="facts")
    code = serializers.CharField()
    message = serializers.CharField()


class BulkJobs(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ, "POST": Scope.LICENSES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.page(application.bulk_jobs.all(), self.query(ListInput), BulkJobOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        given = self.body(BulkActInput)
        job = bulk.act_in_bulk(
            application=application,
            act=BulkJobRow.Act(given["act"]),
            license_ids=given["licenses"]
            if "licenses" in given
            else self._found(application, given["filter"]),
            expires_at=given.get("expires_at"),
            is_dry_run=given["dry_run"],
            actor=self.actor,
            now=self.now,
        )
        return self.one(job, BulkJobOutput, 202)

    def _found(self, application: Application, wanted: dict[str, Any]) -> Any:
        found = find_licenses(application, state=wanted["status"], at=self.now)
        for name in ("policy", "batch"):
            if wanted[name]:
                found = found.filter(**{name: wanted[name]})
        # One more than a job takes, so that it is refused and not cut off.
        return found.order_by("pk").values_list("pk", flat=True)[: bulk.ROWS_MAX + 1]


class IssueInBulk(ManagementView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        given = self.body(BulkIssueInput)
        job = bulk.issue_in_bulk(
            policy=policy_of(application, given.pop("policy", None)),
            count=given.pop("count"),
            expires_at=given.pop("expires_at"),
            is_dry_run=given.pop("dry_run"),
            terms=licenses.LicenseTerms(**given),
            actor=self.actor,
            now=self.now,
        )
        return self.one(job, BulkJobOutput, 202)


class FileParameters(Input):
    act = serializers.ChoiceField(BulkJobRow.Act.values)
    policy = serializers.UUIDField(required=False)
    expires_at = Moment(required=False)
    dry_run = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["act"] == BulkJobRow.Act.ISSUE:
            return attrs
        if "policy" in attrs:
            raise serializers.ValidationError({"policy": ["Goes with issue alone"]})
        if ("expires_at" in attrs) != (attrs["act"] == BulkJobRow.Act.EXTEND):
            raise serializers.ValidationError({"expires_at": ["Goes with issue and extend alone"]})
        return attrs


class BulkFromFile(ManagementView):
    """Takes CSV with a line of headings, or JSON lines: `id` of licenses, or to issue them what issuing takes, for each row its own."""

    takes_parameters = True
    file_types = bulk_files.MEDIA_TYPES
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(FileParameters)
        try:
            job = self._asked(application, wanted)
        except errors.InvalidRequestError as refusal:
            if not refusal.faults:
                raise
            told: dict[str, Any] = {
                str(number): members for number, members in refusal.faults.items()
            }
            raise serializers.ValidationError(told) from refusal
        return self.one(job, BulkJobOutput, 202)

    def _asked(self, application: Application, wanted: dict[str, Any]) -> BulkJobRow:
        media_type = self.request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        facts: dict[str, Any] = {
            "expires_at": wanted.get("expires_at"),
            "is_dry_run": wanted["dry_run"],
            "actor": self.actor,
            "now": self.now,
        }
        if wanted["act"] == BulkJobRow.Act.ISSUE:
            policy = policy_of(application, wanted.get("policy"))
            rows = bulk_files.new_licenses_in(self.sent, media_type, application.policies.all())
            return bulk.issue_each(policy=policy, rows=rows, **facts)
        return bulk.act_in_bulk(
            application=application,
            act=BulkJobRow.Act(wanted["act"]),
            license_ids=bulk_files.known_licenses_in(self.sent, media_type),
            **facts,
        )


class _BulkJobView(ManagementView):
    def job(self, application_id: uuid.UUID, id: uuid.UUID) -> BulkJobRow:
        rows = BulkJobRow.objects.select_related("application")
        return self.held(row_of_token(self.token, rows, application_id, id), BulkJobOutput)


class BulkJob(_BulkJobView):
    scopes = {"GET": Scope.LICENSES_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.job(application_id, id), BulkJobOutput)


class CancelBulkJob(_BulkJobView):
    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        job = self.job(application_id, id)
        self.nothing()
        bulk.cancel_job(job=job, actor=self.actor, now=self.now)
        return self.one(self.job(application_id, id), BulkJobOutput)


class PerformBulkJob(_BulkJobView):
    """Does what a finished dry run found possible, once: asked again, it answers with the same job."""

    scopes = {"POST": Scope.LICENSES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        job = self.job(application_id, id)
        self.nothing()
        performed = bulk.perform_dry_run(job=job, actor=self.actor, now=self.now)
        return self.one(performed, BulkJobOutput, 202)


class BulkFailures(_BulkJobView):
    scopes = {"GET": Scope.LICENSES_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        failures = self.job(application_id, id).rows.failed()
        return self.page(failures, self.query(ListInput), BulkFailureOutput)


class ExportResultsInput(Input):
    format = serializers.ChoiceField(["csv", "jsonl"], default="csv")


class ExportBulkFailures(_BulkJobView):
    """Answers with a file of all that failed, and why."""

    content_negotiation_class = AnyAnswer
    scopes = {"POST": Scope.LICENSES_READ}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> HttpResponseBase:
        job = self.job(application_id, id)
        kind = self.body(ExportResultsInput)["format"]
        return self.file(exports.outcomes(job.rows.failed(), kind), kind)


class ExportBulkResults(_BulkJobView):
    """Answers with a file of all that a job has done and all that failed, row by row."""

    content_negotiation_class = AnyAnswer
    scopes = {"POST": Scope.LICENSES_READ}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> HttpResponseBase:
        job = self.job(application_id, id)
        kind = self.body(ExportResultsInput)["format"]
        return self.file(exports.outcomes(job.rows.over(), kind), kind)
