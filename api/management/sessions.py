"""Sessions, as scripts see and end them."""

import datetime as dt
import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.devices import DeviceOutput
from api.management.inputs import ListInput
from api.management.licenses import LicenseOutput
from api.management.outputs import Expansion, Output
from api.management.views import ManagementView
from licensing import sessions
from licensing.access import application_of_token, row_of_token
from licensing.models import Session as SessionRow
from licensing.scopes import Scope


class SessionFilter(ListInput):
    license = serializers.UUIDField(default=None)
    status = serializers.ChoiceField(["open"], default="")


class SessionOutput(Output):
    expandable = {
        "license": Expansion(LicenseOutput, Scope.LICENSES_READ),
        "device": Expansion(DeviceOutput, Scope.DEVICES_READ),
    }

    id = serializers.UUIDField()
    status = serializers.SerializerMethodField()
    license = serializers.UUIDField(source="license_id")
    device = serializers.UUIDField(source="device_id")
    user = serializers.CharField(source="user_name")
    app_version = serializers.CharField()
    ip_address = serializers.CharField(allow_null=True)
    opened_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    overdraft = serializers.BooleanField(source="is_overdraft")
    borrowed_until = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_reason = serializers.CharField()

    def get_status(self, session: SessionRow) -> str:
        now: dt.datetime = self.context["now"]
        return session.state(now)


class Sessions(ManagementView):
    scopes = {"GET": Scope.SESSIONS_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(SessionFilter)
        found = application.sessions.all()
        if wanted["license"]:
            found = found.filter(license=wanted["license"])
        if wanted["status"]:
            found = found.open(self.now)
        return self.page(found, wanted, SessionOutput)


class _SessionView(ManagementView):
    def session(self, application_id: uuid.UUID, id: uuid.UUID) -> SessionRow:
        rows = SessionRow.objects.select_related("application", "license")
        return self.held(row_of_token(self.token, rows, application_id, id), SessionOutput)


class Session(_SessionView):
    scopes = {"GET": Scope.SESSIONS_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.session(application_id, id), SessionOutput)


class EndSession(_SessionView):
    scopes = {"POST": Scope.SESSIONS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        session = self.session(application_id, id)
        self.nothing()
        sessions.end_session(session=session, actor=self.actor, now=self.now)
        return self.one(self.session(application_id, id), SessionOutput)
