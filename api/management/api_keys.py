"""The keys by which programs say which application they belong to. Public, so that scripts may build them in."""

import datetime as dt
import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Id, Input, ListInput, WholeNumber
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import applications
from licensing.access import application_of_token, row_of_token
from licensing.models import ApiKey as ApiKeyRow
from licensing.revealing import revealed
from licensing.scopes import Scope

_OVERLAP_MAX_SECONDS = int(applications.OVERLAP_MAX.total_seconds())


class RotateInput(Input):
    overlap_seconds = WholeNumber(min_value=0, max_value=_OVERLAP_MAX_SECONDS)
    replaces = Id(required=False)


class ApiKeyOutput(Output):
    id = serializers.UUIDField()
    key = serializers.SerializerMethodField()
    is_current = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)

    def get_key(self, api_key: ApiKeyRow) -> str:
        return revealed(api_key)

    def get_is_current(self, api_key: ApiKeyRow) -> bool:
        return api_key.expires_at is None


class ApiKeys(ManagementView):
    scopes = {"GET": Scope.API_KEYS_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.page(application.api_keys.all(), self.query(ListInput), ApiKeyOutput)


class ApiKey(ManagementView):
    scopes = {"GET": Scope.API_KEYS_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        key = row_of_token(self.token, ApiKeyRow.objects.all(), application_id, id)
        return self.one(key, ApiKeyOutput)


class RotateApiKeys(ManagementView):
    """Answers with the new key; with `replaces`, the key that the script saw, repeating it changes nothing."""

    scopes = {"POST": Scope.API_KEYS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        given = self.body(RotateInput)
        key = applications.rotate_api_key(
            application=application,
            overlap=dt.timedelta(seconds=given.pop("overlap_seconds")),
            actor=self.actor,
            now=self.now,
            **given,
        )
        return self.one(key, ApiKeyOutput, 201)


class RetireApiKey(ManagementView):
    scopes = {"POST": Scope.API_KEYS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        key = self._key(application_id, id)
        self.nothing()
        applications.retire_api_key(api_key=key, actor=self.actor, now=self.now)
        return self.one(self._key(application_id, id), ApiKeyOutput)

    def _key(self, application_id: uuid.UUID, id: uuid.UUID) -> ApiKeyRow:
        rows = ApiKeyRow.objects.select_related("application")
        return self.held(row_of_token(self.token, rows, application_id, id), ApiKeyOutput)
