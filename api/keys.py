"""Where public keys are published, as JSON Web Key Sets (RFC 7517): for programs that pin them, and for whoever checks."""

import uuid

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from rest_framework.request import Request
from rest_framework.views import APIView

from api.runtime import answers
from api.runtime.views import http_response
from licensing import errors, signatures, signing_keys
from licensing.models import Application

MEDIA_TYPE = "application/jwk-set+json"
# A key is published long before it signs, so that a copy may be some minutes old.
_MAX_AGE_SECONDS = 300


@method_decorator(login_not_required, name="dispatch")
class _KeySet(APIView):
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            refusal = errors.MethodNotAllowedError("Method not allowed, use GET")
            return http_response(answers.refuse(refusal, request.META, allow="GET, HEAD"))
        return super().dispatch(request, *args, **kwargs)


class ApplicationKeys(_KeySet):
    """The public keys of an application: current, next, and those that signed before."""

    def get(self, request: Request, application_id: uuid.UUID) -> HttpResponseBase:
        application = Application.objects.filter(pk=application_id).first()
        if application is None:
            refusal = errors.NotFoundError("No such application")
            return http_response(answers.refuse(refusal, request.META))
        return _key_set(signing_keys.published_keys(application))


class InstanceKeys(_KeySet):
    """The public keys of this installation, which sign where no application is known."""

    def get(self, request: Request) -> HttpResponseBase:
        signers = signatures.instance_signers()
        return _key_set(
            [signatures.jwk(signatures.public_text(signer.private_key)) for signer in signers]
        )


def _key_set(keys: list[dict[str, str]]) -> JsonResponse:
    response = JsonResponse({"keys": keys}, content_type=MEDIA_TYPE)
    response["Cache-Control"] = f"public, max-age={_MAX_AGE_SECONDS}"
    response["Access-Control-Allow-Origin"] = "*"
    return response
