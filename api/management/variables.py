"""Variables, as scripts write and change them; values are told only when asked for."""

import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.entitlements import named_entitlement
from api.management.inputs import Input, ListInput, Text
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import variables
from licensing.access import application_of_token, row_of_token
from licensing.models import Variable as VariableRow
from licensing.models.variable import VALUE_MAX_BYTES, VARIABLE_NAME_PATTERN
from licensing.scopes import Scope


class VariableChange(Input):
    value = Text(max_length=VALUE_MAX_BYTES, trim_whitespace=False, required=False)
    entitlement = Text(max_length=64, allow_null=True, required=False)


class VariableInput(VariableChange):
    name = Text(max_length=64, like=VARIABLE_NAME_PATTERN)
    value = Text(max_length=VALUE_MAX_BYTES, trim_whitespace=False)


class VariableOutput(Output):
    sortable = ("name",)
    told_with = ("entitlement",)

    id = serializers.UUIDField()
    name = serializers.CharField()
    entitlement = serializers.CharField(source="entitlement.name", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()


class ValueOutput(Output):
    value = serializers.CharField()


class Variables(ManagementView):
    scopes = {"GET": Scope.VARIABLES_READ, "POST": Scope.VARIABLES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.page(application.variables.all(), self.query(ListInput), VariableOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        given = self.body(VariableInput)
        name = given.get("entitlement")
        variable = variables.create_variable(
            application=application,
            name=given["name"],
            value=given["value"],
            entitlement=named_entitlement(application_id, name) if name else None,
            actor=self.actor,
            now=self.now,
        )
        return self.one(variable, VariableOutput, 201)


class _VariableView(ManagementView):
    def variable(self, application_id: uuid.UUID, id: uuid.UUID) -> VariableRow:
        rows = VariableRow.objects.select_related("application", "entitlement")
        return self.held(row_of_token(self.token, rows, application_id, id), VariableOutput)


class Variable(_VariableView):
    scopes = {
        "GET": Scope.VARIABLES_READ,
        "PATCH": Scope.VARIABLES_WRITE,
        "DELETE": Scope.VARIABLES_WRITE,
    }

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.variable(application_id, id), VariableOutput)

    def patch(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        variable = self.variable(application_id, id)
        changes = self.body(VariableChange, partial=True)
        entitlement = variable.entitlement
        if "entitlement" in changes:
            name = changes["entitlement"]
            entitlement = named_entitlement(application_id, name) if name else None
        variable = variables.change_variable(
            variable=variable,
            value=changes.get("value"),
            entitlement=entitlement,
            actor=self.actor,
            now=self.now,
        )
        return self.one(variable, VariableOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        variable = self.variable(application_id, id)
        self.nothing()
        variables.delete_variable(variable=variable, actor=self.actor)
        return Response(status=204)


class RevealVariable(_VariableView):
    scopes = {"POST": Scope.VARIABLES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        variable = self.variable(application_id, id)
        self.nothing()
        value = variables.reveal_variable(variable=variable, actor=self.actor)
        return self.one({"value": value}, ValueOutput)
