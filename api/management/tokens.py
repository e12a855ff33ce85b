"""Management tokens, as scripts see them and take them back.

None makes another: who steals a token must not be able to leave a second one behind. People make them, on their page.
"""

import datetime as dt
import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import ListInput
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import management_tokens
from licensing.access import token_of_token, tokens_of_token
from licensing.models import ManagementToken
from licensing.scopes import Scope


class TokenOutput(Output):
    sortable = ("name",)

    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.SerializerMethodField()
    application = serializers.UUIDField(source="application_id", allow_null=True)
    scopes = serializers.ListField()
    last4 = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)

    def get_status(self, token: ManagementToken) -> str:
        now: dt.datetime = self.context["now"]
        return token.state(now)


class Tokens(ManagementView):
    scopes = {"GET": Scope.TOKENS_READ}

    def get(self, request: Request) -> Response:
        return self.page(tokens_of_token(self.token), self.query(ListInput), TokenOutput)


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
