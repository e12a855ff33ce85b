"""The keys that an application's answers are signed with, as scripts change them."""

import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import ListInput
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import signatures, signing_keys
from licensing.access import application_of_token, row_of_token
from licensing.models import SigningKey as SigningKeyRow
from licensing.scopes import Scope


class SigningKeyFilter(ListInput):
    state = serializers.ChoiceField(SigningKeyRow.State.choices, default=None)


class SigningKeyOutput(Output):
    id = serializers.UUIDField()
    state = serializers.CharField()
    keyid = serializers.SerializerMethodField()
    public_key = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_keyid(self, key: SigningKeyRow) -> str:
        return signatures.thumbprint(key.public_key)


class SigningKeys(ManagementView):
    scopes = {"GET": Scope.SIGNING_KEYS_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(SigningKeyFilter)
        found = application.signing_keys.all()
        if wanted["state"]:
            found = found.filter(state=wanted["state"])
        return self.page(found, wanted, SigningKeyOutput)


class _SigningKeyView(ManagementView):
    def signing_key(self, application_id: uuid.UUID, id: uuid.UUID) -> SigningKeyRow:
        rows = SigningKeyRow.objects.select_related("application")
        return self.held(row_of_token(self.token, rows, application_id, id), SigningKeyOutput)


class SigningKey(_SigningKeyView):
    scopes = {"GET": Scope.SIGNING_KEYS_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.signing_key(application_id, id), SigningKeyOutput)


class PromoteSigningKey(_SigningKeyView):
    scopes = {"POST": Scope.SIGNING_KEYS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        key = self.signing_key(application_id, id)
        self.nothing()
        signing_keys.promote_signing_key(signing_key=key, actor=self.actor)
        return self.one(self.signing_key(application_id, id), SigningKeyOutput)


class ReplaceSigningKey(_SigningKeyView):
    """Answers with the key that is replaced; the new next one is in the list."""

    scopes = {"POST": Scope.SIGNING_KEYS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        key = self.signing_key(application_id, id)
        self.nothing()
        signing_keys.replace_signing_key(signing_key=key, actor=self.actor)
        return self.one(self.signing_key(application_id, id), SigningKeyOutput)


class RetireSigningKey(_SigningKeyView):
    scopes = {"POST": Scope.SIGNING_KEYS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        key = self.signing_key(application_id, id)
        self.nothing()
        signing_keys.retire_signing_key(signing_key=key, actor=self.actor)
        return self.one(self.signing_key(application_id, id), SigningKeyOutput)
