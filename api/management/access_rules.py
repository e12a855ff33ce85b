"""Who is kept out of an application and whom alone a license is for, as scripts say it."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.devices import DeviceView
from api.management.inputs import Id, Input, ListInput, Text
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing.access import application_of_token, row_of_token
from licensing.access_rules import block_device, create_rule, delete_rule
from licensing.models import AccessRule as AccessRuleRow
from licensing.models import License
from licensing.models.access_rule import NOTE_MAX
from licensing.scopes import Scope


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "minLength": 1},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ]
    }
)
class RuleValue(serializers.Field[Any, Any, Any, Any]):
    """A text, or a hardware id in parts."""

    def to_internal_value(self, data: Any) -> str | dict[str, Any]:
        if not isinstance(data, str | dict):
            raise serializers.ValidationError("Must be a string, or an object of a device's parts")
        return data


class AccessRuleFilter(ListInput):
    license = serializers.UUIDField(default=None)
    kind = serializers.ChoiceField(AccessRuleRow.Kind.choices, default="")
    effect = serializers.ChoiceField(["block", "allow"], default="")


class BlockInput(Input):
    note = Text(max_length=NOTE_MAX, allow_blank=True, default="")


class AccessRuleInput(BlockInput):
    kind = serializers.ChoiceField(AccessRuleRow.Kind.choices)
    value = RuleValue()
    license = Id(allow_null=True, default=None)


class AccessRuleOutput(Output):
    id = serializers.UUIDField()
    effect = serializers.CharField()
    license = serializers.UUIDField(source="license_id", allow_null=True)
    kind = serializers.CharField()
    value = serializers.CharField(source="shown")
    parts = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class AccessRules(ManagementView):
    scopes = {"GET": Scope.ACCESS_RULES_READ, "POST": Scope.ACCESS_RULES_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(AccessRuleFilter)
        found = application.access_rules.all()
        if wanted["license"]:
            found = found.filter(license=wanted["license"])
        if wanted["kind"]:
            found = found.filter(kind=wanted["kind"])
        if wanted["effect"]:
            found = found.filter(license__isnull=wanted["effect"] == "block")
        return self.page(found, wanted, AccessRuleOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        given = self.body(AccessRuleInput)
        license = _license_of(application.pk, given.pop("license"))
        rule = create_rule(application=application, license=license, actor=self.actor, **given)
        return self.one(rule, AccessRuleOutput, 201)


class AccessRule(ManagementView):
    scopes = {"GET": Scope.ACCESS_RULES_READ, "DELETE": Scope.ACCESS_RULES_WRITE}

    def rule(self, application_id: uuid.UUID, id: uuid.UUID) -> AccessRuleRow:
        rows = AccessRuleRow.objects.select_related("application", "license")
        return self.held(row_of_token(self.token, rows, application_id, id), AccessRuleOutput)

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.rule(application_id, id), AccessRuleOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        rule = self.rule(application_id, id)
        self.nothing()
        delete_rule(rule=rule, actor=self.actor)
        return Response(status=204)


class BlockDevice(DeviceView):
    """Blocks the device in its whole application; answers with the rule that does so."""

    scopes = {"POST": Scope.ACCESS_RULES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        device = self.device(application_id, id)
        rule = block_device(device=device, actor=self.actor, **self.body(BlockInput))
        return self.one(rule, AccessRuleOutput, 201)


def _license_of(application_id: uuid.UUID, id: uuid.UUID | None) -> License | None:
    if id is None:
        return None
    license = License.objects.filter(application=application_id, pk=id).first()
    if license is None:
        raise serializers.ValidationError(
            {"license": ["No license of this application has this id"]}
        )
    return license
