"""Applications, as scripts see them."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Input, ListInput, Text
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import applications
from licensing.access import application_of_token, applications_of_token, team_of_token
from licensing.models import Application as ApplicationRow
from licensing.own_words import LANGUAGE_MAX, SAID_BY_APPLICATIONS, TEXT_MAX, choose_words
from licensing.reports import COUNT_MAX, Count, numbers_of
from licensing.scopes import Scope


class ApplicationInput(Input):
    name = Text(max_length=100)


class ApplicationOutput(Output):
    sortable = ("name",)

    id = serializers.UUIDField()
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    first_init_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": COUNT_MAX})
class NumberField(serializers.Field[Any, Any, int, Any]):
    def to_representation(self, value: Count) -> int:
        return min(value.value, COUNT_MAX)


class NumbersOutput(Output):
    """How much there is in an application; what is more than a hundred thousand is told as that."""

    licenses = NumberField()
    active = NumberField()
    expired = NumberField()
    suspended = NumberField()
    revoked = NumberField()
    devices = NumberField()
    sessions = NumberField()


class Applications(ManagementView):
    scopes = {"GET": Scope.APPLICATIONS_READ, "POST": Scope.APPLICATIONS_WRITE}

    def get(self, request: Request) -> Response:
        wanted = self.query(ListInput)
        return self.page(applications_of_token(self.token), wanted, ApplicationOutput)

    def post(self, request: Request) -> Response:
        team = team_of_token(self.token)
        given = self.body(ApplicationInput)
        application = applications.create_application(
            team=team, name=given["name"], actor=self.actor
        )
        return self.one(application, ApplicationOutput, 201)


class _ApplicationView(ManagementView):
    def application(self, id: uuid.UUID) -> ApplicationRow:
        return self.held(application_of_token(self.token, id), ApplicationOutput)


class Application(_ApplicationView):
    scopes = {"GET": Scope.APPLICATIONS_READ, "PATCH": Scope.APPLICATIONS_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        return self.one(self.application(application_id), ApplicationOutput)

    def patch(self, request: Request, application_id: uuid.UUID) -> Response:
        application = self.application(application_id)
        changes = self.body(ApplicationInput, partial=True)
        if "name" in changes:
            applications.rename_application(
                application=application, name=changes["name"], actor=self.actor
            )
        return self.one(application, ApplicationOutput)


class WordsInput(Input):
    code = serializers.ChoiceField(list(SAID_BY_APPLICATIONS))
    language = Text(max_length=LANGUAGE_MAX, allow_blank=True, default="")
    text = Text(max_length=TEXT_MAX, allow_blank=True)


class WordsOutput(Output):
    """An application's own words by code and language; the empty language stands for every other."""

    words = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()), source="own_words"
    )


class Words(_ApplicationView):
    scopes = {"GET": Scope.APPLICATIONS_READ, "POST": Scope.APPLICATIONS_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        return self.one(application_of_token(self.token, application_id), WordsOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = self.held(application_of_token(self.token, application_id), WordsOutput)
        given = self.body(WordsInput)
        choose_words(application=application, actor=self.actor, now=self.now, **given)
        return self.one(application, WordsOutput)


class EnableApplication(_ApplicationView):
    scopes = {"POST": Scope.APPLICATIONS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = self.application(application_id)
        self.nothing()
        applications.enable_application(application=application, actor=self.actor)
        return self.one(application, ApplicationOutput)


class DisableApplication(_ApplicationView):
    scopes = {"POST": Scope.APPLICATIONS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = self.application(application_id)
        self.nothing()
        applications.disable_application(application=application, actor=self.actor)
        return self.one(application, ApplicationOutput)


class Numbers(ManagementView):
    scopes = {"GET": Scope.APPLICATIONS_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        return self.one(numbers_of([application], self.now)[application.pk], NumbersOutput)
