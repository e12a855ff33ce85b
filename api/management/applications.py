"""Applications, as scripts see them."""

import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Input, ListInput, Text
from api.management.views import ManagementView
from licensing import applications
from licensing.access import application_of_token, applications_of_token
from licensing.scopes import Scope


class ApplicationInput(Input):
    name = Text(max_length=100)


class ApplicationOutput(serializers.Serializer[object]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    first_init_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class Applications(ManagementView):
    scopes = {"GET": Scope.APPLICATIONS_READ}

    def get(self, request: Request) -> Response:
        wanted = self.query(ListInput)
        return self.page(applications_of_token(self.token), wanted, ApplicationOutput)


class Application(ManagementView):
    scopes = {"GET": Scope.APPLICATIONS_READ, "PATCH": Scope.APPLICATIONS_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        return self.one(application_of_token(self.token, application_id), ApplicationOutput)

    def patch(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        changes = self.body(ApplicationInput, partial=True)
        if "name" in changes:
            applications.rename_application(
                application=application, name=changes["name"], actor=self.actor
            )
        return self.one(application, ApplicationOutput)


class EnableApplication(ManagementView):
    scopes = {"POST": Scope.APPLICATIONS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        self.nothing()
        applications.enable_application(application=application, actor=self.actor)
        return self.one(application, ApplicationOutput)


class DisableApplication(ManagementView):
    scopes = {"POST": Scope.APPLICATIONS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        self.nothing()
        applications.disable_application(application=application, actor=self.actor)
        return self.one(application, ApplicationOutput)
