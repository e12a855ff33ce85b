"""What is answered when no view did: a signed refusal in JSON for programs, a page for people."""

import sys

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from api import problems
from api.errors import UNAVAILABLE_RETRY_AFTER_SECONDS
from api.runtime import answers
from api.runtime.requests import UNKNOWN_HOST
from api.runtime.views import http_response
from licensing import errors

_API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path_info.startswith(_API):
        return HttpResponse(loader.get_template("400.html").render(), status=400)
    if isinstance(exception, DisallowedHost):
        return _refused(request, errors.InvalidRequestError(UNKNOWN_HOST))
    return _refused(request, errors.InvalidRequestError())


def server_error(request: HttpRequest) -> HttpResponse:
    """A database that does not answer is an outage, which passes, and no fault in the request or in us."""
    is_outage = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    if is_outage:
        return unavailable(request)
    if request.path_info.startswith(_API):
        return _refused(request, errors.ServerError())
    return defaults.server_error(request)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Ask to come again in a moment."""
    if request.path_info.startswith(_API):
        return _refused(request, errors.TemporarilyUnavailableError())
    page = loader.get_template("503.html").render()
    headers = {"Retry-After": str(UNAVAILABLE_RETRY_AFTER_SECONDS)}
    return HttpResponse(page, status=503, headers=headers)


def _refused(request: HttpRequest, refusal: errors.RefusalError) -> HttpResponse:
    if problems.is_told_in(request.path_info):
        return problems.problem(refusal, request.META)
    return http_response(answers.refuse(refusal, request.META))
