"""Policies, as scripts see and change them."""

import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Flag, Input, ListInput, Moment, Text, WholeNumber
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import policies
from licensing.access import application_of_token, row_of_token
from licensing.fields import LIMIT_MAX
from licensing.models import Policy as PolicyRow
from licensing.models.policy import (
    BORROW_MAX_SECONDS,
    DURATION_MAX_SECONDS,
    GRACE_MAX_SECONDS,
    HEARTBEAT_INTERVAL_MIN_SECONDS,
    LICENSE_FILE_MAX_SECONDS,
    LICENSE_FILE_MIN_SECONDS,
    RELEASES_MAX,
    RELEASES_PERIOD_MAX_SECONDS,
    SESSION_LIFETIME_MAX_SECONDS,
    SESSION_LIFETIME_MIN_SECONDS,
)
from licensing.scopes import Scope
from licensing.versions import VERSION_MAX


class PolicyInput(Input):
    name = Text(max_length=100)
    duration_seconds = WholeNumber(
        min_value=1, max_value=DURATION_MAX_SECONDS, allow_null=True, required=False
    )
    clock_start = serializers.ChoiceField(PolicyRow.ClockStart.choices, required=False)
    ends_at = Moment(allow_null=True, required=False)
    renewal = serializers.ChoiceField(PolicyRow.Renewal.choices, required=False)
    is_trial = Flag(required=False)
    suspension_freezes_time = Flag(required=False)
    grace_seconds = WholeNumber(min_value=0, max_value=GRACE_MAX_SECONDS, required=False)
    expiry_strategy = serializers.ChoiceField(PolicyRow.ExpiryStrategy.choices, required=False)
    app_version_min = Text(max_length=VERSION_MAX, allow_blank=True, required=False)
    app_version_max = Text(max_length=VERSION_MAX, allow_blank=True, required=False)
    download_url = serializers.URLField(max_length=500, allow_blank=True, required=False)
    devices_max = WholeNumber(min_value=1, max_value=LIMIT_MAX, allow_null=True, required=False)
    hwid_matching = serializers.ChoiceField(PolicyRow.HwidMatching.choices, required=False)
    releases_max = WholeNumber(min_value=0, max_value=RELEASES_MAX, allow_null=True, required=False)
    releases_period_seconds = WholeNumber(
        min_value=1, max_value=RELEASES_PERIOD_MAX_SECONDS, required=False
    )
    releases_pause_seconds = WholeNumber(
        min_value=1, max_value=RELEASES_PERIOD_MAX_SECONDS, allow_null=True, required=False
    )
    users_max = WholeNumber(min_value=1, max_value=LIMIT_MAX, allow_null=True, required=False)
    sessions_max = WholeNumber(min_value=1, max_value=LIMIT_MAX, allow_null=True, required=False)
    sessions_overflow = serializers.ChoiceField(PolicyRow.SessionsOverflow.choices, required=False)
    sessions_per = serializers.ChoiceField(PolicyRow.SessionsPer.choices, required=False)
    sessions_overdraft = WholeNumber(min_value=0, max_value=LIMIT_MAX, required=False)
    borrow_max_seconds = WholeNumber(
        min_value=1, max_value=BORROW_MAX_SECONDS, allow_null=True, required=False
    )
    session_lifetime_seconds = WholeNumber(
        min_value=SESSION_LIFETIME_MIN_SECONDS,
        max_value=SESSION_LIFETIME_MAX_SECONDS,
        required=False,
    )
    heartbeat_interval_seconds = WholeNumber(
        min_value=HEARTBEAT_INTERVAL_MIN_SECONDS,
        max_value=SESSION_LIFETIME_MAX_SECONDS,
        required=False,
    )
    license_file_seconds = WholeNumber(
        min_value=LICENSE_FILE_MIN_SECONDS,
        max_value=LICENSE_FILE_MAX_SECONDS,
        allow_null=True,
        required=False,
    )


class PolicyOutput(Output):
    sortable = ("name",)

    id = serializers.UUIDField()
    name = serializers.CharField()
    is_default = serializers.BooleanField()
    duration_seconds = serializers.IntegerField(allow_null=True)
    clock_start = serializers.CharField()
    ends_at = serializers.DateTimeField(allow_null=True)
    renewal = serializers.CharField()
    is_trial = serializers.BooleanField()
    suspension_freezes_time = serializers.BooleanField()
    grace_seconds = serializers.IntegerField()
    expiry_strategy = serializers.CharField()
    app_version_min = serializers.CharField()
    app_version_max = serializers.CharField()
    download_url = serializers.CharField()
    devices_max = serializers.IntegerField(allow_null=True)
    hwid_matching = serializers.CharField()
    releases_max = serializers.IntegerField(allow_null=True)
    releases_period_seconds = serializers.IntegerField()
    releases_pause_seconds = serializers.IntegerField(allow_null=True)
    users_max = serializers.IntegerField(allow_null=True)
    sessions_max = serializers.IntegerField(allow_null=True)
    sessions_overflow = serializers.CharField()
    sessions_per = serializers.CharField()
    sessions_overdraft = serializers.IntegerField(allow_null=True)
    borrow_max_seconds = serializers.IntegerField(allow_null=True)
    session_lifetime_seconds = serializers.IntegerField()
    heartbeat_interval_seconds = serializers.IntegerField()
    license_file_seconds = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class Policies(ManagementView):
    scopes = {"GET": Scope.POLICIES_READ, "POST": Scope.POLICIES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.page(application.policies.all(), self.query(ListInput), PolicyOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        rules = policies.Rules(**self.body(PolicyInput))
        policy = policies.create_policy(application=application, rules=rules, actor=self.actor)
        return self.one(policy, PolicyOutput, 201)


class _PolicyView(ManagementView):
    def policy(self, application_id: uuid.UUID, id: uuid.UUID) -> PolicyRow:
        rows = PolicyRow.objects.select_related("application")
        return self.held(row_of_token(self.token, rows, application_id, id), PolicyOutput)


class Policy(_PolicyView):
    scopes = {
        "GET": Scope.POLICIES_READ,
        "PATCH": Scope.POLICIES_WRITE,
        "DELETE": Scope.POLICIES_WRITE,
    }

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.policy(application_id, id), PolicyOutput)

    def patch(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        policy = self.policy(application_id, id)
        changes = self.body(PolicyInput, partial=True)
        policy = policies.change_some_rules(policy=policy, changes=changes, actor=self.actor)
        return self.one(policy, PolicyOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        policy = self.policy(application_id, id)
        self.nothing()
        policies.delete_policy(policy=policy, actor=self.actor)
        return Response(status=204)


class MakeDefaultPolicy(_PolicyView):
    scopes = {"POST": Scope.POLICIES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        policy = self.policy(application_id, id)
        self.nothing()
        policies.make_default_policy(policy=policy, actor=self.actor)
        return self.one(self.policy(application_id, id), PolicyOutput)
