"""What happened in an application, as scripts read it."""

import uuid

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.events import record_in_team
from api.management.inputs import Id, Input, ListInput
from api.management.outputs import Output
from api.management.views import AnyAnswer, ManagementView
from licensing import exports
from licensing.access import application_of_token, team_of_token
from licensing.event_log import KINDS, Search, find_events, with_places
from licensing.events import history_of
from licensing.scopes import Scope


class EventFilter(ListInput):
    license = serializers.UUIDField(default=None)
    action = serializers.CharField(max_length=50, default="")


class ActorOutput(serializers.Serializer[object]):
    kind = serializers.CharField(source="actor_kind")
    email = serializers.CharField(source="actor_email")
    token = serializers.CharField(source="actor_token_id")
    ip_address = serializers.CharField()


class TargetOutput(serializers.Serializer[object]):
    type = serializers.CharField(source="target_type")
    id = serializers.UUIDField(source="target_id")
    # DRF's own `label` is what a form would call the field.
    label = serializers.CharField(source="target_label")  # type: ignore[assignment]


class EventOutput(Output):
    id = serializers.UUIDField()
    action = serializers.CharField()
    actor = ActorOutput(source="*")
    target = TargetOutput(source="*")
    license = serializers.UUIDField(source="license_id", allow_null=True)
    before = serializers.JSONField(source="full_before")
    after = serializers.JSONField(source="full_after")
    created_at = serializers.DateTimeField()


class Events(ManagementView):
    scopes = {"GET": Scope.EVENTS_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(EventFilter)
        found = history_of(application)
        if wanted["license"]:
            found = found.filter(license_id=wanted["license"])
        if wanted["action"]:
            found = found.filter(action=wanted["action"])
        return self.page(found, wanted, EventOutput)


class TeamEventFilter(EventFilter):
    application = serializers.UUIDField(default=None)
    kind = serializers.ChoiceField(list(KINDS), default="")


class TeamEvents(ManagementView):
    """The whole log of a team: its people, and everything that it owns."""

    scopes = {"GET": Scope.TEAM_READ}

    def get(self, request: Request) -> Response:
        team = team_of_token(self.token)
        wanted = self.query(TeamEventFilter)
        search = Search(kind=wanted["kind"], application_id=wanted["application"])
        found = find_events(team, search)
        if wanted["license"]:
            found = found.filter(license_id=wanted["license"])
        if wanted["action"]:
            found = found.filter(action=wanted["action"])
        return self.page(found, wanted, EventOutput)


class TeamEventExportInput(Input):
    application = Id(default=None)
    kind = serializers.ChoiceField(list(KINDS), default="")


class ExportTeamEvents(ManagementView):
    """Answers with the log as CSV. It takes personal data away, so it is recorded."""

    content_negotiation_class = AnyAnswer
    scopes = {"POST": Scope.TEAM_READ}

    def post(self, request: Request) -> HttpResponseBase:
        team = team_of_token(self.token)
        wanted = self.body(TeamEventExportInput)
        search = Search(kind=wanted["kind"], application_id=wanted["application"])
        record_in_team("events.exported", team=team, target=team, label=team.name, actor=self.actor)
        return self.file(exports.events_csv(with_places(find_events(team, search))), "csv")
