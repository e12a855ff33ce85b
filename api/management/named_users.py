"""Named users, as scripts see and remove them."""

import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import ListInput
from api.management.licenses import LicenseOutput
from api.management.outputs import Expansion, Output
from api.management.views import ManagementView
from licensing import named_users
from licensing.access import application_of_token, row_of_token
from licensing.models import NamedUser as NamedUserRow
from licensing.scopes import Scope


class NamedUserFilter(ListInput):
    license = serializers.UUIDField(default=None)
    name = serializers.CharField(max_length=150, default="")


class NamedUserOutput(Output):
    expandable = {"license": Expansion(LicenseOutput, Scope.LICENSES_READ)}

    id = serializers.UUIDField()
    license = serializers.UUIDField(source="license_id")
    name = serializers.CharField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class NamedUsers(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(NamedUserFilter)
        found = application.named_users.all()
        if wanted["license"]:
            found = found.filter(license=wanted["license"])
        if wanted["name"]:
            found = found.filter(name=wanted["name"])
        return self.page(found, wanted, NamedUserOutput)


class NamedUser(ManagementView):
    scopes = {"GET": Scope.LICENSES_READ, "DELETE": Scope.LICENSES_WRITE}

    def user(self, application_id: uuid.UUID, id: uuid.UUID) -> NamedUserRow:
        rows = NamedUserRow.objects.select_related("application", "license")
        return self.held(row_of_token(self.token, rows, application_id, id), NamedUserOutput)

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.user(application_id, id), NamedUserOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        user = self.user(application_id, id)
        self.nothing()
        named_users.remove_user(user=user, actor=self.actor, now=self.now)
        return Response(status=204)
