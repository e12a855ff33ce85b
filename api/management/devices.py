"""Devices, as scripts see and release them."""

import datetime as dt
import uuid

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import ListInput
from api.management.licenses import LicenseOutput
from api.management.outputs import Expansion, Output
from api.management.views import ManagementView
from licensing import devices
from licensing.access import application_of_token, row_of_token
from licensing.models import Device as DeviceRow
from licensing.scopes import Scope


class DeviceFilter(ListInput):
    license = serializers.UUIDField(default=None)
    status = serializers.ChoiceField(["bound"], default="")


class DeviceOutput(Output):
    told_with = ("license",)
    expandable = {"license": Expansion(LicenseOutput, Scope.LICENSES_READ)}

    id = serializers.UUIDField()
    license = serializers.UUIDField(source="license_id")
    fingerprint = serializers.CharField()
    name = serializers.CharField()
    platform = serializers.CharField()
    parts = serializers.ListField(child=serializers.CharField())
    drifted = serializers.ListField(child=serializers.CharField())
    drifted_at = serializers.DateTimeField(allow_null=True)
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    released_at = serializers.DateTimeField(allow_null=True)
    license_file_ends_at = serializers.DateTimeField(allow_null=True)
    place_held_until = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_place_held_until(self, device: DeviceRow) -> dt.datetime | None:
        until = device.place_held_until
        return until if until and until > self.context["now"] else None


class Devices(ManagementView):
    scopes = {"GET": Scope.DEVICES_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(DeviceFilter)
        found = application.devices.all()
        if wanted["license"]:
            found = found.filter(license=wanted["license"])
        if wanted["status"]:
            found = found.bound()
        return self.page(found, wanted, DeviceOutput)


class DeviceView(ManagementView):
    def device(self, application_id: uuid.UUID, id: uuid.UUID) -> DeviceRow:
        rows = DeviceRow.objects.select_related("application", "license")
        return self.held(row_of_token(self.token, rows, application_id, id), DeviceOutput)


class Device(DeviceView):
    scopes = {"GET": Scope.DEVICES_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.device(application_id, id), DeviceOutput)


class ReleaseDevice(DeviceView):
    scopes = {"POST": Scope.DEVICES_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        device = self.device(application_id, id)
        self.nothing()
        devices.release_device(device=device, actor=self.actor, now=self.now)
        return self.one(self.device(application_id, id), DeviceOutput)
