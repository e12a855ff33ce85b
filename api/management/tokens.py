"""Management tokens, as scripts make them, see them and take them back."""

import datetime as dt
import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Id, Input, ListInput, Moment, Text
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import management_tokens
from licensing.access import application_of_token, token_of_token, tokens_of_token
from licensing.models import ManagementToken
from licensing.scopes import Scope


class TokenInput(Input):
    name = Text(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField([scope.value for scope in Scope]),
        min_length=1,
        max_length=len(Scope),
    )
    application = Id(allow_null=True, required=False)
    expires_at = Moment(allow_null=True, required=False)


class TokenOutput(Output):
    sortable = ("name",)

    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.SerializerMethodField()
    application = serializers.UUIDField(source="application_id", allow_null=True)
    made_with = serializers.UUIDField(source="made_with_id", allow_null=True)
    scopes = serializers.ListField()
    last4 = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)

    def get_status(self, token: ManagementToken) -> str:
        now: dt.datetime = self.context["now"]
        return token.state(now)


class NewTokenOutput(Output):
    text = serializers.CharField()
    token = TokenOutput()


class Tokens(ManagementView):
    """A new token opens no more than the one that makes it, ends no later, and is revoked with it. Its text is told once."""

    scopes = {"GET": Scope.TOKENS_READ, "POST": Scope.TOKENS_WRITE}

    def get(self, request: Request) -> Response:
        return self.page(tokens_of_token(self.token), self.query(ListInput), TokenOutput)

    def post(self, request: Request) -> Response:
        given = self.body(TokenInput)
        wanted = given.get("application", self.token.application_id)
        new = management_tokens.create_token_with(
            maker=self.token,
            application=application_of_token(self.token, wanted) if wanted else None,
            name=given["name"],
            scopes=[Scope(scope) for scope in given["scopes"]],
            expires_at=given.get("expires_at", self.token.expires_at),
            actor=self.actor,
            now=self.now,
        )
        return self.one(new, NewTokenOutput, 201)


class Token(ManagementView):
    scopes = {"GET": Scope.TOKENS_READ}

    def get(self, request: Request, id: uuid.UUID) -> Response:
        return self.one(token_of_token(self.token, id), TokenOutput)


class RevokeToken(ManagementView):
    scopes = {"POST": Scope.TOKENS_WRITE}

    def post(self, request: Request, id: uuid.UUID) -> Response:
        token = self.held(token_of_token(self.token, id), TokenOutput)
        self.nothing()
        management_tokens.revoke_token(token=token, actor=self.actor, now=self.now)
        return self.one(token, TokenOutput)
