"""Webhook endpoints and what was sent to them, as scripts set them up and see after them."""

import datetime as dt
import uuid

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Id, Input, ListInput, Moment, Text, WholeNumber
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing import outgoing, webhooks
from licensing.access import application_of_token, row_of_token
from licensing.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from licensing.scopes import Scope

_OVERLAP_MAX_SECONDS = int(webhooks.OVERLAP_MAX.total_seconds())


class EndpointInput(Input):
    url = Text(max_length=outgoing.URL_MAX)
    events = serializers.ListField(child=Text(max_length=60), min_length=1, max_length=100)
    description = Text(max_length=200, allow_blank=True, default="")


class RotateSecretInput(Input):
    overlap_seconds = WholeNumber(min_value=0, max_value=_OVERLAP_MAX_SECONDS)
    replaces = Id(required=False)


class RangeInput(Input):
    since = Moment()
    until = Moment()


class DeliveryFilter(ListInput):
    endpoint = serializers.UUIDField(default=None)
    status = serializers.ChoiceField(WebhookDelivery.Status.values, default="")


class SecretOutput(Output):
    """A secret without itself: `reveal` tells it."""

    id = serializers.UUIDField()
    public_key = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class WholeSecretOutput(Output):
    secret = serializers.CharField()


class EndpointOutput(Output):
    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    events = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(WebhookEndpoint.State.values, source="state")
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class DeliveryOutput(Output):
    id = serializers.UUIDField()
    endpoint = serializers.UUIDField(source="endpoint_id")
    event = serializers.UUIDField(source="event_id")
    type = serializers.CharField(source="action")
    status = serializers.ChoiceField(WebhookDelivery.Status.values)
    failures = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class AttemptOutput(Output):
    id = serializers.UUIDField()
    attempted_at = serializers.DateTimeField()
    request_headers = serializers.DictField(child=serializers.CharField())
    request_body = serializers.CharField(allow_blank=True)
    status = serializers.IntegerField(allow_null=True)
    response_headers = serializers.DictField(child=serializers.CharField(allow_blank=True))
    response_body = serializers.CharField(allow_blank=True)
    milliseconds = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)


class CountOutput(Output):
    events = serializers.IntegerField()


class WebhookEndpoints(ManagementView):
    scopes = {"GET": Scope.WEBHOOKS_READ, "POST": Scope.WEBHOOKS_WRITE}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(ListInput)
        return self.page(application.webhook_endpoints.all(), wanted, EndpointOutput)

    def post(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        endpoint = webhooks.create_endpoint(
            application=application, actor=self.actor, **self.body(EndpointInput)
        )
        return self.one(endpoint, EndpointOutput, 201)


class _EndpointView(ManagementView):
    def endpoint(self, application_id: uuid.UUID, id: uuid.UUID) -> WebhookEndpoint:
        rows = WebhookEndpoint.objects.select_related("application")
        return self.held(row_of_token(self.token, rows, application_id, id), EndpointOutput)


class Endpoint(_EndpointView):
    scopes = {
        "GET": Scope.WEBHOOKS_READ,
        "PATCH": Scope.WEBHOOKS_WRITE,
        "DELETE": Scope.WEBHOOKS_WRITE,
    }

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.endpoint(application_id, id), EndpointOutput)

    def patch(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        facts = {name: getattr(endpoint, name) for name in ("url", "events", "description")}
        changes = self.body(EndpointInput, partial=True)
        webhooks.change_endpoint(endpoint=endpoint, actor=self.actor, **facts | changes)
        return self.one(endpoint, EndpointOutput)

    def delete(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        self.nothing()
        webhooks.delete_endpoint(endpoint=endpoint, actor=self.actor)
        return Response(status=204)


class PauseEndpoint(_EndpointView):
    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        self.nothing()
        webhooks.pause_endpoint(endpoint=endpoint, actor=self.actor)
        return self.one(endpoint, EndpointOutput)


class EnableEndpoint(_EndpointView):
    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        self.nothing()
        webhooks.enable_endpoint(endpoint=endpoint, actor=self.actor)
        return self.one(endpoint, EndpointOutput)


class TestEndpoint(_EndpointView):
    """Answers with the delivery of the test event."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        self.nothing()
        delivery = webhooks.send_test(endpoint=endpoint, actor=self.actor, now=self.now)
        return self.one(delivery, DeliveryOutput, 201)


class ReplayRange(_EndpointView):
    """Answers with how many events are sent once more."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        given = self.body(RangeInput)
        count = webhooks.replay_range(endpoint=endpoint, actor=self.actor, now=self.now, **given)
        return self.one({"events": count}, CountOutput)


class RevealSecret(_EndpointView):
    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        self.nothing()
        secret = webhooks.reveal_secret(endpoint=endpoint, actor=self.actor)
        return self.one({"secret": secret}, WholeSecretOutput)


class RotateSecret(_EndpointView):
    """Answers with the new secret's public part; `reveal` tells the secret itself."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        endpoint = self.endpoint(application_id, id)
        given = self.body(RotateSecretInput)
        secret = webhooks.rotate_secret(
            endpoint=endpoint,
            overlap=dt.timedelta(seconds=given.pop("overlap_seconds")),
            actor=self.actor,
            now=self.now,
            **given,
        )
        return self.one(secret, SecretOutput, 201)


class Deliveries(ManagementView):
    scopes = {"GET": Scope.WEBHOOKS_READ}

    def get(self, request: Request, application_id: uuid.UUID) -> Response:
        application = application_of_token(self.token, application_id)
        wanted = self.query(DeliveryFilter)
        found = WebhookDelivery.objects.filter(application=application)
        if wanted["endpoint"]:
            found = found.filter(endpoint=wanted["endpoint"])
        if wanted["status"]:
            found = found.filter(status=wanted["status"])
        return self.page(found, wanted, DeliveryOutput)


class _DeliveryView(ManagementView):
    def delivery(self, application_id: uuid.UUID, id: uuid.UUID) -> WebhookDelivery:
        rows = WebhookDelivery.objects.select_related("endpoint__application")
        return self.held(row_of_token(self.token, rows, application_id, id), DeliveryOutput)


class Delivery(_DeliveryView):
    scopes = {"GET": Scope.WEBHOOKS_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        return self.one(self.delivery(application_id, id), DeliveryOutput)


class ReplayDelivery(_DeliveryView):
    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    def post(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        delivery = self.delivery(application_id, id)
        self.nothing()
        webhooks.replay(delivery=delivery, actor=self.actor, now=self.now)
        return self.one(self.delivery(application_id, id), DeliveryOutput)


class Attempts(_DeliveryView):
    """What was sent and what came back, newest first."""

    scopes = {"GET": Scope.WEBHOOKS_READ}

    def get(self, request: Request, application_id: uuid.UUID, id: uuid.UUID) -> Response:
        delivery = self.delivery(application_id, id)
        attempts = WebhookAttempt.objects.filter(delivery=delivery)
        return self.page(attempts, self.query(ListInput), AttemptOutput)
