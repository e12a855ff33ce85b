"""What each act of issuing made."""

import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import ListInput
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing.access import application_of_token, row_of_token
from licensing.models import LicenseBatch
from licensing.scopes import Scope


class BatchOutput(Output):
    id = serializers.UUIDField()
    licenses_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class Batches(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.page(application.batches.all(), self.query(ListInput), BatchOutput)


class Batch(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        batch = row_of_token(self.token, LicenseBatch.objects.all(), application_id, id)
        return self.one(batch, BatchOutput)
